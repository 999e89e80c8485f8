// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"fmt"
	"slices"
	"strings"

	. "github.com/onsi/gomega"
)

// checkLedger checks what has to be true at any time of the story.
func (s *story) checkLedger() {
	s.t.Helper()
	s.Expect(s.complaints.all()).To(BeEmpty())
	names, living := map[string]bool{}, map[string]bool{}
	for _, l := range s.lives() {
		living[l.uuid] = !l.ended
		if !l.defined {
			continue
		}
		s.Expect(l.checkHost()).To(Succeed())
		s.Expect(len(l.configs) == 1 || l.uuid == s.interrupted).To(BeTrue(), "machine %s got %d configs", l.name(), len(l.configs))
		s.Expect(names[l.name()]).To(BeFalse(), "machine %s has had two virtual machines", l.name())
		names[l.name()] = true
	}
	for _, host := range s.hosts {
		for _, v := range host.Volumes(pool) {
			uuid, rest := machineOf(v.Name)
			s.Expect(living[uuid] || strings.HasPrefix(rest, "altcos-")).To(BeTrue(), "volume %s on %s is of no machine", v.Name, host.Name())
		}
	}
}

// lives are all machines so far.
func (s *story) lives() []*life {
	s.t.Helper()
	all, err := lives(s.ledger.all())
	s.Expect(err).NotTo(HaveOccurred())
	return all
}

// alive are the machines whose domains exist.
func (s *story) alive() []*life {
	s.t.Helper()
	return slices.DeleteFunc(s.lives(), func(l *life) bool { return !l.defined || l.ended })
}

// controlPlanes and workers are distinguished by their configs.
func (s *story) controlPlanes(of []*life) []*life {
	s.t.Helper()
	return slices.DeleteFunc(slices.Clone(of), func(l *life) bool { return !s.read(l).isControlPlane() })
}

func (s *story) workers(of []*life) []*life {
	s.t.Helper()
	return slices.DeleteFunc(slices.Clone(of), func(l *life) bool { return s.read(l).isControlPlane() })
}

func (s *story) read(l *life) *config {
	s.t.Helper()
	c, err := readConfig(l.ignition)
	s.Expect(err).NotTo(HaveOccurred())
	return c
}

// checkHosts reads /etc/hosts of every machine: its own line, the endpoint, and exactly the machines that existed.
func (s *story) checkHosts() {
	s.t.Helper()
	all := s.lives()
	address := map[string]string{}
	for _, l := range all {
		address[l.name()] = s.read(l).address
	}
	for _, l := range all {
		want := []string{
			"10.150.0.2 registry.demo.example registry",
			address[l.name()] + " " + l.name(),
			"127.0.0.1 demo-endpoint",
		}
		var others []string
		for _, other := range all {
			if other.born < l.rendered && (!other.ended || s.endOf(other) > l.rendered) {
				others = append(others, other.name())
			}
		}
		slices.Sort(others)
		for _, name := range others {
			want = append(want, address[name]+" "+name)
		}
		got := strings.FieldsFunc(appended(s.t, l.ignition, "/etc/hosts"), func(r rune) bool { return r == '\n' })
		s.Expect(got).To(Equal(want), "/etc/hosts of %s", l.name())
	}
}

func (s *story) endOf(l *life) int {
	return slices.IndexFunc(s.ledger.all(), func(e entry) bool { return e.act == removed && e.uuid == l.uuid })
}

// checkOneByOne counts control planes from an entry of the ledger on: a rollout adds one, then removes one.
func (s *story) checkOneByOne(from, replicas int) {
	s.t.Helper()
	control := map[string]bool{}
	for _, l := range s.controlPlanes(s.lives()) {
		control[l.uuid] = true
	}
	count := replicas
	for _, e := range s.ledger.all()[from:] {
		if !control[e.uuid] || e.failed {
			continue
		}
		switch e.act {
		case defined:
			count++
		case removed:
			count--
		case created, wrote, deleted, started, joined, unconfigured:
		}
		s.Expect(count).To(And(BeNumerically(">=", replicas), BeNumerically("<=", replicas+1)), fmt.Sprintf("control planes when %s was %s", e.uuid, e.act))
	}
}
