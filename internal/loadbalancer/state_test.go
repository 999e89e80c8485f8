// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

const sampleState = `haproxy-unit active enabled
keepalived-unit inactive
shared check 1 aa
shared haproxy-unit unmanaged bb
owner 3f0c-owner
manifest owner 3f0c-owner
manifest generation 4
manifest vip 10.150.0.160/24
manifest hash cc
manifest file dd haproxy.cfg
file dd haproxy.cfg
file ee manifest
description altcos-1
stat # pxname,svname,scur,status,check_status,check_code,
stat api,FRONTEND,0,OPEN,,,
stat api,master01,3,UP 1/2,L7OK,200,
stat api,"mas,ter",,DOWN,* L4CON,,
stat api,BACKEND,0,UP,,,
stat api-unready,master01,0,no check,,,
assembled ff
loaded ff
held br0 10.150.0.160/24
end
`

func TestParseState_readsAllFacts(t *testing.T) {
	got, err := ParseState([]byte(sampleState))
	assert.NoError(t, err)
	want := State{
		HAProxy: Unit{"active", "enabled"}, Keepalived: Unit{Active: "inactive"},
		Owner: "3f0c-owner", Hash: "cc", Intact: true, VIP: netip.MustParsePrefix("10.150.0.160/24"),
		Description: "altcos-1", KeepalivedCurrent: true, HoldsVIP: true,
		Servers: []Server{
			{Backend: "api", Name: "master01", Status: "UP 1/2", Check: "L7OK"},
			{Backend: "api", Name: "mas,ter", Status: "DOWN", Check: "L4CON"},
		},
		shared: map[string]sharedState{"check": {1, "aa"}, "haproxy-unit": {-1, "bb"}},
	}
	options := cmp.Options{cmp.AllowUnexported(State{}, sharedState{}), cmpopts.EquateComparable(netip.Prefix{})}
	assert.Equal(t, want, got, options)
	if !got.Servers[0].Up() || got.Servers[1].Up() {
		t.Error("UP and DOWN are not distinguished")
	}
}

func TestParseState_seesWhatIsWrong(t *testing.T) {
	replace := func(old, with string) string { return strings.Replace(sampleState, old, with, 1) }
	tests := map[string]struct {
		output string
		wrong  func(State) bool
		err    error
	}{
		"a file was edited":             {output: replace("\nfile dd", "\nfile 11"), wrong: func(s State) bool { return s.Intact }},
		"a file was added":              {output: replace("description", "file 12 x\ndescription"), wrong: func(s State) bool { return s.Intact }},
		"the manifest is lost":          {output: replace("file ee manifest\n", ""), wrong: func(s State) bool { return s.Intact }},
		"keepalived runs old files":     {output: replace("loaded ff", "loaded 00"), wrong: func(s State) bool { return s.KeepalivedCurrent }},
		"keepalived loaded nothing":     {output: replace("loaded ff\n", ""), wrong: func(s State) bool { return s.KeepalivedCurrent }},
		"the output was cut":            {output: replace("end\n", ""), err: ErrUnexpectedOutput},
		"the statistics have no status": {output: replace("status,", "x,"), err: ErrUnexpectedOutput},
		"there are no statistics":       {output: "end\n", wrong: func(s State) bool { return s.Servers != nil }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			state, err := ParseState([]byte(test.output))
			if !errors.Is(err, test.err) || test.err == nil && test.wrong(state) {
				t.Errorf("got %+v, %v", state, err)
			}
		})
	}
}

func FuzzParseState(f *testing.F) {
	f.Add(sampleState)
	f.Add("owner \nend\n")
	f.Fuzz(func(t *testing.T, output string) {
		state, err := ParseState([]byte(output))
		if err != nil {
			return
		}
		if !strings.Contains(output, "end") || state.HoldsVIP && !strings.Contains(output, "held") {
			t.Errorf("a fact that was not reported: %+v", state)
		}
		if state.Intact && state.Owner == "" && !strings.Contains(output, "manifest file") {
			t.Error("an intact tree without a manifest")
		}
	})
}

func FuzzParseStats(f *testing.F) {
	f.Add("# pxname,svname,status\napi,a,UP\n")
	f.Add("# svname,pxname,scur,status\n\"a\"b,c\n,,,,,")
	f.Fuzz(func(t *testing.T, output string) {
		servers, err := parseStats(strings.Split(output, "\n"))
		if err != nil && !errors.Is(err, ErrUnexpectedOutput) {
			t.Errorf("untyped error: %v", err)
		}
		for _, server := range servers {
			if server.Name == "" || server.Name == "FRONTEND" || server.Name == "BACKEND" {
				t.Errorf("not a server: %+v", server)
			}
		}
		if len(servers) > strings.Count(output, "\n")+strings.Count(output, "\r") {
			t.Errorf("%d servers out of %d lines", len(servers), strings.Count(output, "\n"))
		}
	})
}
