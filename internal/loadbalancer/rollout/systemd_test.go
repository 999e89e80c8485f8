// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/altcos/cluster-api-provider-altcos/internal/hostprep"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer/rollout"
	"github.com/altcos/cluster-api-provider-altcos/internal/sshexec"
	"github.com/altcos/cluster-api-provider-altcos/internal/sshexec/sshexectest"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/hypervisor"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/segment"
)

const labName = "lbtest"

// machine is a lab host with real systemd, reached by SSH as the product does.
type machine struct {
	*hypervisor.Host
	connection *sshexec.Connection
}

func startMachines(t *testing.T, addresses map[string]string) map[string]machine {
	t.Helper()
	store, err := artifact.Open()
	assert.NoError(t, err)
	network, err := segment.Ensure(t.Context(), labName)
	assert.NoError(t, err)
	directory, err := os.MkdirTemp("/var/tmp", "altcos-lb-test-") // a tmpfs cannot hold a host
	assert.NoError(t, err)
	machines := map[string]machine{}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for name := range addresses {
			if err := hypervisor.Remove(ctx, network, name, filepath.Join(directory, name)); err != nil {
				t.Error(err)
			}
		}
		if err := segment.Remove(ctx, labName); err != nil {
			t.Error(err)
		}
		_ = os.RemoveAll(directory)
	})
	key := sshexectest.NewKey(t)
	for name, address := range addresses {
		host, err := hypervisor.Ensure(t.Context(), store, network, hypervisor.Options{
			Name: name, Address: netip.MustParseAddr(address), StateDir: filepath.Join(directory, name),
			AuthorizedKeys: []ssh.PublicKey{key.Signer.PublicKey()},
		})
		assert.NoError(t, err)
		socket, err := network.DialContext(t.Context(), "tcp", address+":22")
		assert.NoError(t, err)
		target := sshexec.Target{Address: address, User: "root", PrivateKey: key.PEM, HostKeys: ssh.MarshalAuthorizedKey(host.SSHHostKey)}
		if name == "node4" { // one host as root, one as a user with sudo
			target.User, target.Sudo = hypervisor.User, true
			rule := hypervisor.User + " ALL=(root) NOPASSWD: ALL"
			if _, err := host.Exec(t.Context(), "sh", "-c", "umask 227; echo '"+rule+"' >/etc/sudoers.d/altcos-test"); err != nil {
				t.Fatal(err)
			}
		}
		connection, err := sshexec.DialOver(t.Context(), socket, target)
		assert.NoError(t, err)
		t.Cleanup(func() { _ = connection.Close() })
		machines[name] = machine{host, connection}
	}
	return machines
}

// snapshot lists what a load balancer could leave on a host.
func (m machine) snapshot(t *testing.T) string {
	t.Helper()
	out, err := m.connection.Run(t.Context(), virt.Script{Body: `find /etc/systemd /etc/altcos-capi /etc/haproxy /etc/keepalived /etc/sysctl.d /run/altcos-* /var/lib/private -type f -o -type l 2>/dev/null |
		LC_ALL=C sort | xargs -r sha256sum 2>/dev/null
		systemctl list-units --all --no-legend --plain 'altcos-*' '*haproxy*' '*keepalived*'
		ip -o addr show dev br0 | awk '{ print $4 }'; pgrep -a 'haproxy|keepalived'; true`})
	assert.NoError(t, err)
	return string(out)
}

// holds reports whether the address is on an interface of the host.
func (m machine) holds(t *testing.T, address netip.Addr) bool {
	t.Helper()
	out, err := m.connection.Run(t.Context(), virt.Script{Body: "ip -o addr show to " + address.String()})
	assert.NoError(t, err)
	return len(out) > 0
}

func TestBalancer_onRealSystemd(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	machines := startMachines(t, map[string]string{"node3": "10.150.0.3", "node4": "10.150.0.4"})
	var hosts []rollout.Host
	before := map[string]string{}
	for i, name := range []string{"node3", "node4"} {
		m := machines[name]
		before[name] = m.snapshot(t)
		hosts = append(hosts, rollout.Host{
			Name: name, Shell: m.connection, Bridge: "br0", Address: m.Address, Priority: loadbalancer.Priorities(2)[i],
		})
		report, err := hostprep.Check(ctx, m.connection, hostprep.Requirements{
			Packages: hostprep.LoadBalancerPackages(), Programs: hostprep.LoadBalancerPrograms(), Bridge: "br0",
		})
		if err != nil || len(report.MissingPackages)+len(report.MissingPrograms) > 0 || !report.BridgeUp {
			t.Fatalf("%s is not ready: %+v, %v", name, report, err)
		}
	}
	cluster := loadbalancer.Cluster{
		ID: "e2e", Owner: "owner-1", Name: "default/e2e", Generation: 1,
		VIP: netip.MustParsePrefix("10.150.0.160/32"), Port: 8443, VRID: 60,
		Backends: []loadbalancer.Backend{{Name: "m1", Address: netip.MustParseAddrPort("10.150.0.161:6443")}},
	}
	balancer := rollout.New(loadbalancer.DefaultLayout())
	report, err := balancer.Ensure(ctx, cluster, hosts)
	assert.NoError(t, err)
	for _, host := range report.Hosts {
		if !host.State.HAProxy.Running() || !host.State.Keepalived.Running() || !host.State.Intact || len(host.State.Servers) != 1 {
			t.Errorf("after the first apply: %+v", host.State)
		}
	}
	t.Logf("the VIP is on %s", report.Holder)

	cluster.Backends = append(cluster.Backends, loadbalancer.Backend{Name: "m2", Address: netip.MustParseAddrPort("10.150.0.162:6443")})
	began := time.Now()
	report, err = balancer.Ensure(ctx, cluster, hosts)
	if err != nil || len(report.Hosts[0].State.Servers) != 2 {
		t.Fatalf("change of backends: %v, %+v", err, report.Hosts[0].State)
	}
	t.Logf("a change on two hosts took %s", time.Since(began).Round(10*time.Millisecond))
	began = time.Now()
	if report, err = balancer.Ensure(ctx, cluster, hosts); err != nil || len(report.Hosts[0].Changes)+len(report.Hosts[1].Changes) > 0 {
		t.Errorf("changed again: %+v, %v", report, err)
	}
	t.Logf("nothing to do took %s", time.Since(began).Round(time.Millisecond))

	// The manager dies in the middle of a change: the script on the host ends by itself, the next attempt finishes.
	for _, patience := range []time.Duration{150 * time.Millisecond, 300 * time.Millisecond, 600 * time.Millisecond, 1200 * time.Millisecond} {
		cluster.Port++
		hasty, cancel := context.WithTimeout(ctx, patience)
		_, err := balancer.Ensure(hasty, cluster, hosts)
		cancel()
		if err == nil {
			t.Logf("a change was through after %dms", patience)
		}
		if report, err = balancer.Ensure(ctx, cluster, hosts); err != nil {
			t.Errorf("after an interruption at %dms: %v", patience, err)
		}
	}

	holder := machines[report.Holder]
	if _, err := holder.Exec(ctx, "systemctl", "kill", "--kill-whom=all", "-s", "KILL", loadbalancer.HAProxyUnit(cluster.ID)); err != nil {
		t.Error(err)
	}
	began = time.Now()
	moved := slices.Index([]string{"node4", "node3"}, holder.Name)
	for time.Since(began) < 20*time.Second {
		if machines[hosts[moved].Name].holds(t, cluster.VIP.Addr()) {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("after haproxy was killed: the VIP was on %q, is on %q: %v, after %s", report.Holder, hosts[moved].Name,
		machines[hosts[moved].Name].holds(t, cluster.VIP.Addr()), time.Since(began).Round(100*time.Millisecond))

	assert.NoError(t, balancer.Release(ctx, cluster, hosts))
	for name, m := range machines {
		if diff := cmp.Diff(strings.Split(before[name], "\n"), strings.Split(m.snapshot(t), "\n")); diff != "" {
			t.Errorf("left on %s (-before +after):\n%s", name, diff)
		}
	}
}
