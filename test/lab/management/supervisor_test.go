// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package management

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/segment"
)

// starterEnv makes this test binary start a sleeping process in the named directory and end.
const starterEnv = "ALTCOS_TEST_START_AND_END"

func sleeper(argv ...string) server {
	return server{
		name: "sleeper", stage: stageClient, argv: append([]string{"sleep", "600"}, argv...),
		healthy: func(context.Context) error { return nil },
	}
}

func newTestSupervisor(t *testing.T, dir string, detached bool) *supervisor {
	t.Helper()
	for _, name := range []string{runDirectory, logDirectory} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s := newSupervisor(dir, machine{}, detached, func(string) {})
	t.Cleanup(s.close)
	return s
}

func only(t *testing.T, dir string) process {
	t.Helper()
	processes, err := records(filepath.Join(dir, runDirectory))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	NewWithT(t).Expect(processes).To(HaveLen(1))
	return processes[0]
}

func TestSupervisor_processesOutliveTheStarterOnlyWhenDetached(t *testing.T) {
	if dir := os.Getenv(starterEnv); dir != "" {
		s := newTestSupervisor(t, dir, filepath.Base(dir) == "detached")
		NewWithT(t).Expect(s.ensure(t.Context(), sleeper())).To(Succeed())
		os.Exit(0) // as abruptly as a program that is killed: nothing is cleaned up
	}
	for name, survives := range map[string]bool{"detached": true, "bound": false} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			dir := filepath.Join(t.TempDir(), name)
			starter := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+"TestSupervisor_processesOutliveTheStarterOnlyWhenDetached$")
			starter.Env = append(os.Environ(), starterEnv+"="+dir)
			output, err := starter.CombinedOutput()
			g.Expect(err).NotTo(HaveOccurred(), string(output))
			started := only(t, dir)
			if survives {
				g.Consistently(started.isRunning, 300*time.Millisecond).Should(BeTrue())
			} else {
				g.Eventually(started.isRunning, 10*time.Second).Should(BeFalse())
			}
			g.Expect(Stop(t.Context(), dir)).To(Succeed())
			g.Expect(started.isRunning()).To(BeFalse())
		})
	}
}

func TestSupervisor_replacesAProcessWhoseCommandChanged(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	s := newTestSupervisor(t, dir, false)
	g.Expect(s.ensure(t.Context(), sleeper())).To(Succeed())
	first := only(t, dir)
	g.Expect(s.ensure(t.Context(), sleeper())).To(Succeed())
	g.Expect(only(t, dir)).To(Equal(first), "the same command is kept")
	g.Expect(s.ensure(t.Context(), sleeper("0"))).To(Succeed())
	g.Expect(first.isRunning()).To(BeFalse())
	g.Expect(only(t, dir).isRunning()).To(BeTrue())
	g.Expect(Stop(t.Context(), dir)).To(Succeed())
}

func TestSupervisor_namesTheLogOfAProcessThatEnds(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	s := newTestSupervisor(t, dir, false)
	failing := server{
		name: "failing", stage: stageClient, argv: []string{"sh", "-c", "echo reason; exit 1"},
		healthy: func(context.Context) error { return errors.New("no answer") },
	}
	g.Expect(s.ensure(t.Context(), failing)).To(MatchError(ContainSubstring(filepath.Join(dir, logDirectory, "failing.log"))))
	g.Expect(os.ReadFile(s.logPath("failing"))).To(BeEquivalentTo("reason\n"))
}

func TestStop_leavesAStrangerWithTheSamePIDAlone(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	s := newTestSupervisor(t, dir, false)
	g.Expect(s.ensure(t.Context(), sleeper())).To(Succeed())
	actual := only(t, dir)
	stranger := actual
	stranger.StartTime = "1"
	path := filepath.Join(dir, runDirectory, "sleeper.json")
	g.Expect(writeJSON(path, stranger)).To(Succeed())
	g.Expect(Stop(t.Context(), dir)).To(Succeed())
	g.Expect(actual.isRunning()).To(BeTrue())
	g.Expect(path).NotTo(BeAnExistingFile())
	g.Expect(actual.stop(t.Context())).To(Succeed())
}

func TestManagement_runsInsideASegment(t *testing.T) {
	g := NewWithT(t)
	const lab = "mgmttest"
	network, err := segment.Ensure(t.Context(), lab)
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { g.Expect(segment.Remove(context.Background(), lab)).To(Succeed()) })
	cluster := startCluster(t, Options{
		Dir: t.TempDir(), Binaries: ensureBinaries(t), Network: network, BindAddress: segment.Gateway.String(), APIServerPort: 6443,
	})
	g.Expect(cluster.Client().Create(t.Context(), object(t, clusterManifest))).To(Succeed())
	config, err := cluster.RESTConfig()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(config.Host).To(Equal("https://" + segment.Gateway.String() + ":6443"))
}
