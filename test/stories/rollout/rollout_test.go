// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"go.uber.org/goleak"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/management"
)

// TestRollout is one story, so its steps depend on one another and the first that fails ends it.
func TestRollout(t *testing.T) {
	expectNoLeaks(t)
	newStory(t, management.Options{}).tell(t, []step{
		{"a control plane and a worker come to be", (*story).comesToBe},
		{"a worker's bootstrap data are Ignition and outlive the status", (*story).keepsBootstrapData},
		{"no change makes no machine", (*story).staysAsItIs},
		{"a config that is rendered again is the same", (*story).rendersAgain},
		{"control planes of one version differ in what they must", (*story).differsInWhatItMust},
		{"an upgrade replaces every control plane", (*story).upgrades},
		{"after an upgrade the version differs besides", (*story).differsInTheVersion},
		{"a pause loses no worker", (*story).outlivesPause},
	})
}

// TestStandalone is the story of control planes without a KubeadmControlPlane.
func TestStandalone(t *testing.T) {
	expectNoLeaks(t)
	newStory(t, management.Options{BootstrapTokenTTL: tokenTTL}).tell(t, []step{
		{"two control planes come to be, of which one begins", (*story).beginsAlone},
		{"the cluster's authorities outlive the machine that began", (*story).losesTheFirst},
		{"a token outlives its time as long as its worker waits", (*story).keepsTheToken},
	})
}

type step struct {
	name string
	run  func(*story)
}

func (s *story) tell(t *testing.T, steps []step) {
	t.Helper()
	for _, step := range steps {
		began := time.Now()
		if !t.Run(step.name, func(t *testing.T) { step.run(s.in(t)); s.in(t).checkLedger() }) {
			s.in(t).tellLogs()
			t.FailNow()
		}
		t.Logf("%s: %s", step.name, time.Since(began).Round(100*time.Millisecond))
	}
}

func expectNoLeaks(t *testing.T) {
	t.Helper()
	ignored := append(portForwards(), goleak.IgnoreCurrent())
	t.Cleanup(func() { // what a busy machine has not ended yet is not a leak
		NewWithT(t).Eventually(func() error { return goleak.Find(ignored...) }, time.Minute, lookEvery).Should(Succeed())
	})
}

// portForwards are those of the in-memory API server, which never return when they end with unread bytes.
func portForwards() (options []goleak.Option) {
	for _, function := range []string{"Serve", "Serve.func2", "shutdown", "shutdown.func1"} {
		options = append(options, goleak.IgnoreAnyFunction("github.com/moby/spdystream.(*Connection)."+function))
	}
	return options
}
