// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

// wantedState is what a host reports that matches the tree.
func wantedState(t *testing.T, tree Tree, shared []SharedFile) State {
	t.Helper()
	state := State{
		Owner: tree.Owner, Hash: tree.Hash, Intact: true, Description: tree.Description, KeepalivedCurrent: true,
		HAProxy: Unit{"active", "enabled"}, Keepalived: Unit{"active", "enabled"}, shared: map[string]sharedState{},
	}
	for _, file := range shared {
		state.shared[file.Name] = sharedState{sharedRevision, fmt.Sprintf("%x", sha256.Sum256(file.Content))}
	}
	return state
}

func TestNewPlan_doesWhatIsNeededAndNoMore(t *testing.T) {
	tree, err := Render(sampleCluster(), sampleMember(), DefaultLayout())
	assert.NoError(t, err)
	shared, err := RenderShared(DefaultLayout())
	assert.NoError(t, err)
	because := func(reasons ...string) []string { return reasons }
	tests := map[string]struct {
		change func(*State)
		want   Plan
		err    error
	}{
		"a host as wanted needs nothing":            {change: func(*State) {}},
		"another hash is written":                   {change: func(s *State) { s.Hash = "x" }, want: Plan{WriteTree: true, Reasons: because("the wanted configuration changed")}},
		"an edited tree is written":                 {change: func(s *State) { s.Intact = false }, want: Plan{WriteTree: true, Reasons: because("files on the host were edited")}},
		"an absent tree is written":                 {change: func(s *State) { s.Owner = "" }, want: Plan{WriteTree: true, Reasons: because("the cluster has no files on the host")}},
		"a stopped haproxy is started":              {change: func(s *State) { s.HAProxy.Active = "failed" }, want: Plan{HAProxy: true, Reasons: because("haproxy is not running")}},
		"an old haproxy is reloaded":                {change: func(s *State) { s.Description = "x" }, want: Plan{HAProxy: true, Reasons: because("haproxy runs another configuration")}},
		"an old keepalived is reloaded":             {change: func(s *State) { s.KeepalivedCurrent = false }, want: Plan{Keepalived: true, Reasons: because("keepalived runs another configuration")}},
		"a disabled unit is enabled":                {change: func(s *State) { s.Keepalived.Enabled = "disabled" }, want: Plan{Reasons: because("units are not enabled")}},
		"an older shared file is replaced":          {change: func(s *State) { s.shared["check"] = sharedState{0, "x"} }, want: Plan{WriteShared: []string{"check"}, Reasons: because("shared file check is absent, older or damaged")}},
		"a damaged shared file is replaced":         {change: func(s *State) { s.shared["check"] = sharedState{1, "x"} }, want: Plan{WriteShared: []string{"check"}, Reasons: because("shared file check is absent, older or damaged")}},
		"an absent shared file is written":          {change: func(s *State) { delete(s.shared, "check") }, want: Plan{WriteShared: []string{"check"}, Reasons: because("shared file check is absent, older or damaged")}},
		"a newer shared file is left alone":         {change: func(s *State) { s.shared["check"] = sharedState{sharedRevision + 1, "x"} }},
		"a shared file of another owner is refused": {change: func(s *State) { s.shared["check"] = sharedState{-1, "x"} }, err: ErrNotOwned},
		"another owner's tree is refused":           {change: func(s *State) { s.Owner = "x" }, err: ErrNotOwned},
		"a tree without an owner is refused":        {change: func(s *State) { s.Owner = "unproven" }, err: ErrNotOwned},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			state := wantedState(t, tree, shared)
			test.change(&state)
			got, err := NewPlan(tree, shared, state)
			if !errors.Is(err, test.err) {
				t.Fatalf("got %v, want %v", err, test.err)
			}
			assert.Equal(t, test.want, got)
			if got.Empty() != (len(test.want.Reasons) == 0) {
				t.Errorf("%+v is empty: %v", got, got.Empty())
			}
		})
	}
}
