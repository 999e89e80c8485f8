// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// ErrNotOwned means that the files of this cluster's name on a host belong to another owner, or that nothing proves whose
// they are; the host is left alone.
var ErrNotOwned = errors.New("files of the load balancer on the host belong to another owner")

// Plan is what has to happen on one host; the zero value is nothing. Whatever else happens, the units are enabled.
type Plan struct {
	// WriteTree replaces the cluster's files.
	WriteTree bool
	// WriteShared are the names of the shared files to replace.
	WriteShared []string
	// HAProxy and Keepalived start or reload our units. The script also reloads keepalived when what it wrote differs
	// from what keepalived has loaded.
	HAProxy, Keepalived bool
	// Reasons are why, for logs and events; without a reason there is nothing to do.
	Reasons []string
}

// Empty reports whether nothing has to happen on the host.
func (p Plan) Empty() bool { return len(p.Reasons) == 0 }

// NewPlan compares a wanted tree with what the host reported. Errors: ErrNotOwned.
func NewPlan(tree Tree, shared []SharedFile, state State) (Plan, error) {
	if state.Owner != "" && state.Owner != tree.Owner {
		return Plan{}, fmt.Errorf("plan load balancer %q: %w: %q", tree.ID, ErrNotOwned, state.Owner)
	}
	plan := Plan{}
	because := func(wanted bool, flag *bool, reason string) {
		if wanted {
			*flag = true
			plan.Reasons = append(plan.Reasons, reason)
		}
	}
	because(state.Owner == "", &plan.WriteTree, "the cluster has no files on the host")
	because(state.Owner != "" && state.Hash != tree.Hash, &plan.WriteTree, "the wanted configuration changed")
	because(state.Owner != "" && state.Hash == tree.Hash && !state.Intact, &plan.WriteTree, "files on the host were edited")
	if err := plan.addShared(shared, state); err != nil {
		return Plan{}, fmt.Errorf("plan load balancer %q: %w", tree.ID, err)
	}
	because(!state.HAProxy.Running(), &plan.HAProxy, "haproxy is not running")
	because(state.HAProxy.Running() && state.Description != tree.Description, &plan.HAProxy, "haproxy runs another configuration")
	because(!state.Keepalived.Running(), &plan.Keepalived, "keepalived is not running")
	because(state.Keepalived.Running() && !state.KeepalivedCurrent, &plan.Keepalived, "keepalived runs another configuration")
	because(state.HAProxy.Enabled != "enabled" || state.Keepalived.Enabled != "enabled", new(bool), "units are not enabled")
	return plan, nil
}

// addShared adds the shared files that are absent, older than ours, or damaged at our revision.
func (p *Plan) addShared(shared []SharedFile, state State) error {
	for _, file := range shared {
		found, there := state.shared[file.Name]
		if there && found.revision < 0 {
			return fmt.Errorf("%w: nothing in %q shows that the provider wrote it", ErrNotOwned, file.Path)
		}
		sum := sha256.Sum256(file.Content)
		newer := there && found.revision > sharedRevision
		same := there && found.sum == hex.EncodeToString(sum[:])
		if newer || same {
			continue
		}
		p.WriteShared = append(p.WriteShared, file.Name)
		p.Reasons = append(p.Reasons, "shared file "+file.Name+" is absent, older or damaged")
	}
	return nil
}
