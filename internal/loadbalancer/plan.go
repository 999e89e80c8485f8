// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Plan is what has to happen on one host; the zero value is nothing.
type Plan struct {
	// WriteTree replaces the cluster's files.
	WriteTree bool
	// WriteShared are the names of the shared files to replace.
	WriteShared []string
	// HAProxy and Keepalived start or reload our units. The script also reloads keepalived when what it wrote differs
	// from what keepalived has loaded.
	HAProxy, Keepalived bool
	// Enable makes the units start at boot.
	Enable bool
	// Reasons say why, for logs and events.
	Reasons []string
}

// Empty says that the host is as wanted.
func (p Plan) Empty() bool { return len(p.Reasons) == 0 }

// NewPlan compares a wanted tree with what the host says. It returns ErrNotOwned instead of a plan when the files
// there are not the cluster's.
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
	because(state.HAProxy.Enabled != "enabled" || state.Keepalived.Enabled != "enabled", &plan.Enable, "units are not enabled")
	return plan, nil
}

// addShared asks for the shared files that are absent, older than ours, or damaged at our revision.
func (p *Plan) addShared(shared []SharedFile, state State) error {
	for _, file := range shared {
		found, there := state.shared[file.Name]
		if there && found.revision < 0 {
			return fmt.Errorf("%w: %q", ErrNotOwned, file.Path)
		}
		sum := sha256.Sum256(file.Content)
		newer := there && found.revision > SharedRevision
		same := there && found.sum == hex.EncodeToString(sum[:])
		if newer || same {
			continue
		}
		p.WriteShared = append(p.WriteShared, file.Name)
		p.Reasons = append(p.Reasons, "shared file "+file.Name+" is absent, older or damaged")
	}
	return nil
}
