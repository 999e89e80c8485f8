// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"fmt"
	"sync"
)

// Ledger remembers decisions until snapshots contain them: between the write of a machine's host and its arrival in the
// cache of this process, other decisions must count the machine. Nothing in it expires by itself.
type Ledger struct {
	mu      sync.Mutex
	assumed map[string]assumption
}

type assumption struct {
	host  string
	bound Bound
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger { return &Ledger{assumed: map[string]assumption{}} }

// Decide chooses a host and assumes the machine there, in one step. Called again for the same machine it confirms the
// decision as long as that host can take the machine, and decides anew otherwise. Errors: those of gather, *NoFit; nothing
// is assumed then.
//
// gather reads the snapshot (from caches, since it must not be slow) and runs under the ledger's lock: a snapshot that was
// taken before another machine became visible, and used after that machine left the ledger, would not count it at all.
func (l *Ledger) Decide(gather func() (Snapshot, error), request Request) (Decision, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	snapshot, err := gather()
	if err != nil {
		return Decision{}, fmt.Errorf("gather hosts: %w", err)
	}
	l.dropVisible(snapshot)
	others := l.byHost()
	if before, ok := l.assumed[request.UID]; ok && (request.Host == "" || request.Host == before.host) {
		again := request
		again.Host = before.host
		if decision, err := decide(snapshot, others, again); err == nil {
			l.assume(decision.Host, request)
			return decision, nil
		}
	}
	delete(l.assumed, request.UID)
	decision, err := decide(snapshot, others, request)
	if err != nil {
		return Decision{}, err
	}
	if _, bound := boundTo(snapshot, request.UID); !bound {
		l.assume(decision.Host, request)
	}
	return decision, nil
}

func (l *Ledger) assume(host string, request Request) {
	l.assumed[request.UID] = assumption{host, Bound{UID: request.UID, Group: request.Group, Requests: request.Requests}}
}

// dropVisible forgets the machines that the snapshot contains.
func (l *Ledger) dropVisible(snapshot Snapshot) {
	for i := range snapshot.Hosts {
		for _, b := range snapshot.Hosts[i].Bound {
			delete(l.assumed, b.UID)
		}
	}
}

func (l *Ledger) byHost() map[string][]Bound {
	byHost := map[string][]Bound{}
	for _, a := range l.assumed {
		byHost[a.host] = append(byHost[a.host], a.bound)
	}
	return byHost
}

// Forget drops the machine: it was deleted, or the decision could not be written.
func (l *Ledger) Forget(uid string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.assumed, uid)
}
