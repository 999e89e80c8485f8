// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"slices"
	"strings"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/cluster-api/util/secret"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
)

// tokenTTL lets the kubeadm bootstrap provider look at its tokens every third of it.
const tokenTTL = 20 * time.Second

// beginsAlone asks for two control planes at once: the kubeadm bootstrap provider lets one initialise and makes the other wait.
func (s *story) beginsAlone() {
	s.ask(func(o *unstructured.Unstructured) bool {
		if o.GetKind() == "Cluster" {
			unstructured.RemoveNestedField(o.Object, "spec", "controlPlaneRef")
		}
		return slices.Contains([]string{"LibvirtHost", "InClusterIPPool", "LibvirtCluster", "Cluster"}, o.GetKind())
	})
	s.addMachine("alone-0", true)
	s.addMachine("alone-1", true)
	s.awaitMachines(2)
	began := slices.DeleteFunc(s.lives(), func(l *life) bool { return s.read(l).init == "" })
	s.Expect(began).To(HaveLen(1))
	cluster := &clusterv1.Cluster{}
	s.must(s.client.Get(s.ctx, key("demo"), cluster))
	for _, authority := range s.clusterAuthorities() {
		s.Expect(metav1.GetControllerOf(&authority)).To(BeNil(), authority.Name)
		s.Expect(authority.OwnerReferences).To(ConsistOf(HaveField("UID", cluster.UID)), authority.Name)
	}
	s.checkHosts()
}

// losesTheFirst removes the machine that initialised the cluster, with everything that was created for it. Another one can
// still join.
func (s *story) losesTheFirst() {
	all := s.alive()
	first := all[slices.IndexFunc(all, func(l *life) bool { return s.read(l).init != "" })]
	before := s.clusterAuthorities()
	meta := metav1.ObjectMeta{Namespace: namespace, Name: first.name()}
	child := &kubeadmv1.KubeadmConfig{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: first.name() + "-kubeadm"}}
	s.must(s.client.Get(s.ctx, client.ObjectKeyFromObject(child), child))
	s.must(s.client.Delete(s.ctx, &clusterv1.Machine{ObjectMeta: meta}))
	s.Eventually(func(g Gomega) {
		g.Expect(s.complaints.all()).To(BeEmpty())
		for _, o := range []client.Object{&clusterv1.Machine{ObjectMeta: meta}, &bootstrapv1.AltcosBootstrapConfig{ObjectMeta: meta}, child} {
			err := s.client.Get(s.ctx, client.ObjectKeyFromObject(o), o)
			g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "%T: %v", o, err)
		}
	}, patience, lookEvery).Should(Succeed())
	s.Expect(s.alive()).To(HaveLen(1))

	s.addMachine("alone-2", true)
	s.awaitMachines(2)
	s.Expect(s.clusterAuthorities()).To(Equal(before))
	for _, l := range s.alive() {
		files := s.read(l).files
		for path, content := range s.read(first).files {
			if strings.HasPrefix(path, "/etc/kubernetes/pki/") {
				s.Expect(files[path] == content).To(BeTrue(), "%s has another %s than the first", l.name(), path)
			}
		}
	}
	s.checkHosts()
}

// keepsTheToken lets a worker wait beyond the time of its token, which the kubeadm bootstrap provider extends as long as it
// reconciles: only we trigger the child of an AltcosBootstrapConfig. The token and the data with it stay the same.
func (s *story) keepsTheToken() {
	for _, host := range s.hosts {
		host.Inject(fakevirt.MethodDefineDomain, fakevirt.Fault{Err: errRefused})
	}
	s.addMachine("worker", false)
	s.Eventually(func(g Gomega) {
		all := s.lives()
		last := all[len(all)-1]
		g.Expect(last.defined).To(BeFalse())
		g.Expect(last.configs).NotTo(BeEmpty())
		s.interrupted = last.uuid
	}, patience, lookEvery).Should(Succeed())
	before := s.secret("worker")
	token := s.read(s.interruptedLife()).join.Discovery.BootstrapToken.Token
	first, err := s.workload.expiration(token)
	s.must(err)
	s.Eventually(func(g Gomega) {
		expires, err := s.workload.expiration(token)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(time.Now()).To(BeTemporally(">", first))
		g.Expect(expires).To(BeTemporally(">", time.Now()))
	}, patience, lookEvery).Should(Succeed())
	after := s.secret("worker")
	s.Expect(after.UID).To(Equal(before.UID))
	s.Expect(after.Data).To(Equal(before.Data))

	for _, host := range s.hosts {
		host.ClearFaults()
	}
	s.renderAgain()
	s.awaitMachines(3)
	s.Expect(s.read(s.interruptedLife()).join.Discovery.BootstrapToken.Token).To(Equal(token))
}

// addMachine creates the objects that a person writes for one machine.
func (s *story) addMachine(name string, controlPlane bool) {
	s.t.Helper()
	meta := metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{clusterv1.ClusterNameLabel: "demo"}}
	if controlPlane {
		meta.Labels[clusterv1.MachineControlPlaneLabel] = ""
	}
	registration := kubeadmv1.NodeRegistrationOptions{Name: "{{ ds.meta_data.local_hostname }}", CRISocket: "unix:///var/run/crio/crio.sock"}
	config := &bootstrapv1.AltcosBootstrapConfig{ObjectMeta: meta}
	config.Spec.Hosts = []bootstrapv1.HostsEntry{{Address: "10.150.0.2", Names: []string{"registry.demo.example", "registry"}}}
	config.Spec.Kubeadm.InitConfiguration.NodeRegistration = registration
	config.Spec.Kubeadm.JoinConfiguration.NodeRegistration = registration
	machine := &infrav1.LibvirtMachine{ObjectMeta: meta, Spec: infrav1.LibvirtMachineSpec{
		VCPUs: 2, Memory: resource.MustParse("4Gi"), Image: infrav1.Image{Volume: "altcos-" + oldVersion + ".qcow2"},
	}}
	owner := &clusterv1.Machine{ObjectMeta: meta, Spec: clusterv1.MachineSpec{
		ClusterName: "demo", Version: oldVersion,
		Bootstrap: clusterv1.Bootstrap{ConfigRef: clusterv1.ContractVersionedObjectReference{
			APIGroup: bootstrapv1.GroupVersion.Group, Kind: "AltcosBootstrapConfig", Name: name,
		}},
		InfrastructureRef: clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupVersion.Group, Kind: "LibvirtMachine", Name: name},
	}}
	for _, o := range []client.Object{config, machine, owner} {
		s.must(s.client.Create(s.ctx, o))
	}
}

// awaitMachines waits until there are so many machines and all are nodes whose configs are removed from the hosts.
func (s *story) awaitMachines(count int) {
	s.t.Helper()
	s.Eventually(func(g Gomega) {
		g.Expect(s.complaints.all()).To(BeEmpty())
		for _, m := range s.machines() {
			g.Expect(m.Status.NodeRef.Name).To(Equal(m.Name), "%v", m.Status.Conditions)
		}
		list := s.libvirtMachines()
		g.Expect(list).To(HaveLen(count))
		for i := range list {
			g.Expect(conditions.IsTrue(&list[i], infrav1.LibvirtMachineBootstrapDataRemovedCondition)).To(BeTrue(), list[i].Name)
			g.Expect(conditions.IsTrue(&list[i], infrav1.ReadyCondition)).To(BeTrue(), list[i].Name)
		}
	}, patience, lookEvery).Should(Succeed())
}

// clusterAuthorities are the Secrets with the keys that every control plane needs.
func (s *story) clusterAuthorities() []corev1.Secret {
	s.t.Helper()
	var all []corev1.Secret
	for _, purpose := range []secret.Purpose{secret.ClusterCA, secret.EtcdCA, secret.FrontProxyCA, secret.ServiceAccount} {
		all = append(all, *s.secret(secret.Name("demo", purpose)))
	}
	return all
}
