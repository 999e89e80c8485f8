// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build lab

package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/hypervisor"
)

const (
	endpoint = "10.150.0.160"
	// failover is how long clients of an emulated API server may be without answer. Where nothing else runs it is measured
	// in hundreds of milliseconds, by the tests of the load balancer.
	failover = 15 * time.Second
	// watched is how long the API server is watched after a fault, which may show late.
	watched = 20 * time.Second
)

// survives holds the API server's answers against a fault, watching from before it until some time after it.
func (s *story) survives(after time.Duration, fault func()) {
	s.Helper()
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	watch, err := s.demo.Watch(ctx)
	s.must(err)
	answeredSince := func(since time.Time) func() error {
		return func() error {
			if last, err := watch.Last(); !last.After(since) {
				return fmt.Errorf("the API server does not answer: %v", err)
			}
			return nil
		}
	}
	s.await(time.Minute, answeredSince(time.Time{}))
	fault()
	s.await(3*time.Minute, answeredSince(time.Now().Add(after)))
	s.Logf("the longest time without an answer of the API server was %s", watch.Longest().Round(10*time.Millisecond))
	if watch.Longest() > failover {
		s.Errorf("the API server did not answer for %s, more than %s", watch.Longest(), failover)
	}
}

// holder returns the host that has the virtual address.
func (s *story) holder() (found *hypervisor.Host) {
	s.Helper()
	s.await(time.Minute, func() error {
		for _, host := range s.hosts() {
			if host.PID() != 0 && strings.Contains(strings.Join(s.exec(host, "ip", "-o", "address"), " "), " "+endpoint+"/") {
				found = host
				return nil
			}
		}
		return errors.New("no host has the virtual address")
	})
	return found
}

func (s *story) survivesHAProxy() {
	victim := s.holder()
	s.survives(watched, func() { s.exec(victim, "pkill", "-KILL", "-x", "haproxy") })
}

// survivesHolder takes the power of the host that has the address. A host with the only control plane would take the API
// server along, so the address is first driven away from such a one.
func (s *story) survivesHolder() {
	victim := s.holder()
	for tries := 0; s.hasControlPlane(victim.Name); tries++ {
		if tries == 3 {
			s.Fatalf("the address stays on %s", victim.Name)
		}
		unit := s.keepalivedUnit(victim)
		// Not for long: the product starts keepalived again.
		s.survives(0, func() { s.exec(victim, "systemctl", "stop", unit) })
		from := victim
		victim = s.holder()
		s.exec(from, "systemctl", "start", unit)
	}
	s.survives(watched, func() { s.must(victim.PowerOff(s.ctx)) })
	s.must(s.demo.Repair(s.ctx))
	s.follow(1)
}

func (s *story) hasControlPlane(host string) bool {
	s.Helper()
	for _, machine := range s.machines() {
		if _, is := machine.Labels["cluster.x-k8s.io/control-plane"]; is && machine.Spec.Host == host {
			return true
		}
	}
	return false
}

func (s *story) keepalivedUnit(host *hypervisor.Host) string {
	s.Helper()
	units := s.exec(host, "systemctl", "list-units", "--plain", "--no-legend", "--state=active", "*keepalived*")
	index := slices.IndexFunc(units, func(word string) bool { return strings.HasSuffix(word, ".service") })
	if index < 0 {
		s.Fatalf("host %s runs no keepalived", host.Name)
	}
	return units[index]
}
