// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build lab

package lifecycle_test

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/demo"
)

// stepLimit is what one step may take with emulated machines on two processors.
const stepLimit = 30 * time.Minute

// TestCluster is one story, so its steps depend on one another and the first that fails ends it. What runs then stays for
// inspection: "make demo-status", "make demo-down".
func TestCluster(t *testing.T) {
	s := newStory(t)
	for _, step := range []struct {
		name string
		run  func(*story)
	}{
		{"comes to be", (*story).comesToBe},
		{"leaves no bootstrap data on the hosts", (*story).leavesNoBootstrapData},
		{"is reachable after a haproxy died", (*story).survivesHAProxy},
		{"is reachable after the holder of its address died", (*story).survivesHolder},
		{"grows by a worker while the manager crashes", (*story).grows},
		{"shrinks by a worker while the manager crashes", (*story).shrinks},
		{"told no secret", (*story).toldNoSecret},
		{"goes without a trace while the manager crashes", (*story).goes},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.run(s.in(t)) }) {
			t.FailNow()
		}
	}
}

// story is a demo under test, in the step at hand.
type story struct {
	*testing.T
	ctx     context.Context
	options demo.Options
	demo    *demo.Running
	secrets *secrets
}

func newStory(t *testing.T) *story {
	t.Helper()
	name := cmp.Or(os.Getenv("ALTCOS_LAB"), "demo")
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return &story{T: t, secrets: &secrets{found: map[string]string{}}, options: demo.Options{
		Name: name, StateDir: cmp.Or(os.Getenv("ALTCOS_LAB_STATE"), filepath.Join("/var/tmp/altcos-lab", name)),
		Manager: filepath.Join(root, "bin", "manager"), Program: filepath.Join(root, "bin", "lab"), ControlPlanes: 1, Workers: 1, Limit: stepLimit, Out: os.Stdout,
	}}
}

func (s *story) in(t *testing.T) *story {
	ctx, cancel := context.WithTimeout(t.Context(), stepLimit+5*time.Minute)
	t.Cleanup(cancel)
	s.T, s.ctx = t, ctx
	return s
}

func (s *story) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *story) comesToBe() {
	s.must(demo.Up(s.ctx, s.options))
	var err error
	s.demo, err = demo.Attach(s.options)
	s.must(err)
	s.secrets.collect(s)
}

func (s *story) grows() {
	s.whileManagerCrashes(func() {
		s.scaleWorkers(2)
		s.follow(2)
	})
	s.secrets.collect(s)
	s.expectMachines(3)
}

func (s *story) shrinks() {
	s.whileManagerCrashes(func() {
		s.scaleWorkers(1)
		s.awaitMachines(2)
		s.follow(1)
	})
	s.expectMachines(2)
}

func (s *story) goes() {
	s.whileManagerCrashes(s.deleteCluster)
	s.expectMachines(0)
	s.expectCleanHosts()
}

// whileManagerCrashes kills the manager again and again, each time a little later into its life, until act has ended.
func (s *story) whileManagerCrashes(act func()) {
	ctx, stop := context.WithCancel(s.ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.crashes(ctx) }()
	act()
	stop()
	s.must(<-ended)
	s.must(s.demo.Repair(s.ctx))
}

func (s *story) crashes(ctx context.Context) error {
	for life := 500 * time.Millisecond; ; life += life / 2 {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(life):
		}
		if err := s.demo.KillManager(s.ctx); err != nil {
			return err
		}
		if err := s.demo.Repair(s.ctx); err != nil {
			return err
		}
	}
}
