// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package placement_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/altcos/cluster-api-provider-altcos/internal/placement"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

const gib = int64(1) << 30

var small = placement.Resources{VCPUs: 2, MemoryBytes: 4 * gib, DiskBytes: 20 * gib}

func host(name string, change ...func(*placement.Host)) placement.Host {
	h := placement.Host{
		Name: name, Ready: true, NamespaceAllowed: true,
		Allocatable: placement.Resources{VCPUs: 16, MemoryBytes: 32 * gib, DiskBytes: 200 * gib},
	}
	for _, f := range change {
		f(&h)
	}
	return h
}

func bound(uid, group string) func(*placement.Host) {
	return func(h *placement.Host) {
		h.Bound = append(h.Bound, placement.Bound{UID: uid, Group: group, Requests: small})
	}
}

func zone(name string) func(*placement.Host) {
	return func(h *placement.Host) { h.FailureDomain = name }
}

func unaccounted(r placement.Resources) func(*placement.Host) {
	return func(h *placement.Host) { h.Unaccounted = r }
}

func notReady(h *placement.Host)      { h.Ready = false }
func unschedulable(h *placement.Host) { h.Unschedulable = true }
func closed(h *placement.Host)        { h.NamespaceAllowed = false }

func memory(bytes int64) func(*placement.Host) {
	return func(h *placement.Host) { h.Allocatable.MemoryBytes = bytes }
}

// decide asks a ledger that knows of no other machine.
func decide(snapshot placement.Snapshot, request placement.Request) (placement.Decision, error) {
	return placement.NewLedger().Decide(fixed(snapshot), request)
}

func TestDecide_chooses(t *testing.T) {
	for _, c := range []struct {
		name    string
		hosts   []placement.Host
		request placement.Request
		want    string
	}{
		{
			"equal hosts go by name",
			[]placement.Host{host("b"), host("a")}, placement.Request{}, "a",
		},
		{
			"a group spreads over hosts although another is fuller",
			[]placement.Host{host("a", bound("1", "cp")), host("b", bound("2", "w"), bound("3", "w"))},
			placement.Request{Group: "cp"}, "b",
		},
		{
			"a group spreads over failure domains before hosts",
			[]placement.Host{
				host("a", zone("x"), bound("1", "cp")), host("b", zone("x")), host("c", zone("y"), bound("2", "w")),
			},
			placement.Request{Group: "cp"}, "c",
		},
		{
			"without a group the emptier host wins",
			[]placement.Host{host("a", bound("1", "x")), host("b")}, placement.Request{}, "b",
		},
		{
			"the larger host is emptier",
			[]placement.Host{host("a"), host("b", memory(64*gib), func(h *placement.Host) {
				h.Allocatable.VCPUs, h.Allocatable.DiskBytes = 64, 400*gib
			})},
			placement.Request{}, "b",
		},
		{
			"labels and failure domain are obeyed",
			[]placement.Host{
				host("a", zone("x")), host("b", zone("y")),
				host("c", zone("y"), func(h *placement.Host) { h.Labels = map[string]string{"ssd": ""} }),
			},
			placement.Request{FailureDomain: "y", Selects: func(l map[string]string) bool { _, ok := l["ssd"]; return ok }},
			"c",
		},
		{
			"a machine that is bound stays, whatever became of its host",
			[]placement.Host{host("a"), host("b", notReady, bound("me", ""))}, placement.Request{UID: "me"}, "b",
		},
		{
			"unaccounted load counts like machines",
			[]placement.Host{host("a", unaccounted(placement.Resources{MemoryBytes: 30 * gib})), host("b", bound("1", "x"))},
			placement.Request{}, "b",
		},
		{
			"the host asked for is taken",
			[]placement.Host{host("a"), host("b", bound("1", ""))}, placement.Request{Host: "b"}, "b",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.request.Requests = small
			got, err := decide(placement.Snapshot{Hosts: c.hosts}, c.request)
			if err != nil || got.Host != c.want || got.Explanation == "" {
				t.Errorf("decision is %+v, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestDecide_saysWhyNoHostFits(t *testing.T) {
	hosts := []placement.Host{
		host("node5", unschedulable), host("node3", memory(5*gib), bound("1", "")), host("node4", notReady),
		host("node6", closed), host("node7", func(h *placement.Host) { h.Allocatable = placement.Resources{VCPUs: 1} }),
		host("node8", zone("z")),
	}
	hosts[5].Labels = map[string]string{"x": "y"}
	request := placement.Request{Requests: small, Selects: func(l map[string]string) bool { return len(l) == 0 }}
	_, err := decide(placement.Snapshot{Hosts: hosts}, request)
	want := "no host fits: node3: needs 4 GiB memory, 1 GiB left; node4: not Ready; node5: unschedulable; " +
		"node6: namespaceSelector excludes this namespace; node7: needs 2 vCPUs, 1 left, needs 4 GiB memory, 0 B left, " +
		"needs 20 GiB disk, 0 B left; node8: does not match hostSelector"
	assert.Equal(t, want, fmt.Sprint(err))
	if noFit := (*placement.NoFit)(nil); !errors.As(err, &noFit) || len(noFit.Rejections) != len(hosts) {
		t.Errorf("error is %#v", err)
	}
	_, err = decide(placement.Snapshot{}, request)
	assert.Equal(t, "no host fits: there are no hosts", fmt.Sprint(err))
	many := placement.Snapshot{}
	for i := range 12 {
		many.Hosts = append(many.Hosts, host(fmt.Sprintf("n%02d", i), notReady))
	}
	_, err = decide(many, request)
	if text := err.Error(); text[len(text)-len("n09: not Ready; and 2 more"):] != "n09: not Ready; and 2 more" {
		t.Errorf("error is %q", text)
	}
}

func fixed(s placement.Snapshot) func() (placement.Snapshot, error) {
	return func() (placement.Snapshot, error) { return s, nil }
}

func TestLedger_countsWhatIsNotVisibleYet(t *testing.T) {
	l := placement.NewLedger()
	snapshot := placement.Snapshot{Hosts: []placement.Host{host("a", memory(4*gib)), host("b", memory(4*gib))}}
	decide := func(s placement.Snapshot, uid string) string {
		d, err := l.Decide(fixed(s), placement.Request{UID: uid, Requests: small})
		if err != nil {
			return err.Error()
		}
		return d.Host
	}
	full := "no host fits: a: needs 4 GiB memory, 0 B left; b: needs 4 GiB memory, 0 B left"
	for _, step := range []struct{ uid, want string }{{"1", "a"}, {"2", "b"}, {"1", "a"}, {"2", "b"}, {"3", full}} {
		if got := decide(snapshot, step.uid); got != step.want {
			t.Fatalf("machine %s: %q, want %q", step.uid, got, step.want)
		}
	}
	l.Forget("1")
	if got := decide(snapshot, "3"); got != "a" {
		t.Errorf("after 1 is gone 3 goes to %q", got)
	}
	visible := placement.Snapshot{Hosts: []placement.Host{host("a", memory(4*gib), bound("3", "")), host("b", memory(8*gib), bound("2", ""))}}
	if got := decide(visible, "4"); got != "b" {
		t.Errorf("4 goes to %q", got)
	}
	changed := placement.Snapshot{Hosts: []placement.Host{host("a"), host("b", notReady)}}
	if got := decide(changed, "4"); got != "a" {
		t.Errorf("4 goes to %q after its host is lost", got)
	}
	// 2 was visible and is deleted: only 4, which never was, is still assumed.
	if got := []string{decide(snapshot, "5"), decide(snapshot, "6")}; !slices.Equal(got, []string{"b", full}) {
		t.Errorf("5 and 6 go to %q", got)
	}
	_, err := l.Decide(func() (placement.Snapshot, error) { return snapshot, io.ErrUnexpectedEOF }, placement.Request{UID: "5"})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error is %v", err)
	}
}

// TestLedger_noMachineHidesUnaccountedLoad places one machine after the other, which the host has not seen: assumed ones,
// then bound ones.
func TestLedger_noMachineHidesUnaccountedLoad(t *testing.T) {
	l := placement.NewLedger()
	eight := placement.Resources{VCPUs: 1, MemoryBytes: 8 * gib}
	h := host("a", memory(31*gib), unaccounted(placement.Resources{MemoryBytes: 16 * gib}))
	first := placement.Request{UID: "1", Requests: eight}
	if _, err := l.Decide(fixed(placement.Snapshot{Hosts: []placement.Host{h}}), first); err != nil {
		t.Fatal(err)
	}
	withFirst := h
	withFirst.Bound = []placement.Bound{{UID: "1", Requests: eight}}
	for _, step := range []struct {
		name string
		host placement.Host
	}{{"assumed", h}, {"bound", withFirst}, {"bound and assumed no more", withFirst}} {
		snapshot := placement.Snapshot{Hosts: []placement.Host{step.host}}
		_, err := l.Decide(fixed(snapshot), placement.Request{UID: "2", Requests: eight})
		if diff := cmp.Diff("no host fits: a: needs 8 GiB memory, 7 GiB left", fmt.Sprint(err)); diff != "" {
			t.Errorf("%s: %s", step.name, diff)
		}
	}
}

// TestLedger_neverOverbooks places from many goroutines while machines become visible at any moment.
func TestLedger_neverOverbooks(t *testing.T) {
	const machines = 200
	l := placement.NewLedger()
	var mu sync.Mutex
	hosts := []placement.Host{host("a"), host("b", memory(12*gib)), host("c", zone("z"))}
	gather := func() (placement.Snapshot, error) {
		mu.Lock()
		defer mu.Unlock()
		s := placement.Snapshot{Hosts: append([]placement.Host(nil), hosts...)}
		for i := range s.Hosts {
			s.Hosts[i].Bound = append([]placement.Bound(nil), hosts[i].Bound...)
		}
		return s, nil
	}
	var wg sync.WaitGroup
	placed := make(chan string, machines)
	for i := range machines {
		wg.Go(func() {
			request := placement.Request{UID: fmt.Sprint(i), Group: fmt.Sprint(i % 3), Requests: small}
			d, err := l.Decide(gather, request)
			if err != nil {
				return
			}
			placed <- d.Host
			mu.Lock()
			defer mu.Unlock()
			for j := range hosts {
				if hosts[j].Name == d.Host {
					hosts[j].Bound = append(hosts[j].Bound, placement.Bound{UID: request.UID, Group: request.Group, Requests: small})
				}
			}
		})
	}
	wg.Wait()
	close(placed)
	got := map[string]int{}
	for h := range placed {
		got[h]++
	}
	assert.Equal(t, map[string]int{"a": 8, "b": 3, "c": 8}, got)
}

// FuzzLedger turns bytes into machines and hosts: no host is ever overbooked, no answer depends on the order of hosts.
func FuzzLedger(f *testing.F) {
	f.Add([]byte{}, []byte{})
	f.Add([]byte{3, 9, 200}, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, capacities, machines []byte) {
		var forward, backward placement.Snapshot
		for i, c := range capacities {
			h := host(fmt.Sprintf("h%d", i), zone(fmt.Sprint(c%3)))
			h.Allocatable = placement.Resources{VCPUs: int64(c % 32), MemoryBytes: int64(c) * gib, DiskBytes: int64(c) * 10}
			h.Ready, h.Unschedulable = c%7 != 0, c%11 == 0
			forward.Hosts = append(forward.Hosts, h)
			backward.Hosts = append([]placement.Host{h}, backward.Hosts...)
		}
		one, two := placement.NewLedger(), placement.NewLedger()
		left := map[string]placement.Resources{}
		for _, h := range forward.Hosts {
			left[h.Name] = h.Allocatable
		}
		for i, m := range machines {
			request := placement.Request{UID: fmt.Sprint(i), Group: fmt.Sprint(m % 4), Requests: placement.Resources{
				VCPUs: int64(m % 5), MemoryBytes: int64(m%9) * gib, DiskBytes: int64(m),
			}}
			d, err := one.Decide(fixed(forward), request)
			other, otherErr := two.Decide(fixed(backward), request)
			if d != other || fmt.Sprint(err) != fmt.Sprint(otherErr) {
				t.Fatalf("order of hosts matters: %+v, %v; %+v, %v", d, err, other, otherErr)
			}
			if err == nil {
				left[d.Host] = left[d.Host].Minus(request.Requests)
			}
		}
		for name, free := range left {
			if free.VCPUs < 0 || free.MemoryBytes < 0 || free.DiskBytes < 0 {
				t.Errorf("host %q is overbooked: %+v", name, free)
			}
		}
	})
}

func BenchmarkDecide_500hosts5000machines(b *testing.B) {
	snapshot := placement.Snapshot{}
	for i := range 500 {
		h := host(fmt.Sprintf("h%03d", i), zone(fmt.Sprint(i%5)))
		for j := range 10 {
			bound(fmt.Sprintf("%d-%d", i, j), fmt.Sprint(j))(&h)
		}
		h.Allocatable = placement.Resources{VCPUs: 100, MemoryBytes: 400 * gib, DiskBytes: 4000 * gib}
		snapshot.Hosts = append(snapshot.Hosts, h)
	}
	l := placement.NewLedger()
	for i := 0; b.Loop(); i++ {
		uid := fmt.Sprint("new", i)
		if _, err := l.Decide(fixed(snapshot), placement.Request{UID: uid, Group: "3", Requests: small}); err != nil {
			b.Fatal(err)
		}
		l.Forget(uid)
	}
}
