// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"context"
	"fmt"
	"path"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
)

// guests are the running machines. Each does at its start what ALT Container OS does with its Ignition config and kubeadm, as
// far as it is visible from outside, and does nothing once its domain is removed.
type guests struct {
	workload *workload
	// joins is called for a machine that is about to create its node, failed with errors inside of one.
	joins  func(*fakevirt.Host, string)
	failed func(error)

	booting sync.WaitGroup
	mutex   sync.Mutex
	nodes   map[string]*config
	// authority is the cluster's own, once it is initialised.
	authority *authority
	member    int
}

// boot returns at once: the domain runs, and the machine in it boots in the background.
func (g *guests) boot(b fakevirt.Boot) {
	g.booting.Go(func() {
		if err := g.run(b); err != nil {
			g.failed(fmt.Errorf("machine %s: %w", b.Spec.Name, err))
		}
	})
}

func (g *guests) run(b fakevirt.Boot) error {
	c, err := readConfig(b.FirmwareConfig)
	if err != nil {
		return err
	}
	version, err := versionOf(b)
	if err != nil {
		return err
	}
	if c.init == "" {
		if err := g.awaitToken(c); err != nil {
			return err
		}
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if _, again := g.nodes[b.Spec.UUID]; again {
		return fmt.Errorf("started twice")
	}
	g.nodes[b.Spec.UUID] = c
	if c.init != "" {
		err = g.initCluster(c)
	} else {
		err = g.checkDiscovery(c)
	}
	if err == nil && c.isControlPlane() {
		err = g.runControlPlane(c)
	}
	if err != nil {
		return err
	}
	g.joins(b.Host, b.Spec.UUID)
	return g.workload.create(newNode(c, version))
}

// versionOf returns the version of Kubernetes in the machine's image: its config does not contain it.
func versionOf(b fakevirt.Boot) (string, error) {
	root := b.Spec.Disks[0].Volume
	for _, v := range b.Host.Volumes(root.Pool) {
		if v.VolumeRef == root {
			name := path.Base(v.BackingPath)
			return strings.TrimSuffix(strings.TrimPrefix(name, "altcos-"), ".qcow2"), nil
		}
	}
	return "", fmt.Errorf("no root disk %q", root.Name)
}

// end is called when a domain is removed. The node's object is left to Cluster API.
func (g *guests) end(uuid string) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	c, ok := g.nodes[uuid]
	if !ok {
		g.failed(fmt.Errorf("machine %s ended before it began", uuid))
		return
	}
	if !c.isControlPlane() {
		return
	}
	g.workload.leave(c.hostname)
	for _, component := range components() {
		if err := g.workload.objects.Delete(context.Background(), newPod(component, c.hostname)); err != nil {
			g.failed(fmt.Errorf("machine %s: %w", c.hostname, err))
		}
	}
}

// initCluster creates what kubeadm init leaves for other machines.
func (g *guests) initCluster(c *config) error {
	if g.authority != nil {
		return fmt.Errorf("a second cluster would begin on %s", c.hostname)
	}
	a, err := c.authorities()
	if err != nil {
		return err
	}
	g.authority = a.cluster
	return g.workload.create(kubeadmObjects(c.init)...)
}

// checkDiscovery makes the checks of kubeadm join before it begins.
func (g *guests) checkDiscovery(c *config) error {
	if g.authority == nil {
		return fmt.Errorf("%s would join a cluster that has not begun", c.hostname)
	}
	discovery := c.join.Discovery.BootstrapToken
	if want := fmt.Sprintf("127.0.0.1:%d", g.workload.port); discovery.APIServerEndpoint != want {
		return fmt.Errorf("discovery at %q, not at %q", discovery.APIServerEndpoint, want)
	}
	return c.trusts(g.authority)
}

// awaitToken asks for the token as long as it is not valid, as kubeadm does.
func (g *guests) awaitToken(c *config) error {
	for end := time.Now().Add(time.Minute); ; time.Sleep(lookEvery) {
		expires, err := g.workload.expiration(c.join.Discovery.BootstrapToken.Token)
		if err == nil && expires.Before(time.Now()) {
			err = fmt.Errorf("the token has expired at %s", expires)
		}
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

// runControlPlane creates static pods and the members behind them. The node's object comes last, so that everything exists
// once it does.
func (g *guests) runControlPlane(c *config) error {
	a, err := c.authorities()
	if err != nil {
		return err
	}
	g.member++
	var pods []client.Object
	for _, component := range components() {
		pod := newPod(component, c.hostname)
		if component == "etcd" {
			pod.Annotations = memberAnnotations(g.member)
		}
		pods = append(pods, pod)
	}
	if err := g.workload.create(pods...); err != nil {
		return err
	}
	return g.workload.join(c.hostname, a)
}
