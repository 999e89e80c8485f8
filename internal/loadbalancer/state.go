// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// ErrUnexpectedOutput means that a host's answer cannot be understood.
var ErrUnexpectedOutput = errors.New("unexpected output from the host")

// Unit is the state of a systemd unit in systemd's words.
type Unit struct {
	// Active is active, inactive, failed, activating and so on.
	Active string
	// Enabled is enabled, disabled, not-found and so on.
	Enabled string
}

// Running reports whether the unit is up.
func (u Unit) Running() bool { return u.Active == "active" }

// State is what one host reported about one cluster.
type State struct {
	// HAProxy and Keepalived are our units, not the distribution's.
	HAProxy, Keepalived Unit
	// Owner is empty when the host has no tree of the cluster, and "unproven" when the tree names no owner.
	Owner string
	// Hash is that of the tree in use.
	Hash string
	// Intact means that the files are as they were written: none edited, added or lost.
	Intact bool
	// VIP is the one in the tree in use.
	VIP netip.Prefix
	// Description is what the running haproxy calls its configuration.
	Description string
	// Servers are the servers of all backends as the running haproxy sees them.
	Servers []Server
	// KeepalivedCurrent means that the running keepalived has loaded the files as they are now.
	KeepalivedCurrent bool
	// HoldsVIP means that the wanted address is on an interface of the host.
	HoldsVIP bool

	shared map[string]sharedState
}

// sharedState is one shared file on the host; revision is -1 for a file that is not ours.
type sharedState struct {
	revision int
	sum      string
}

// stateParser gathers what needs more than one line to judge.
type stateParser struct {
	state             State
	listed, found     map[string]string
	assembled, loaded string
	stats             []string
	ended             bool
}

// ParseState reads the facts that a host printed, one a line. Errors: ErrUnexpectedOutput.
func ParseState(output []byte) (State, error) {
	p := &stateParser{listed: map[string]string{}, found: map[string]string{}}
	p.state.shared = map[string]sharedState{}
	for line := range strings.Lines(string(output)) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		p.line(key, value)
	}
	if !p.ended {
		return State{}, fmt.Errorf("%w: the observation is incomplete (%d bytes)", ErrUnexpectedOutput, len(output))
	}
	servers, err := parseStats(p.stats)
	if err != nil {
		return State{}, err
	}
	// The last resort has the API servers again, unchecked, so that they would look healthy.
	p.state.Servers = slices.DeleteFunc(servers, func(server Server) bool { return server.Backend == lastResort })
	p.state.Intact = p.intact()
	p.state.KeepalivedCurrent = p.loaded != "" && p.loaded == p.assembled
	return p.state, nil
}

func (p *stateParser) line(key, value string) {
	fields := strings.Fields(value)
	at := func(i int) string {
		if i < len(fields) {
			return fields[i]
		}
		return ""
	}
	switch key {
	case "haproxy-unit":
		p.state.HAProxy = Unit{Active: at(0), Enabled: at(1)}
	case "keepalived-unit":
		p.state.Keepalived = Unit{Active: at(0), Enabled: at(1)}
	case "shared":
		revision, err := strconv.Atoi(at(1))
		if err != nil {
			revision = -1
		}
		p.state.shared[at(0)] = sharedState{revision: revision, sum: at(2)}
	case "owner":
		p.state.Owner = at(0)
	case "manifest":
		p.manifest(at(0), at(1), at(2))
	case "file":
		p.found[at(1)] = at(0)
	case "description":
		p.state.Description = at(0)
	case "stat":
		p.stats = append(p.stats, value)
	case "assembled":
		p.assembled = at(0)
	case "loaded":
		p.loaded = at(0)
	case "held":
		p.state.HoldsVIP = true
	case "end":
		p.ended = true
	}
}

// manifest reads one line of the tree's manifest. One that cannot be read makes the tree not intact, so that it is written
// again.
func (p *stateParser) manifest(key, first, second string) {
	switch key {
	case "hash":
		p.state.Hash = first
	case "vip":
		p.state.VIP, _ = netip.ParsePrefix(first)
	case "file":
		p.listed[second] = first
	}
}

// intact compares the files with the manifest, which does not list itself.
func (p *stateParser) intact() bool {
	if len(p.listed) == 0 || len(p.found) != len(p.listed)+1 || p.found[manifestFile] == "" {
		return false
	}
	for name, sum := range p.listed {
		if p.found[name] != sum {
			return false
		}
	}
	return true
}
