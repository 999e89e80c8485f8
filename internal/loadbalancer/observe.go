// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Unit is the state of a systemd unit in systemd's words.
type Unit struct {
	// Active is active, inactive, failed, activating and so on.
	Active string
	// Enabled is enabled, disabled, not-found and so on.
	Enabled string
}

// Running says whether the unit is up.
func (u Unit) Running() bool { return u.Active == "active" }

// State is what one host says about one cluster.
type State struct {
	// HAProxyVersion and KeepalivedVersion are empty when the program is not installed.
	HAProxyVersion, KeepalivedVersion string
	// HAProxy and Keepalived are our units, not the distribution's.
	HAProxy, Keepalived Unit
	// Owner is empty when the host holds no tree of the cluster, and "unproven" when the tree tells no owner.
	Owner string
	// Generation and Hash are those of the tree in use.
	Generation int64
	Hash       string
	// Intact says that the files are as they were written: none edited, added or lost.
	Intact bool
	// VIP is the one that the tree in use configures.
	VIP netip.Prefix
	// Description is what the running haproxy calls its configuration.
	Description string
	// Servers are the servers of all backends as the running haproxy sees them.
	Servers []Server
	// KeepalivedCurrent says that the running keepalived has loaded the files as they are now.
	KeepalivedCurrent bool
	// HoldsVIP says that the address asked for is on an interface of the host.
	HoldsVIP bool
	// Clusters are the IDs of all clusters that have files on the host.
	Clusters []string

	shared map[string]sharedState
}

// Server is one line of haproxy's statistics.
type Server struct {
	Backend, Name string
	// Status is haproxy's word: UP, DOWN, "UP 1/2", "DOWN 1/2", MAINT, "no check".
	Status string
	// Check is the last check's result (L7OK, L7STS, L4CON and so on), Code its status code, Sessions the open ones.
	Check    string
	Code     int
	Sessions int
}

// Up says whether the server gets connections.
func (s Server) Up() bool { return s.Status == "no check" || strings.HasPrefix(s.Status, "UP") }

// sharedState is one shared file on the host; revision is -1 for a file that is not ours.
type sharedState struct {
	revision int
	sum      string
}

// Observe reads everything about one cluster on one host by a single script. It changes nothing.
func Observe(ctx context.Context, shell virt.Shell, layout Layout, clusterID string, vip netip.Addr) (State, error) {
	if !idPattern.MatchString(clusterID) || !usable(vip) {
		return State{}, fmt.Errorf("observe load balancer %q: %w: ID or VIP %q", clusterID, ErrInvalid, vip)
	}
	shared, err := RenderShared(layout)
	if err != nil {
		return State{}, err
	}
	output, err := shell.Run(ctx, compose(layout, clusterID, observeScript, shared, map[string]string{"vip": vip.String()}))
	if err != nil {
		return State{}, fmt.Errorf("observe load balancer %q: %w", clusterID, err)
	}
	state, err := parseState(output)
	if err != nil {
		return State{}, fmt.Errorf("observe load balancer %q: %w", clusterID, err)
	}
	return state, nil
}

// stateParser gathers what needs more than one line to judge.
type stateParser struct {
	state             State
	listed, found     map[string]string
	assembled, loaded string
	stats             []string
	ended             bool
}

func parseState(output []byte) (State, error) {
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
	// The last resort repeats the API servers without checks, which would pass for healthy ones.
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
	case "haproxy-version":
		p.state.HAProxyVersion = at(0)
	case "keepalived-version":
		p.state.KeepalivedVersion = at(0)
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
	case "cluster":
		p.state.Clusters = append(p.state.Clusters, value)
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

// manifest reads one line of the tree's manifest; what it cannot read makes the tree not intact, which a new write
// repairs.
func (p *stateParser) manifest(key, first, second string) {
	switch key {
	case "generation":
		p.state.Generation, _ = strconv.ParseInt(first, 10, 64)
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
