// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

// scripted is a host that answers from a table and records what it was asked.
type scripted struct {
	name    string
	journal *journal
	state   func() string
	probe   string
	apply   string
	offline bool
	lost    bool // from the moment of a change on
	hangs   bool // at a change
}

type journal struct {
	mutex   sync.Mutex
	entries []string
}

func (j *journal) add(entry string) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.entries = append(j.entries, entry)
}

var errOffline = errors.New("offline")

// Run implements virt.Shell.
func (s *scripted) Run(ctx context.Context, script virt.Script) ([]byte, error) {
	if s.offline {
		return nil, errOffline
	}
	switch {
	case strings.HasSuffix(script.Body, observeScript):
		return []byte(s.state()), nil
	case strings.HasSuffix(script.Body, probeScript):
		s.journal.add("probe " + s.name)
		return []byte("result " + s.probe + "\n"), nil
	case strings.HasSuffix(script.Body, applyScript):
		s.journal.add("apply " + s.name)
		if s.lost {
			s.offline = true
			return nil, errOffline
		}
		if s.hangs {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}
		return []byte("result " + s.apply + "\nmessage\n"), nil
	case strings.HasSuffix(script.Body, removeScript):
		s.journal.add("remove " + s.name)
		return []byte("result done\n"), nil
	}
	return nil, fmt.Errorf("unknown script of %d bytes", len(script.Body))
}

// outdatedState is the report of a host with an older tree of the cluster.
func outdatedState(cluster loadbalancer.Cluster, holds bool) string {
	out := fmt.Sprintf("owner %s\nmanifest vip %s\nmanifest hash old\nhaproxy-unit active enabled\nkeepalived-unit active enabled\nassembled 1\nloaded 1\n",
		cluster.Owner, cluster.VIP)
	if holds {
		out += "held br0 x\n"
	}
	return out + "end\n"
}

func scriptedHosts(cluster loadbalancer.Cluster, holder int) ([]Host, []*scripted, *journal) {
	j := &journal{}
	var hosts []Host
	var fakes []*scripted
	for i, priority := range loadbalancer.Priorities(3) {
		state := outdatedState(cluster, i == holder)
		fake := &scripted{name: fmt.Sprintf("h%d", i+1), journal: j, state: func() string { return state }, probe: "free", apply: "done"}
		fakes = append(fakes, fake)
		hosts = append(hosts, Host{
			Name: fake.name, Shell: fake, Bridge: "br0", Priority: priority,
			Address: netip.MustParseAddr(fmt.Sprintf("10.150.0.1%d", i+1)),
		})
	}
	return hosts, fakes, j
}

func TestEnsure_changesOneHostAtATimeWithTheHolderLast(t *testing.T) {
	cluster := soloCluster()
	hosts, _, j := scriptedHosts(cluster, 0)
	report, err := New(testLayout).Ensure(t.Context(), cluster, hosts)
	if err != nil || report.Holder != "h1" {
		t.Errorf("got holder %q, %v", report.Holder, err)
	}
	assert.Equal(t, []string{"apply h2", "apply h3", "apply h1"}, j.entries)
}

func TestEnsure_leavesTheHolderAloneAfterAFailure(t *testing.T) {
	cluster := soloCluster()
	hosts, fakes, j := scriptedHosts(cluster, 0)
	fakes[1].apply = "validate-haproxy"
	report, err := New(testLayout).Ensure(t.Context(), cluster, hosts)
	if !errors.Is(err, ErrRejected) || !errors.Is(report.Hosts[1].Err, ErrRejected) || report.Holder != "h1" {
		t.Errorf("got %v, %+v", err, report)
	}
	assert.Equal(t, []string{"apply h2"}, j.entries)
}

func TestEnsure_goesOnWithoutAHostThatIsOffline(t *testing.T) {
	cluster := soloCluster()
	hosts, fakes, j := scriptedHosts(cluster, 2)
	fakes[0].offline = true
	report, err := New(testLayout).Ensure(t.Context(), cluster, hosts)
	if !errors.Is(err, errOffline) || report.Holder != "h3" {
		t.Errorf("got %v, %+v", err, report)
	}
	assert.Equal(t, []string{"apply h2", "apply h3"}, j.entries)
	j.entries = nil
	if err := New(testLayout).Release(t.Context(), cluster, hosts); !errors.Is(err, errOffline) {
		t.Errorf("release: %v", err)
	}
	assert.Equal(t, []string{"remove h2", "remove h3"}, j.entries)
}

func TestEnsure_brokenHostsDoNotKeepTheHolderFromNewBackends(t *testing.T) {
	all := []string{"apply h2", "apply h3", "apply h1"}
	tests := map[string]struct {
		change  func(h1, h2, h3 *scripted)
		journal []string
		settled bool
	}{
		"all well":                                {func(_, _, _ *scripted) {}, all, true},
		"a disk is full":                          {func(_, h2, _ *scripted) { h2.apply = "stage" }, all, false},
		"a lock is held":                          {func(_, h2, _ *scripted) { h2.apply = "busy" }, all, false},
		"a program is gone":                       {func(_, h2, _ *scripted) { h2.apply = "run-haproxy" }, all, false},
		"a unit is stuck":                         {func(_, h2, _ *scripted) { h2.apply = "verify-haproxy" }, all, false},
		"a host is lost in between":               {func(_, h2, _ *scripted) { h2.lost = true }, all, true},
		"all other disks are full":                {func(_, h2, h3 *scripted) { h2.apply, h3.apply = "stage", "stage" }, all, false},
		"all other hosts are offline":             {func(_, h2, h3 *scripted) { h2.offline, h3.offline = true, true }, all[2:], true},
		"it comes up nowhere":                     {func(_, h2, h3 *scripted) { h2.apply, h3.apply = "verify-haproxy", "reload-keepalived" }, all[:2], false},
		"it comes up nowhere, one host offline":   {func(_, h2, h3 *scripted) { h2.apply, h3.offline = "verify-haproxy", true }, all[:1], false},
		"the configuration is rejected":           {func(_, h2, _ *scripted) { h2.apply = "validate-haproxy" }, all[:1], false},
		"only the holder fails":                   {func(h1, _, _ *scripted) { h1.apply = "stage" }, all, false},
		"a change hangs, and the time is limited": {func(_, h2, _ *scripted) { h2.hangs = true }, all, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
				defer cancel()
				cluster := soloCluster()
				hosts, fakes, j := scriptedHosts(cluster, 0)
				test.change(fakes[0], fakes[1], fakes[2])
				report, err := New(testLayout).Ensure(ctx, cluster, hosts)
				assert.Equal(t, test.journal, j.entries)
				if report.Holder != "h1" || report.Applied() != test.settled || (err != nil) != (name != "all well") {
					t.Errorf("settled %v, holder %q, %v", report.Applied(), report.Holder, err)
				}
			})
		})
	}
}

func TestRelease_needsNoAddress(t *testing.T) {
	cluster := soloCluster()
	hosts, _, j := scriptedHosts(cluster, 0)
	if err := New(testLayout).Release(t.Context(), loadbalancer.Cluster{ID: cluster.ID, Owner: cluster.Owner}, hosts[:1]); err != nil {
		t.Error(err)
	}
	assert.Equal(t, []string{"remove h1"}, j.entries)
}

func TestEnsure_probesANewAddressOnce(t *testing.T) {
	cluster := soloCluster()
	hosts, fakes, j := scriptedHosts(cluster, -1)
	for _, fake := range fakes {
		fake.state = func() string { return "end\n" }
	}
	fakes[0].offline, fakes[1].probe = true, "in-use"
	if _, err := New(testLayout).Ensure(t.Context(), cluster, hosts); !errors.Is(err, ErrAddressInUse) {
		t.Errorf("got %v", err)
	}
	assert.Equal(t, []string{"probe h2"}, j.entries)
}

func TestEnsure_refusesEqualPriorities(t *testing.T) {
	cluster := soloCluster()
	hosts, _, j := scriptedHosts(cluster, 0)
	hosts[2].Priority = hosts[0].Priority
	if _, err := New(testLayout).Ensure(t.Context(), cluster, hosts); !errors.Is(err, loadbalancer.ErrInvalid) || len(j.entries) > 0 {
		t.Errorf("got %v, %v", err, j.entries)
	}
}

func TestRelease_refusesAnIDThatIsAPath(t *testing.T) {
	hosts, _, j := scriptedHosts(soloCluster(), 0)
	err := New(testLayout).Release(t.Context(), loadbalancer.Cluster{ID: "../x", Owner: "owner"}, hosts)
	if !errors.Is(err, loadbalancer.ErrInvalid) || len(j.entries) > 0 {
		t.Errorf("got %v, %v", err, j.entries)
	}
}
