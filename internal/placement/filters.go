// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"fmt"
	"strings"
)

// reject returns why the host cannot take the machine, empty when it can. The order of the filters is that of interest to a
// person: what the user asked for, what the administrator allows, what is available.
func reject(c candidate, request Request) string {
	for _, filter := range []func(candidate, Request) string{
		rejectName, rejectLabels, rejectFailureDomain, rejectNamespace, rejectState, rejectSize,
	} {
		if reason := filter(c, request); reason != "" {
			return reason
		}
	}
	return ""
}

func rejectName(c candidate, request Request) string {
	if request.Host != "" && request.Host != c.host.Name {
		return "not the requested host"
	}
	return ""
}

func rejectLabels(c candidate, request Request) string {
	if request.Selects != nil && !request.Selects(c.host.Labels) {
		return "does not match hostSelector"
	}
	return ""
}

func rejectFailureDomain(c candidate, request Request) string {
	if request.FailureDomain != "" && request.FailureDomain != c.host.FailureDomain {
		return fmt.Sprintf("not in failure domain %q", request.FailureDomain)
	}
	return ""
}

func rejectNamespace(c candidate, _ Request) string {
	if !c.host.NamespaceAllowed {
		return "namespaceSelector excludes this namespace"
	}
	return ""
}

func rejectState(c candidate, _ Request) string {
	switch {
	case !c.host.Ready:
		return "not Ready"
	case c.host.Unschedulable:
		return "unschedulable"
	}
	return ""
}

// rejectSize names every resource that is short. A machine that requests none of a resource fits an overbooked host.
func rejectSize(c candidate, request Request) string {
	var short []string
	check := func(need, left int64, text func(int64) string, noun string) {
		if need > 0 && need > left {
			short = append(short, fmt.Sprintf("needs %s %s, %s left", text(need), noun, text(max(left, 0))))
		}
	}
	count := func(n int64) string { return fmt.Sprint(n) }
	check(request.Requests.VCPUs, c.free.VCPUs, count, "vCPUs")
	check(request.Requests.MemoryBytes, c.free.MemoryBytes, size, "memory")
	check(request.Requests.DiskBytes, c.free.DiskBytes, size, "disk")
	return strings.Join(short, ", ")
}

// size formats bytes with a binary unit and at most one decimal.
func size(bytes int64) string {
	value, unit := float64(bytes), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		if value < 1024 {
			break
		}
		value, unit = value/1024, next
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", value), ".0") + " " + unit
}
