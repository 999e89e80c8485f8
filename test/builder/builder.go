// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package builder makes objects for tests: each function gives one that would work, changed by modifiers. A status is part
// of the object; whoever stores it has to store that too.
package builder

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

const (
	// Image is the volume with the image of a LibvirtMachine.
	Image = "altcos.qcow2"
	// Endpoint is the address of a LibvirtCluster's control plane.
	Endpoint = "10.150.0.160"
	// HostCredentials is the Secret that Credentials makes and WithSSH names.
	HostCredentials = "credentials"
)

func made[O client.Object](o O, modifiers []func(O)) O {
	for _, modify := range modifiers {
		modify(o)
	}
	return o
}

// Cluster returns a Cluster whose LibvirtCluster has the same name.
func Cluster(meta metav1.ObjectMeta, modifiers ...func(*clusterv1.Cluster)) *clusterv1.Cluster {
	return made(&clusterv1.Cluster{ObjectMeta: meta, Spec: clusterv1.ClusterSpec{InfrastructureRef: infrastructure("LibvirtCluster", meta.Name)}}, modifiers)
}

// Provisioned is what the Cluster controller writes when the LibvirtCluster is there.
func Provisioned(c *clusterv1.Cluster) { c.Status.Initialization.InfrastructureProvisioned = new(true) }

// Unprovisioned takes back what Provisioned gave.
func Unprovisioned(c *clusterv1.Cluster) { c.Status.Initialization.InfrastructureProvisioned = nil }

// Machine returns a Machine of the cluster in the labels, whose LibvirtMachine and bootstrap data have the same name.
func Machine(meta metav1.ObjectMeta, modifiers ...func(*clusterv1.Machine)) *clusterv1.Machine {
	return made(&clusterv1.Machine{ObjectMeta: meta, Spec: clusterv1.MachineSpec{
		ClusterName:       meta.Labels[clusterv1.ClusterNameLabel],
		Bootstrap:         clusterv1.Bootstrap{DataSecretName: &meta.Name},
		InfrastructureRef: infrastructure("LibvirtMachine", meta.Name),
	}}, modifiers)
}

// AwaitingData lets a Machine wait for the data of its AltcosBootstrapConfig.
func AwaitingData(m *clusterv1.Machine) {
	m.Spec.Bootstrap = clusterv1.Bootstrap{ConfigRef: clusterv1.ContractVersionedObjectReference{
		APIGroup: bootstrapv1.GroupVersion.Group, Kind: "AltcosBootstrapConfig", Name: m.Name,
	}}
}

// ControlPlane gives any object the label of what belongs to a control plane.
func ControlPlane[O client.Object](o O) { label(o, clusterv1.MachineControlPlaneLabel, "") }

// Labelled gives any object a label.
func Labelled[O client.Object](key, value string) func(O) { return func(o O) { label(o, key, value) } }

// Annotated gives any object an annotation.
func Annotated[O client.Object](key, value string) func(O) {
	return func(o O) {
		annotations := o.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[key] = value
		o.SetAnnotations(annotations)
	}
}

// Paused pauses any object.
func Paused[O client.Object](o O) { Annotated[O](clusterv1.PausedAnnotation, "")(o) }

func label(o client.Object, key, value string) {
	labels := o.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[key] = value
	o.SetLabels(labels)
}

func infrastructure(kind, name string) clusterv1.ContractVersionedObjectReference {
	return clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupVersion.Group, Kind: kind, Name: name}
}

// LibvirtCluster returns a LibvirtCluster with an endpoint.
func LibvirtCluster(meta metav1.ObjectMeta, modifiers ...func(*infrav1.LibvirtCluster)) *infrav1.LibvirtCluster {
	return made(&infrav1.LibvirtCluster{ObjectMeta: meta, Spec: infrav1.LibvirtClusterSpec{
		ControlPlaneEndpoint: clusterv1.APIEndpoint{Host: Endpoint},
	}}, modifiers)
}

// LibvirtMachine returns a small LibvirtMachine.
func LibvirtMachine(meta metav1.ObjectMeta, modifiers ...func(*infrav1.LibvirtMachine)) *infrav1.LibvirtMachine {
	return made(&infrav1.LibvirtMachine{ObjectMeta: meta, Spec: machine()}, modifiers)
}

// LibvirtMachineTemplate returns a template of what LibvirtMachine makes.
func LibvirtMachineTemplate(meta metav1.ObjectMeta, modifiers ...func(*infrav1.LibvirtMachineTemplate)) *infrav1.LibvirtMachineTemplate {
	template := &infrav1.LibvirtMachineTemplate{ObjectMeta: meta}
	template.Spec.Template.Spec = machine()
	return made(template, modifiers)
}

func machine() infrav1.LibvirtMachineSpec {
	return infrav1.LibvirtMachineSpec{VCPUs: 2, Memory: resource.MustParse("2Gi"), Image: infrav1.Image{Volume: Image}}
}

// OnHost binds a LibvirtMachine to a host.
func OnHost(host string) func(*infrav1.LibvirtMachine) {
	return func(lm *infrav1.LibvirtMachine) { lm.Spec.Host = host }
}

// FromURL lets a LibvirtMachine have its image from a server.
func FromURL(url, sha256 string) func(*infrav1.LibvirtMachine) {
	return func(lm *infrav1.LibvirtMachine) { lm.Spec.Image = infrav1.Image{URL: url, SHA256: sha256} }
}

// LibvirtHost returns a host that nobody has looked at.
func LibvirtHost(name string, modifiers ...func(*infrav1.LibvirtHost)) *infrav1.LibvirtHost {
	return made(&infrav1.LibvirtHost{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: infrav1.LibvirtHostSpec{URI: "qemu+unix:///system"}}, modifiers)
}

// WithSSH lets a host be reached by SSH, with what Credentials makes.
func WithSSH(h *infrav1.LibvirtHost) {
	h.Spec.URI, h.Spec.CredentialsRef = "qemu+ssh://root@node3/system", infrav1.ObjectReference{Name: HostCredentials}
}

// OnlyFor opens a host to namespaces and closes it to all others.
func OnlyFor(namespaces ...string) func(*infrav1.LibvirtHost) {
	return func(h *infrav1.LibvirtHost) {
		h.Spec.NamespaceSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpIn, Values: namespaces},
		}}
	}
}

// WithCondition gives any object a condition, as the controller of its kind would.
func WithCondition[O conditions.Setter](name string, status metav1.ConditionStatus) func(O) {
	return func(o O) { conditions.Set(o, metav1.Condition{Type: name, Status: status, Reason: "Test"}) }
}

// HostReady sets the Ready condition of a host.
func HostReady(status metav1.ConditionStatus) func(*infrav1.LibvirtHost) {
	return WithCondition[*infrav1.LibvirtHost](infrav1.ReadyCondition, status)
}

// AltcosBootstrapConfig returns a config whose kubeadm part says little.
func AltcosBootstrapConfig(meta metav1.ObjectMeta, modifiers ...func(*bootstrapv1.AltcosBootstrapConfig)) *bootstrapv1.AltcosBootstrapConfig {
	return made(&bootstrapv1.AltcosBootstrapConfig{ObjectMeta: meta, Spec: bootstrapv1.AltcosBootstrapConfigSpec{
		Kubeadm: kubeadmv1.KubeadmConfigSpec{PreKubeadmCommands: []string{"true"}},
	}}, modifiers)
}

// Secret returns a Secret with data in pairs of key and value.
func Secret(meta metav1.ObjectMeta, pairs ...string) *corev1.Secret {
	secret := &corev1.Secret{ObjectMeta: meta, Data: map[string][]byte{}}
	for i := 0; i < len(pairs); i += 2 {
		secret.Data[pairs[i]] = []byte(pairs[i+1])
	}
	return secret
}

// Credentials returns the Secret with which a host WithSSH is reached.
func Credentials(namespace, key string) *corev1.Secret {
	return Secret(metav1.ObjectMeta{Namespace: namespace, Name: HostCredentials}, corev1.SSHAuthPrivateKey, key, "known_hosts", "node3 ssh-ed25519 AAAA")
}

// IPAddress returns the answer to a claim.
func IPAddress(claim *ipamv1.IPAddressClaim, address string) *ipamv1.IPAddress {
	return &ipamv1.IPAddress{ObjectMeta: metav1.ObjectMeta{Namespace: claim.Namespace, Name: claim.Name}, Spec: ipamv1.IPAddressSpec{
		ClaimRef: ipamv1.IPAddressClaimReference{Name: claim.Name}, PoolRef: claim.Spec.PoolRef,
		Address: address, Prefix: new(int32(24)), Gateway: "10.150.0.1",
	}}
}
