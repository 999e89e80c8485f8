// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Decision is a chosen host and why.
type Decision struct {
	Host        string
	Explanation string
}

// NoFit means that no host can take the machine, and why each cannot.
type NoFit struct {
	// Rejections are sorted by host name.
	Rejections []Rejection
}

// Rejection is why one host cannot take a machine.
type Rejection struct {
	Host   string
	Reason string
}

// maxExplained bounds the text of a NoFit, which becomes the message of a condition.
const maxExplained = 10

// Error implements error. It is the same for the same rejections.
func (n *NoFit) Error() string {
	if len(n.Rejections) == 0 {
		return "no host fits: there are no hosts"
	}
	texts := make([]string, 0, maxExplained+1)
	for i, r := range n.Rejections {
		if i == maxExplained {
			texts = append(texts, fmt.Sprintf("and %d more", len(n.Rejections)-i))
			break
		}
		texts = append(texts, r.Host+": "+r.Reason)
	}
	return "no host fits: " + strings.Join(texts, "; ")
}

// decide chooses a host. A machine that is bound in the snapshot stays where it is. The assumed machines of each host count
// as bound, unless the snapshot has them. Errors: *NoFit.
func decide(snapshot Snapshot, assumed map[string][]Bound, request Request) (Decision, error) {
	if host, ok := boundTo(snapshot, request.UID); ok {
		return Decision{Host: host, Explanation: "already bound"}, nil
	}
	visible := map[string]bool{}
	if len(assumed) > 0 {
		visible = boundUIDs(snapshot)
	}
	var fitting []candidate
	noFit := &NoFit{}
	zones := map[string]int{}
	for i := range snapshot.Hosts {
		c := newCandidate(&snapshot.Hosts[i], assumed[snapshot.Hosts[i].Name], visible, request)
		zones[c.host.FailureDomain] += c.siblings
		if reason := reject(c, request); reason != "" {
			noFit.Rejections = append(noFit.Rejections, Rejection{c.host.Name, reason})
			continue
		}
		fitting = append(fitting, c)
	}
	if len(fitting) == 0 {
		slices.SortFunc(noFit.Rejections, func(a, b Rejection) int { return strings.Compare(a.Host, b.Host) })
		return Decision{}, noFit
	}
	for i := range fitting {
		fitting[i].zoneSiblings = zones[fitting[i].host.FailureDomain]
	}
	best := slices.MinFunc(fitting, compare)
	return Decision{Host: best.host.Name, Explanation: explain(best, len(fitting), len(snapshot.Hosts))}, nil
}

func boundTo(snapshot Snapshot, uid string) (string, bool) {
	if uid == "" {
		return "", false
	}
	for i := range snapshot.Hosts {
		for _, b := range snapshot.Hosts[i].Bound {
			if b.UID == uid {
				return snapshot.Hosts[i].Name, true
			}
		}
	}
	return "", false
}

func boundUIDs(snapshot Snapshot) map[string]bool {
	visible := map[string]bool{}
	for i := range snapshot.Hosts {
		for _, b := range snapshot.Hosts[i].Bound {
			visible[b.UID] = true
		}
	}
	return visible
}

// candidate is a host and what is free on it.
type candidate struct {
	host *Host
	free Resources
	// siblings are machines of the request's group on the host, zoneSiblings in its failure domain.
	siblings, zoneSiblings int
	// load is the highest share of any resource that is in use once the machine is there, in thousandths.
	load int64
}

func newCandidate(host *Host, assumed []Bound, visible map[string]bool, request Request) candidate {
	c := candidate{host: host, free: host.Allocatable.Minus(host.Unaccounted)}
	add := func(b Bound) {
		c.free = c.free.Minus(b.Requests)
		if request.Group != "" && b.Group == request.Group {
			c.siblings++
		}
	}
	for _, b := range host.Bound {
		add(b)
	}
	for _, b := range assumed {
		if !visible[b.UID] && b.UID != request.UID {
			add(b)
		}
	}
	c.load = load(host.Allocatable, c.free.Minus(request.Requests))
	return c
}

// load returns the highest share of any resource that is in use, in thousandths.
func load(all, free Resources) int64 {
	share := func(all, free int64) int64 {
		if all <= 0 {
			return 0
		}
		return int64(float64(all-free) / float64(all) * 1000)
	}
	return max(share(all.VCPUs, free.VCPUs), share(all.MemoryBytes, free.MemoryBytes), share(all.DiskBytes, free.DiskBytes))
}

// compare orders candidates from best to worst: spread the group over failure domains, over hosts, then balance; the
// name makes it total.
func compare(a, b candidate) int {
	return cmp.Or(
		cmp.Compare(a.zoneSiblings, b.zoneSiblings),
		cmp.Compare(a.siblings, b.siblings),
		cmp.Compare(a.load, b.load),
		strings.Compare(a.host.Name, b.host.Name),
	)
}

func explain(c candidate, fitting, all int) string {
	text := fmt.Sprintf("%d of %d hosts fit; %s has %d machines of the group and will be %d%% full",
		fitting, all, c.host.Name, c.siblings, c.load/10)
	if c.host.FailureDomain != "" {
		text += fmt.Sprintf(" (failure domain %q: %d machines of the group)", c.host.FailureDomain, c.zoneSiblings)
	}
	return text
}
