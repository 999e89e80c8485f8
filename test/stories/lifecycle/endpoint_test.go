// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build lab

package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/hypervisor"
)

const (
	endpoint = "10.150.0.160"
	// failover is what a client of a busy lab may see; it is measured in milliseconds where nothing else runs.
	failover = time.Minute
)

// answers tells whether the API server answers through the virtual address.
func (s *story) answers() error {
	workload, err := s.demo.Workload()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second)
	defer cancel()
	return workload.Get(ctx, client.ObjectKey{Name: "default"}, &corev1.Namespace{})
}

func (s *story) awaitAnswer() {
	s.Helper()
	began := time.Now()
	s.await(failover, s.answers)
	s.Logf("the API server answered %s after the fault", time.Since(began).Round(100*time.Millisecond))
}

// holder returns the host that has the virtual address.
func (s *story) holder() (found *hypervisor.Host) {
	s.Helper()
	s.await(failover, func() error {
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
	s.exec(victim, "pkill", "-KILL", "-x", "haproxy")
	s.awaitAnswer()
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
		s.exec(victim, "systemctl", "stop", unit)
		s.awaitAnswer()
		from := victim
		victim = s.holder()
		s.exec(from, "systemctl", "start", unit)
	}
	s.must(victim.PowerOff(s.ctx))
	s.awaitAnswer()
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
