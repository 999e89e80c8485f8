// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

const sampleID = "7c9d2f4e-demo"

func soloCluster() loadbalancer.Cluster {
	return loadbalancer.Cluster{
		ID: sampleID, Owner: "3f0c-owner", Name: "team-a/demo", Generation: 4,
		VIP: netip.MustParsePrefix("10.150.0.160/32"), Port: 8443, VRID: 61,
		Backends: []loadbalancer.Backend{
			{Name: "master02", Address: netip.MustParseAddrPort("10.150.0.162:6443")},
			{Name: "master01", Address: netip.MustParseAddrPort("10.150.0.161:6443")},
		},
	}
}

func TestBalancer_oneHostsLife(t *testing.T) {
	ctx, segment := testContext(t), newSegment(t)
	h := segment.newLab("h1", "10.150.0.11/24")
	balancer := New(testLayout)
	hosts := []Host{h.host("10.150.0.11", 254)}
	cluster := soloCluster()

	report, err := balancer.Ensure(ctx, cluster, hosts)
	if err != nil {
		t.Fatalf("first apply: %v", err)
	}
	state := report.Hosts[0].State
	if report.Holder != "h1" || !state.Intact || !state.KeepalivedCurrent || len(state.Servers) != 2 {
		t.Errorf("after the first apply: %+v", state)
	}
	if state.HAProxy != (loadbalancer.Unit{Active: "active", Enabled: "enabled"}) {
		t.Errorf("observation lacks something: %+v", state)
	}

	report = unchanged(t, balancer, cluster, hosts)
	cluster.Generation++
	unchanged(t, balancer, cluster, hosts)
	first := report.Hosts[0].State

	cluster.Backends = cluster.Backends[:1]
	h.shell(">" + h.stub + "/calls")
	report, err = balancer.Ensure(ctx, cluster, hosts)
	if err != nil || len(report.Hosts[0].State.Servers) != 1 || report.Hosts[0].State.Hash == first.Hash {
		t.Fatalf("change of backends: %v, %+v", err, report.Hosts[0].State)
	}
	if calls := h.shell("cat " + h.stub + "/calls"); strings.Contains(calls, "reload altcos-keepalived") {
		t.Errorf("a change of backends reloaded keepalived:\n%s", calls)
	}
	unchanged(t, balancer, cluster, hosts)

	for name, edit := range map[string]string{
		"an edited file":          "echo '# x' >>" + testLayout.Current(sampleID) + "/haproxy.cfg",
		"an edited fragment":      "sed -i s/254/100/ " + testLayout.Current(sampleID) + "/keepalived.conf",
		"an added file":           "touch " + testLayout.Current(sampleID) + "/extra",
		"a lost file":             "rm " + testLayout.Current(sampleID) + "/keepalived.conf",
		"an edited shared file":   "echo '# x' >>" + testLayout.Config + "/bin/check-haproxy",
		"a stopped haproxy":       "systemctl stop " + loadbalancer.HAProxyUnit(sampleID),
		"a stopped keepalived":    "systemctl stop " + loadbalancer.KeepalivedUnit,
		"a disabled unit":         "systemctl disable " + loadbalancer.KeepalivedUnit,
		"a half-finished staging": "mkdir " + testLayout.Config + "/.stage.x; rm " + testLayout.KeepalivedConfig(),
	} {
		t.Run(name+" is repaired", func(t *testing.T) {
			h.shell(edit)
			report, err := balancer.Ensure(ctx, cluster, hosts)
			if err != nil || len(report.Hosts[0].Changes) == 0 {
				t.Fatalf("repair: %v, %v", err, report.Hosts[0].Changes)
			}
			unchanged(t, balancer, cluster, hosts)
		})
	}

	other := cluster
	other.Owner = "another-owner"
	if _, err := balancer.Ensure(ctx, other, hosts); !errors.Is(err, loadbalancer.ErrNotOwned) && !errors.Is(err, ErrAddressInUse) {
		t.Errorf("another owner: %v", err)
	}
	if err := balancer.Release(ctx, other, hosts); !errors.Is(err, loadbalancer.ErrNotOwned) {
		t.Errorf("release by another owner: %v", err)
	}
	unchanged(t, balancer, cluster, hosts)

	for range 2 {
		if err := balancer.Release(ctx, cluster, hosts); err != nil {
			t.Errorf("release: %v", err)
		}
	}
	leavesNothing(t, h)
}

func unchanged(t *testing.T, balancer *Balancer, cluster loadbalancer.Cluster, hosts []Host) Report {
	t.Helper()
	report, err := balancer.Ensure(t.Context(), cluster, hosts)
	assert.NoError(t, err)
	for _, host := range report.Hosts {
		if len(host.Changes) > 0 {
			t.Errorf("host %q was changed again: %v", host.Name, host.Changes)
		}
	}
	return report
}

func leavesNothing(t *testing.T, h *lab) {
	t.Helper()
	if left := h.shell("cd " + testRoot + "; find etc units run -mindepth 1 2>/dev/null || true"); left != "" {
		t.Errorf("left on %s:\n%s", h.name, left)
	}
	if left := h.shell("ip -o addr show to 10.150.0.160; ls " + h.stub + " | grep -E '^(pid|enabled)' || true"); left != "" {
		t.Errorf("left running on %s:\n%s", h.name, left)
	}
}

func TestApply_failureRestoresWhatWasThere(t *testing.T) {
	ctx, segment := testContext(t), newSegment(t)
	h := segment.newLab("h1", "10.150.0.11/24")
	balancer := New(testLayout)
	hosts := []Host{h.host("10.150.0.11", 254)}
	faults := map[string]error{
		"reject-haproxy":               ErrRejected,
		"reject-keepalived":            ErrRejected,
		"fail-start-altcos-haproxy":    ErrRolledBack,
		"fail-start-altcos-keepalived": ErrRolledBack,
		"fail-enable-altcos-haproxy":   ErrRolledBack,
	}
	for fault, want := range faults {
		t.Run("first apply with "+fault+" leaves nothing", func(t *testing.T) {
			defer h.inject(fault)()
			_, err := balancer.Ensure(ctx, soloCluster(), hosts)
			var step *StepError
			if !errors.Is(err, want) || !errors.As(err, &step) || want == ErrRejected && !strings.Contains(step.Message, "injected") {
				t.Errorf("got %v, want %v", err, want)
			}
			leavesNothing(t, h)
		})
	}
	cluster := soloCluster()
	if _, err := balancer.Ensure(ctx, cluster, hosts); err != nil {
		t.Fatal(err)
	}
	before := unchanged(t, balancer, cluster, hosts).Hosts[0].State
	changed := cluster
	changed.Port, changed.VRID = 9443, 77
	for fault, want := range map[string]error{
		"reject-haproxy":                ErrRejected,
		"reject-keepalived":             ErrRejected,
		"fail-reload-altcos-haproxy":    ErrRolledBack,
		"fail-reload-altcos-keepalived": ErrRolledBack,
		"fail-enable-altcos-haproxy":    ErrRolledBack,
	} {
		t.Run("a change with "+fault+" is undone", func(t *testing.T) {
			h.shell("echo once >" + h.stub + "/" + fault) // once, so that the way back works
			if _, err := balancer.Ensure(ctx, changed, hosts); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
			h.shell("rm -f " + h.stub + "/" + fault)
			awaitHeld(t, h) // going back to the old VRID costs an election
			after := unchanged(t, balancer, cluster, hosts).Hosts[0].State
			if after.Hash != before.Hash || after.Description != before.Description || !after.HoldsVIP {
				t.Errorf("not restored: %+v", after)
			}
		})
	}
	second := cluster
	second.ID, second.VRID, second.VIP = "second", 62, netip.MustParsePrefix("10.150.0.170/32")
	t.Run("a second cluster comes and goes beside the first", func(t *testing.T) {
		if _, err := balancer.Ensure(ctx, second, hosts); err != nil {
			t.Fatal(err)
		}
		unchanged(t, balancer, cluster, hosts)
		if got := h.shell("ls " + testLayout.Clusters()); got != sampleID+"\nsecond" {
			t.Errorf("clusters on the host: %v", got)
		}
		clash := second
		clash.ID, clash.VIP, clash.VRID = "third", netip.MustParsePrefix("10.150.0.171/32"), cluster.VRID
		if _, err := balancer.Ensure(ctx, clash, hosts); !errors.Is(err, ErrRejected) {
			t.Errorf("a VRID that is taken on the host: %v", err)
		}
		unchanged(t, balancer, cluster, hosts)
		unchanged(t, balancer, second, hosts)
		if err := balancer.Release(ctx, second, hosts); err != nil {
			t.Error(err)
		}
		unchanged(t, balancer, cluster, hosts)
	})
	if err := balancer.Release(ctx, cluster, hosts); err != nil {
		t.Error(err)
	}
	leavesNothing(t, h)
}

func awaitHeld(t *testing.T, h *lab) {
	t.Helper()
	h.shell("for i in $(seq 100); do ip -o addr show to 10.150.0.160 | grep -q . && exit; sleep 0.1; done; exit 1")
}

func TestBalancer_refusesAddressOfAnotherMachine(t *testing.T) {
	ctx, segment := testContext(t), newSegment(t)
	h := segment.newLab("h1", "10.150.0.11/24")
	segment.plug("x", "10.150.0.160/24", false)
	hosts := []Host{h.host("10.150.0.11", 254)}
	if _, err := New(testLayout).Ensure(ctx, soloCluster(), hosts); !errors.Is(err, ErrAddressInUse) {
		t.Errorf("got %v", err)
	}
	leavesNothing(t, h)
	h.shell("ip addr add 10.150.0.170/32 dev br0")
	cluster := soloCluster()
	cluster.VIP = netip.MustParsePrefix("10.150.0.170/32")
	if _, err := New(testLayout).Ensure(ctx, cluster, hosts); !errors.Is(err, ErrAddressInUse) {
		t.Errorf("an address that the host holds without us: %v", err)
	}
}
