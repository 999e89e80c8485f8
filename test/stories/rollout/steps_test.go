// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
)

func (s *story) comesToBe() {
	s.ask(func(*unstructured.Unstructured) bool { return true })
	s.awaitCluster(1, oldVersion, 1)
	s.checkHosts()
}

// staysAsItIs makes changes that affect no machine's config: they reach the objects, and nothing else.
func (s *story) staysAsItIs() {
	const mark = "example.com/mark"
	entries, identities := len(s.ledger.all()), s.identities()
	change(s, &controlplanev1.KubeadmControlPlane{}, "demo", func(k *controlplanev1.KubeadmControlPlane) {
		metav1.SetMetaDataAnnotation(&k.ObjectMeta, mark, "control plane")
		k.Spec.MachineTemplate.ObjectMeta.Annotations = map[string]string{mark: "machine"}
	})
	change(s, &clusterv1.MachineDeployment{}, "workers", func(d *clusterv1.MachineDeployment) {
		d.Spec.Template.Annotations = map[string]string{mark: "machine"}
	})
	s.Eventually(func(g Gomega) {
		for _, m := range s.libvirtMachines() {
			g.Expect(m.Annotations).To(HaveKeyWithValue(mark, "machine"), m.Name)
		}
	}, patience, lookEvery).Should(Succeed())

	s.stopProvider()
	looks := map[string]int{}
	for _, l := range s.alive() {
		looks[l.uuid] = s.ledger.looked(l.uuid)
	}
	s.startProvider()
	s.Eventually(func(g Gomega) {
		for uuid, before := range looks {
			g.Expect(s.ledger.looked(uuid)).To(BeNumerically(">", before), uuid)
		}
	}, patience, lookEvery).Should(Succeed())
	s.Consistently(func(g Gomega) {
		g.Expect(s.identities()).To(Equal(identities))
		g.Expect(s.ledger.all()).To(HaveLen(entries))
	}, 3*time.Second, lookEvery).Should(Succeed())
}

var errRefused = errors.New("no definitions now")

// rendersAgain lets hosts refuse definitions, so that a machine's config is rendered again and again: by one provider, and by
// another one after the config was lost.
func (s *story) rendersAgain() {
	for _, host := range s.hosts {
		host.Inject(fakevirt.MethodDefineDomain, fakevirt.Fault{Err: errRefused})
	}
	s.scaleControlPlane(3)
	s.Eventually(func(g Gomega) {
		all := s.lives()
		last := all[len(all)-1]
		g.Expect(last.defined).To(BeFalse())
		g.Expect(last.configs).NotTo(BeEmpty())
		s.interrupted = last.uuid
	}, patience, lookEvery).Should(Succeed())
	input := s.awaitQuietInput()
	from := len(s.interruptedLife().configs)
	s.renderAgain()
	s.renderAgain()

	s.stopProvider()
	s.interruptedLife().host.DropVolume(virt.VolumeRef{Pool: pool, Name: s.interrupted + ignition})
	for _, host := range s.hosts {
		host.ClearFaults()
	}
	s.startProvider()
	s.awaitCluster(3, oldVersion, 1)
	s.Expect(s.bootstrapInput()).To(Equal(input))
	configs := s.interruptedLife().configs[from-1:]
	s.Expect(len(configs)).To(BeNumerically(">=", 4))
	for _, c := range configs {
		s.Expect(string(c)).To(Equal(string(configs[0])))
	}
	s.checkHosts()
}

func (s *story) interruptedLife() *life {
	s.t.Helper()
	all := s.lives()
	return all[slices.IndexFunc(all, func(l *life) bool { return l.uuid == s.interrupted })]
}

// interruptedMachine is the object of the machine that has no domain yet.
func (s *story) interruptedMachine() *infrav1.LibvirtMachine {
	s.t.Helper()
	list := s.libvirtMachines()
	index := slices.IndexFunc(list, func(m infrav1.LibvirtMachine) bool { return strings.HasSuffix(m.Spec.ProviderID, s.interrupted) })
	s.Expect(index).To(BeNumerically(">=", 0))
	return &list[index]
}

// renderAgain triggers a reconciliation of the interrupted machine.
func (s *story) renderAgain() {
	s.t.Helper()
	before := len(s.interruptedLife().configs)
	change(s, &infrav1.LibvirtMachine{}, s.interruptedMachine().Name, func(m *infrav1.LibvirtMachine) {
		metav1.SetMetaDataAnnotation(&m.ObjectMeta, "example.com/tries", strconv.Itoa(before))
	})
	s.Eventually(func() int { return len(s.interruptedLife().configs) }, patience, lookEvery).Should(BeNumerically(">", before))
}

// bootstrapInput identifies the bootstrap data that the interrupted machine's config is made from.
func (s *story) bootstrapInput() string {
	s.t.Helper()
	machine := &clusterv1.Machine{}
	s.must(s.client.Get(s.ctx, key(s.interruptedMachine().Name), machine))
	return s.secret(ptr.Deref(machine.Spec.Bootstrap.DataSecretName, "")).ResourceVersion
}

// awaitQuietInput waits until the kubeadm bootstrap provider, which may write its data twice, is done.
func (s *story) awaitQuietInput() string {
	s.t.Helper()
	const quiet = 3 * time.Second
	seen, since := s.bootstrapInput(), time.Now()
	s.Eventually(func() time.Duration {
		if now := s.bootstrapInput(); now != seen {
			seen, since = now, time.Now()
		}
		return time.Since(since)
	}, patience, lookEvery).Should(BeNumerically(">", quiet))
	return seen
}

// differsInWhatItMust compares the machine that initialised the cluster and those that joined it.
func (s *story) differsInWhatItMust() {
	controlPlanes := s.controlPlanes(s.alive())
	s.Expect(controlPlanes).To(HaveLen(3))
	first, second, third := controlPlanes[0], controlPlanes[1], controlPlanes[2]
	s.Expect(s.read(first).init).NotTo(BeEmpty())
	s.expectSame(second, third, knowsOthers)
	s.expectSame(first, second, func(block string) bool { return knowsOthers(block) || beginsOrJoins(block) })
}

// beginsOrJoins reports whether a block of a config is about kubeadm init or join, or about what follows only one of them:
// the network plugin of a new cluster.
func beginsOrJoins(block string) bool {
	return strings.HasPrefix(block, "file /var/lib/altcos-bootstrap/bootstrap.sh ") ||
		strings.HasPrefix(block, "file /var/lib/altcos-bootstrap/stage/") || strings.Contains(block, "network-plugin")
}

// upgrades asks for another version with another image, as a person does.
func (s *story) upgrades() {
	from, old := len(s.ledger.all()), s.controlPlanes(s.alive())
	change(s, &controlplanev1.KubeadmControlPlane{}, "demo", func(k *controlplanev1.KubeadmControlPlane) {
		k.Spec.Version = newVersion
		k.Spec.MachineTemplate.Spec.InfrastructureRef.Name = "control-plane-" + newVersion
	})
	s.awaitCluster(3, newVersion, 1)
	s.checkOneByOne(from, len(old))
	s.checkHosts()
	s.Expect(s.controlPlanes(s.lives())).To(HaveLen(6))
	alive := s.controlPlanes(s.alive())
	s.Expect(alive).To(HaveLen(3))
	for _, l := range alive {
		s.Expect(slices.ContainsFunc(old, func(o *life) bool { return o.uuid == l.uuid })).To(BeFalse(), "%s is still there", l.name())
	}
	images := map[string]bool{}
	for _, m := range s.libvirtMachines() {
		if _, is := m.Labels[clusterv1.MachineControlPlaneLabel]; is {
			images[m.Spec.Image.Volume] = true
		}
	}
	s.Expect(images).To(Equal(map[string]bool{"altcos-" + newVersion + ".qcow2": true}))
	s.Expect(s.workers(s.lives())).To(HaveLen(1))
}

// differsInTheVersion compares a machine that joined before the upgrade with those that joined after it.
func (s *story) differsInTheVersion() {
	const template = "file /etc/demo/kubernetes 0644"
	all := s.controlPlanes(s.lives())
	before := all[2]
	for _, after := range all[3:] {
		s.Expect(blocks(s.t, after.ignition)[template]).To(Equal("control plane " + newVersion))
		s.expectSame(before, after, func(block string) bool { return knowsOthers(block) || block == template })
		s.expectSame(before, after, knowsOthers, oldVersion, newVersion)
	}
}
