// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build lab

package lifecycle_test

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/demo"
)

const (
	// stepLimit is what one step may take with emulated machines on two processors.
	stepLimit = 30 * time.Minute
	// labLimit is what a lab may take to be removed and to start.
	labLimit = 15 * time.Minute
)

// TestCluster is one story, so its steps depend on one another and the first that fails ends it. What runs then stays for
// inspection: "make demo-status", "make demo-down". A demo that is there when it begins is removed.
func TestCluster(t *testing.T) {
	s := newStory(t)
	for _, step := range []struct {
		name string
		run  func(*story)
	}{
		{"comes to be while the manager crashes", (*story).comesToBe},
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
	ctx, cancel := context.WithTimeout(t.Context(), stepLimit+labLimit)
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

// comesToBe begins with nothing, so that the manager crashes from the first thing that it makes.
func (s *story) comesToBe() {
	s.must(demo.Down(s.ctx, s.options))
	var err error
	s.demo, err = demo.Start(s.ctx, s.options)
	s.must(err)
	watch := s.watchConfigs()
	s.whileManagerCrashes(func() { s.follow(1) })
	s.expectPrivateConfigs(watch())
	s.secrets.collect(s)
	s.expectMachines(2)
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

// whileManagerCrashes kills the manager again and again, each time a little later into its life, until act has ended. Then
// it runs, also for those who look for why act has failed.
func (s *story) whileManagerCrashes(act func()) {
	s.Helper()
	ctx, stop := context.WithCancel(s.ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.crashes(ctx) }()
	defer func() {
		stop()
		if err := errors.Join(<-ended, s.demo.Repair(s.ctx)); err != nil {
			s.Error(err)
		}
	}()
	act()
}

func (s *story) crashes(ctx context.Context) error {
	life := 500 * time.Millisecond
	for count := 0; ; count++ {
		select {
		case <-ctx.Done():
			s.Logf("the manager crashed %d times", count)
			return nil
		case <-time.After(life):
		}
		if err := s.demo.KillManager(s.ctx); err != nil {
			return err
		}
		if err := s.demo.Repair(s.ctx); err != nil {
			return err
		}
		life += life / 2
	}
}
