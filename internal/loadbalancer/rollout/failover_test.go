// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"bufio"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

func parseKey(der []byte) crypto.PrivateKey {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		panic(err)
	}
	return key
}

// prober watches the endpoint from a client.
type prober struct {
	mutex     sync.Mutex
	successes []time.Time
	failures  []time.Time
	unready   []time.Time
}

// probe starts a prober in the role probe or hold.
func (s *segment) probe(node, role, argument string) *prober {
	s.t.Helper()
	p := &prober{}
	command := s.play(node, role, argument)
	output, err := command.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		for lines := bufio.NewScanner(output); lines.Scan(); {
			var verdict string
			var at int64
			if _, err := fmt.Sscan(lines.Text(), &verdict, &at); err != nil {
				continue
			}
			p.mutex.Lock()
			switch verdict {
			case "ok":
				p.successes = append(p.successes, time.UnixMicro(at))
			case "unready":
				p.unready = append(p.unready, time.UnixMicro(at))
			default:
				p.failures = append(p.failures, time.UnixMicro(at))
			}
			p.mutex.Unlock()
		}
	}()
	return p
}

// await waits for count successes in a row after the moment.
func (p *prober) await(t *testing.T, since time.Time, count int) {
	t.Helper()
	for deadline := time.Now().Add(40 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		p.mutex.Lock()
		good := 0
		for _, at := range slices.Backward(p.successes) {
			if at.Before(since) || len(p.failures) > 0 && at.Before(p.failures[len(p.failures)-1]) {
				break
			}
			good++
		}
		p.mutex.Unlock()
		if good >= count {
			return
		}
	}
	t.Fatal("the endpoint does not answer")
}

// outage is the longest silence since a moment, and how many probes failed.
func (p *prober) outage(since time.Time) (time.Duration, int) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	longest, last := time.Duration(0), since
	for _, at := range p.successes {
		if at.After(since) {
			longest, last = max(longest, at.Sub(last)), at
		}
	}
	failed := 0
	for _, at := range p.failures {
		if at.After(since) {
			failed++
		}
	}
	return longest, failed
}

// apiServer starts a backend; the returned function flips its readiness.
func (s *segment) apiServer(node, address string, ca authority) (flip func()) {
	s.t.Helper()
	certificate := ca.server(s.t, "kubernetes")
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		s.t.Fatal(err)
	}
	config, err := json.Marshal(backendConfig{Address: address, Chain: certificate.Certificate, KeyDER: key})
	if err != nil {
		s.t.Fatal(err)
	}
	command := s.play(node, "backend", "")
	input, err := command.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		s.t.Fatal(err)
	}
	if _, err := input.Write(append(config, '\n')); err != nil {
		s.t.Fatal(err)
	}
	return func() {
		if _, err := io.WriteString(input, "\n"); err != nil {
			s.t.Error(err)
		}
	}
}

// trio is three hosts, two API servers, a client, and one cluster on them.
type trio struct {
	*segment
	labs     map[string]*lab
	hosts    []Host
	cluster  loadbalancer.Cluster
	balancer *Balancer
	flip     func()
	probe    *prober
}

func newTrio(t *testing.T, patience time.Duration) *trio {
	t.Helper()
	s := newSegment(t)
	tr := &trio{segment: s, labs: map[string]*lab{}, balancer: New(testLayout), cluster: soloCluster()}
	for i, priority := range loadbalancer.Priorities(3) {
		name, address := fmt.Sprintf("h%d", i+1), fmt.Sprintf("10.150.0.1%d", i+1)
		tr.labs[name] = s.newLab(name, address+"/24")
		tr.hosts = append(tr.hosts, tr.labs[name].host(address, priority))
	}
	ca, other := newAuthority(t), newAuthority(t)
	tr.cluster.CA = ca.pem
	tr.cluster.Backends = nil
	for i, signer := range []authority{ca, ca, other} {
		node := fmt.Sprintf("m%d", i+1)
		address := fmt.Sprintf("10.150.0.16%d", i+1)
		s.plug(node, address+"/24", false)
		flip := s.apiServer(node, address+":6443", signer)
		if i == 0 {
			tr.flip = flip
		}
		tr.cluster.Backends = append(tr.cluster.Backends, loadbalancer.Backend{Name: node, Address: netip.MustParseAddrPort(address + ":6443")})
	}
	s.plug("c", "10.150.0.200/24", false)
	if _, err := tr.balancer.Ensure(testContext(t), tr.cluster, tr.hosts); err != nil {
		t.Fatal(err)
	}
	tr.probe = s.probe("c", "probe", "10.150.0.160:8443 "+patience.String())
	tr.probe.await(t, time.Now(), 10)
	return tr
}

func (tr *trio) holder(t *testing.T) *lab {
	t.Helper()
	report := tr.balancer.observeAll(t.Context(), tr.cluster, tr.hosts, Report{})
	if err := report.err(); err != nil || report.Holder == "" {
		t.Fatalf("no holder: %v", err)
	}
	return tr.labs[report.Holder]
}

func TestFailover_endpointSurvivesOneHost(t *testing.T) {
	tr := newTrio(t, 300*time.Millisecond)
	unit := loadbalancer.HAProxyUnit(tr.cluster.ID)
	faults := []struct {
		name           string
		limit          time.Duration
		strike, repair func(*lab)
	}{
		{"haproxy is killed", 4 * time.Second, func(l *lab) { l.signal(unit, syscall.SIGKILL) }, func(l *lab) { l.shell("systemctl start " + unit) }},
		{"haproxy hangs", 6 * time.Second, func(l *lab) { l.signal(unit, syscall.SIGSTOP) }, func(l *lab) { l.signal(unit, syscall.SIGCONT) }},
		{"the link goes down", 4 * time.Second, func(l *lab) { tr.ip(l.name, "link set up0 down") }, func(l *lab) { tr.ip(l.name, "link set up0 up") }},
		{"keepalived is stopped", 3 * time.Second, func(l *lab) { l.shell("systemctl stop " + loadbalancer.KeepalivedUnit) }, func(l *lab) { l.shell("systemctl start " + loadbalancer.KeepalivedUnit) }},
	}
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			struck := tr.holder(t)
			begin := time.Now()
			fault.strike(struck)
			time.Sleep(300 * time.Millisecond)
			tr.probe.await(t, begin, 40)
			outage, failed := tr.probe.outage(begin)
			repaired := time.Now()
			fault.repair(struck)
			time.Sleep(4 * time.Second)
			tr.probe.await(t, repaired, 40)
			second, failedLater := tr.probe.outage(repaired)
			t.Logf("%s on %s: outage %s (%d probes failed), at repair %s (%d failed), now on %s", fault.name, struck.name,
				outage.Round(10*time.Millisecond), failed, second.Round(10*time.Millisecond), failedLater, tr.holder(t).name)
			if outage > fault.limit {
				t.Errorf("outage of %s exceeds %s", outage, fault.limit)
			}
		})
	}
}

func TestEnsure_changesCutNoConnection(t *testing.T) {
	tr := newTrio(t, 3*time.Second) // a cut connection fails at once, a busy test machine does not count
	ctx := testContext(t)
	check := func(what string, change func()) {
		t.Helper()
		begin := time.Now()
		before := tr.holder(t).name
		change()
		if _, err := tr.balancer.Ensure(ctx, tr.cluster, tr.hosts); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(3 * time.Second)
		outage, failed := tr.probe.outage(begin)
		t.Logf("%s: longest silence %s, %d probes failed, VIP on %s, then on %s", what, outage.Round(time.Millisecond), failed, before, tr.holder(t).name)
		if failed > 0 {
			t.Errorf("%s: %d probes failed", what, failed)
		}
	}
	check("a backend leaves", func() { tr.cluster.Backends = slices.Clone(tr.cluster.Backends[:2]) })
	check("an extra port comes", func() {
		tr.cluster.ExtraPorts = []loadbalancer.ExtraPort{{Name: "join", Port: 9345, TargetPort: 9345}}
	})
	check("priorities rotate", func() {
		tr.hosts[0].Priority, tr.hosts[1].Priority = tr.hosts[1].Priority, tr.hosts[0].Priority
	})
	second := tr.cluster
	second.ID, second.VRID, second.VIP, second.ExtraPorts = "second", 62, netip.MustParsePrefix("10.150.0.170/32"), nil
	check("another cluster comes", func() {
		if _, err := tr.balancer.Ensure(ctx, second, tr.hosts); err != nil {
			t.Fatal(err)
		}
	})
	check("another cluster goes", func() {
		assert.NoError(t, tr.balancer.Release(ctx, second, tr.hosts))
	})
	if err := tr.balancer.Release(ctx, tr.cluster, tr.hosts); err != nil {
		t.Error(err)
	}
	for _, l := range tr.labs {
		leavesNothing(t, l)
	}
}

// statuses are those of the API servers by name, as the first host sees them.
func (tr *trio) statuses(t *testing.T) map[string]string {
	t.Helper()
	report := tr.balancer.observeAll(t.Context(), tr.cluster, tr.hosts[:1], Report{})
	assert.NoError(t, report.err())
	found := map[string]string{}
	for _, server := range report.Hosts[0].State.Servers {
		found[server.Name] = strings.Join([]string{server.Status, server.Check}, " ")
	}
	return found
}

// awaitStatuses waits until the statuses begin as wanted.
func (tr *trio) awaitStatuses(t *testing.T, want map[string]string) {
	t.Helper()
	for range 60 {
		matched, found := 0, tr.statuses(t)
		for name, prefix := range want {
			if strings.HasPrefix(found[name], prefix) {
				matched++
			}
		}
		if matched == len(want) {
			return
		}
		time.Sleep(250 * time.Millisecond)
	}
	t.Errorf("got %v, want %v", tr.statuses(t), want)
}

func TestHealthCheck_seesWhatTheManualsCheckDoesNot(t *testing.T) {
	tr := newTrio(t, time.Second)
	// m3's certificate is signed by another CA.
	tr.awaitStatuses(t, map[string]string{"m1": "UP L7OK", "m2": "UP L7OK", "m3": "DOWN L6RSP"})
	tr.flip()
	tr.awaitStatuses(t, map[string]string{"m1": "DOWN L7STS", "m2": "UP L7OK"})
	tr.flip()
	tr.awaitStatuses(t, map[string]string{"m1": "UP L7OK", "m2": "UP L7OK"})
}

// The only API server is slow now and then: its clients keep their connections, and new ones reach it.
func TestLastResort_noClientIsThrownOutWhenNoServerIsReady(t *testing.T) {
	tr := newTrio(t, 3*time.Second)
	tr.cluster.Backends = tr.cluster.Backends[:1]
	if _, err := tr.balancer.Ensure(testContext(t), tr.cluster, tr.hosts); err != nil {
		t.Fatal(err)
	}
	tr.awaitStatuses(t, map[string]string{"m1": "UP L7OK"})
	held := tr.segment.probe("c", "hold", "10.150.0.160:8443 3s")
	held.await(t, time.Now(), 10)
	begin := time.Now()
	tr.flip()
	for range 3 { // one host sees it before the others do
		tr.awaitStatuses(t, map[string]string{"m1": "DOWN L7STS"})
		time.Sleep(time.Second)
	}
	down := time.Now()
	time.Sleep(time.Second)
	for name, p := range map[string]*prober{"new connections": tr.probe, "an open connection": held} {
		_, failed := p.outage(begin)
		p.mutex.Lock()
		answered := len(p.unready) > 0 && p.unready[len(p.unready)-1].After(down)
		p.mutex.Unlock()
		if failed > 0 || !answered {
			t.Errorf("%s: %d probes failed, answered while down: %v", name, failed, answered)
		}
	}
	tr.flip()
	tr.awaitStatuses(t, map[string]string{"m1": "UP L7OK"})
}
