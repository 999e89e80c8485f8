// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2/textlogger"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"

	"github.com/altcos/cluster-api-provider-altcos/internal/manager"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/virttest"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/management"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/manifest"
)

const (
	namespace = "default"
	// patience is how long one step may take on two busy processors; lookEvery is how often it is checked.
	patience  = 5 * time.Minute
	lookEvery = 200 * time.Millisecond

	oldVersion, newVersion = "v1.35.4", "v1.36.2"
	pool                   = "default"
	gib                    = int64(1) << 30
)

// story is a management cluster with its hypervisors and the cluster on them, in the step at hand.
type story struct {
	*WithT
	t   *testing.T
	ctx context.Context

	dir        string
	management *management.Cluster
	config     *rest.Config
	client     client.Client
	workload   *workload
	guests     *guests
	ledger     *ledger
	hosts      []*fakevirt.Host
	provider   *provider
	// interrupted is the UUID of the machine whose creation the story disturbs.
	interrupted string
	complaints  *complaints
}

// complaints are errors outside of the test's own goroutine.
type complaints struct {
	mutex sync.Mutex
	list  []error
}

func (c *complaints) add(err error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.list = append(c.list, err)
}

func (c *complaints) all() []error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return append([]error(nil), c.list...)
}

// newStory starts the environment of the story. What is started last ends first.
func newStory(t *testing.T, options management.Options) *story {
	t.Helper()
	s := &story{dir: t.TempDir(), ledger: newLedger(), complaints: &complaints{}}
	s.in(t)
	s.keepLogs()
	s.startWorkload()
	s.addHosts()
	s.startManagement(options)
	t.Cleanup(func() {
		if s.provider != nil {
			s.in(t).Expect(s.provider.stop()).To(Succeed())
		}
	})
	s.startProvider()
	return s
}

func (s *story) in(t *testing.T) *story {
	s.t, s.WithT, s.ctx = t, NewWithT(t), t.Context()
	return s
}

// keepLogs keeps the many lines of our controllers out of the test's output.
func (s *story) keepLogs() {
	file, err := os.Create(filepath.Join(s.dir, "provider.log"))
	s.Expect(err).NotTo(HaveOccurred())
	s.t.Cleanup(func() { _ = file.Close() })
	ctrl.SetLogger(textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(file))))
}

func (s *story) startWorkload() {
	var err error
	s.workload, err = newWorkload()
	s.Expect(err).NotTo(HaveOccurred())
	s.guests = &guests{workload: s.workload, joins: s.ledger.join, failed: s.complaints.add, nodes: map[string]*config{}}
	s.ledger.ended = s.guests.end
	s.ledger.OnBoot(s.guests.boot)
	t := s.t
	t.Cleanup(func() {
		s.guests.booting.Wait()
		s.in(t).Expect(s.workload.close()).To(Succeed())
	})
}

// addHosts creates hypervisors with an image for each version.
func (s *story) addHosts() {
	for _, name := range []string{"node3", "node4", "node5"} {
		host := s.ledger.addHost(name)
		for _, version := range []string{oldVersion, newVersion} {
			ref := virt.VolumeRef{Pool: pool, Name: "altcos-" + version + ".qcow2"}
			s.Expect(host.PutVolume(ref, virt.VolumeQCOW2, virttest.QCOW2(8*gib))).To(Succeed())
		}
		s.hosts = append(s.hosts, host)
	}
}

func (s *story) startManagement(options management.Options) {
	store, err := artifact.Open()
	s.Expect(err).NotTo(HaveOccurred())
	store.Progress = func(message string) { s.t.Log(message) }
	programs, err := management.EnsureBinaries(s.ctx, store)
	s.Expect(err).NotTo(HaveOccurred())

	dir, t := filepath.Join(s.dir, "management"), s.t
	t.Cleanup(func() { // also what a start that failed has left
		s.in(t).Expect(management.Stop(context.Background(), dir)).To(Succeed())
		if s.management != nil {
			s.Expect(s.management.Stop(context.Background())).To(Succeed())
		}
	})
	began := time.Now()
	options.Dir, options.Binaries = dir, programs
	s.management, err = management.Start(s.ctx, options)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(s.management.InstallCRDs(s.ctx, s.management.OwnSource().CRDs())).To(Succeed())
	s.t.Logf("the management cluster is ready after %s", time.Since(began).Round(100*time.Millisecond))

	s.config, err = s.management.RESTConfig()
	s.Expect(err).NotTo(HaveOccurred())
	scheme, err := manager.NewScheme()
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(controlplanev1.AddToScheme(scheme)).To(Succeed())
	s.client, err = client.New(s.config, client.Options{Scheme: scheme})
	s.Expect(err).NotTo(HaveOccurred())
}

func (s *story) startProvider() {
	s.t.Helper()
	var err error
	s.provider, err = startProvider(s.config, s.ledger, filepath.Join(s.dir, "images"))
	s.Expect(err).NotTo(HaveOccurred())
}

func (s *story) stopProvider() {
	s.t.Helper()
	stopped := s.provider
	s.provider = nil
	s.Expect(stopped.stop()).To(Succeed())
}

// ask creates what a person writes, as edit leaves it; false leaves an object out.
func (s *story) ask(edit func(*unstructured.Unstructured) bool) {
	s.t.Helper()
	content, err := os.ReadFile("testdata/cluster.yaml")
	s.Expect(err).NotTo(HaveOccurred())
	objects, err := manifest.Parse([]byte(strings.ReplaceAll(string(content), "ENDPOINT_PORT", strconv.Itoa(s.workload.port))))
	s.Expect(err).NotTo(HaveOccurred())
	for _, o := range objects {
		if edit(o) {
			s.Expect(s.management.Apply(s.ctx, o)).To(Succeed())
		}
	}
}

// tellLogs prints the last lines of every log.
func (s *story) tellLogs() {
	logs, _ := filepath.Glob(filepath.Join(s.dir, "management", "logs", "*.log")) // fails for bad patterns only
	for _, path := range append(logs, filepath.Join(s.dir, "provider.log")) {
		content, err := os.ReadFile(path)
		lines := strings.Split(string(content), "\n")
		if last := 60; len(lines) > last {
			lines = lines[len(lines)-last:]
		}
		s.t.Logf("--- %s %v\n%s", filepath.Base(path), err, strings.Join(lines, "\n"))
	}
}
