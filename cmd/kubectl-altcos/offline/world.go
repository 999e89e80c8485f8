// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/profilesource"
)

// world is the objects of the manifests, completed to what a cluster would hold.
type world struct {
	scheme  *runtime.Scheme
	objects []client.Object
	warn    func(format string, args ...any)
}

// of returns all objects of a type, in the order of the manifests.
func of[T client.Object](w *world) []T {
	var out []T
	for _, o := range w.objects {
		if typed, ok := o.(T); ok {
			out = append(out, typed)
		}
	}
	return out
}

func (w *world) add(o client.Object) { w.objects = append(w.objects, o) }

// named finds the object of a type by namespace and name.
func named[T client.Object](w *world, namespace, name string) (found T, ok bool) {
	i := slices.IndexFunc(of[T](w), func(o T) bool { return o.GetNamespace() == namespace && o.GetName() == name })
	if i < 0 {
		return found, false
	}
	return of[T](w)[i], true
}

// complete makes what the manifests leave out.
func (w *world) complete() error {
	w.clean()
	w.instantiate()
	if len(of[*infrav1.LibvirtHost](w)) == 0 {
		return errors.New("there is no LibvirtHost in the manifests: machines and load balancers are rendered for hosts")
	}
	if len(of[*infrav1.LibvirtCluster](w)) == 0 {
		return errors.New("there is no LibvirtCluster in the manifests: it has the endpoint and the network of the machines")
	}
	w.add(noCredentials())
	var problems []error
	for _, lc := range of[*infrav1.LibvirtCluster](w) {
		problems = append(problems, w.own(lc))
	}
	for _, lm := range of[*infrav1.LibvirtMachine](w) {
		problems = append(problems, w.machineOf(lm))
	}
	w.unused()
	w.namespaces()
	return errors.Join(append(problems, w.distinct())...)
}

// distinct refuses an object of the manifests that has the name of one that is made here.
func (w *world) distinct() error {
	var problems []error
	seen := map[identity]bool{}
	for _, o := range w.objects {
		kind, err := apiutil.GVKForObject(o, w.scheme)
		if err != nil {
			return fmt.Errorf("tell the kind of %q: %w", o.GetName(), err)
		}
		o.GetObjectKind().SetGroupVersionKind(kind)
		id := identityOf(o)
		if seen[id] {
			problems = append(problems, fmt.Errorf("%s %q: has the name of one that is made here for other objects of the manifests; rename it, or leave them out", id.kind, id.name))
		}
		seen[id] = true
	}
	return errors.Join(problems...)
}

// clean forgets what another cluster observed and that objects are paused, as they are while they move, gives each object a namespace where it needs one, and an identity that is
// the same each time.
func (w *world) clean() {
	for _, o := range w.objects {
		if o.GetNamespace() == "" && isNamespaced(o) {
			o.SetNamespace(metav1.NamespaceDefault)
		}
		identify(o)
		o.SetAnnotations(unpaused(o.GetAnnotations()))
		o.SetDeletionTimestamp(nil)
		o.SetFinalizers(nil)
		switch o := o.(type) {
		case *clusterv1.Cluster:
			o.Status, o.Spec.Paused = clusterv1.ClusterStatus{}, nil
		case *clusterv1.Machine:
			o.Status, o.Spec.ProviderID = clusterv1.MachineStatus{}, ""
		case *infrav1.LibvirtMachine:
			o.Status = infrav1.LibvirtMachineStatus{}
		case *infrav1.LibvirtHost:
			o.Spec.CredentialsRef = infrav1.SecretReference{Name: credentials}
		}
	}
}

func unpaused(annotations map[string]string) map[string]string {
	out := maps.Clone(annotations)
	delete(out, clusterv1.PausedAnnotation)
	return out
}

// isNamespaced takes objects of unknown kinds for namespaced: whether they are matters to nobody.
func isNamespaced(o client.Object) bool {
	switch o.(type) {
	case *infrav1.LibvirtHost, *corev1.Namespace:
		return false
	}
	return true
}

// identify gives an object the UID that its name has here: the identity of machines, on which MAC addresses and names
// of volumes depend, is another one in each cluster.
func identify(o client.Object) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%T/%s/%s", o, o.GetNamespace(), o.GetName()))
	sum[6], sum[8] = sum[6]&0x0f|0x50, sum[8]&0x3f|0x80
	o.SetUID(types.UID(fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])))
	o.SetResourceVersion("")
	o.SetManagedFields(nil)
}

const (
	// managerNamespace is where the credentials of hosts are.
	managerNamespace = "altcos-offline-manager"
	credentials      = "nobody-logs-in"
)

// noCredentials is a Secret that is complete and opens nothing.
func noCredentials() *corev1.Secret {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: managerNamespace, Name: credentials}, Data: map[string][]byte{}}
	for _, key := range []string{
		inventory.KeySSHPrivateKey, inventory.KeySSHKnownHosts, inventory.KeyTLSCA, inventory.KeyTLSCertificate, inventory.KeyTLSPrivateKey,
	} {
		secret.Data[key] = []byte("none")
	}
	return secret
}

// noKeyPair stands for the key pair of a cluster.
func noKeyPair(cluster *clusterv1.Cluster) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: cluster.Namespace, Name: profilesource.KeyPairName(cluster.Name)},
		Data: map[string][]byte{
			profilesource.PublicKey:  []byte("ssh-ed25519 placeholder altcos@" + cluster.Name),
			profilesource.PrivateKey: []byte("a placeholder for the private key of the cluster\n"),
		},
	}
}

// own finds or makes the Cluster of a LibvirtCluster. A Cluster of that name without reference is one with a topology,
// whose reference a cluster would fill in.
func (w *world) own(lc *infrav1.LibvirtCluster) error {
	ref := clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupVersion.Group, Kind: "LibvirtCluster", Name: lc.Name}
	cluster := w.clusterWith(lc.Namespace, ref)
	if cluster == nil {
		name := lc.Labels[clusterv1.ClusterNameLabel]
		if name == "" {
			name = lc.Name
		}
		var there bool
		if cluster, there = named[*clusterv1.Cluster](w, lc.Namespace, name); !there {
			cluster = &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: lc.Namespace, Name: name}}
			identify(cluster)
			w.add(cluster)
		}
		if other := cluster.Spec.InfrastructureRef; other.IsDefined() {
			return fmt.Errorf("LibvirtCluster %q: Cluster %q refers to %s %q: let it refer to this one, or rename this one", lc.Name, name, other.Kind, other.Name)
		}
		cluster.Spec.InfrastructureRef = ref
	}
	cluster.Status.Initialization.InfrastructureProvisioned = ptr.To(true)
	if _, ok := named[*corev1.Secret](w, cluster.Namespace, profilesource.KeyPairName(cluster.Name)); !ok {
		w.add(noKeyPair(cluster)) // a real one would be another each time
	}
	lc.OwnerReferences = []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster", Name: cluster.Name, UID: cluster.UID}}
	return nil
}

// clusterWith returns the Cluster that refers to an object, or nil.
func (w *world) clusterWith(namespace string, ref clusterv1.ContractVersionedObjectReference) *clusterv1.Cluster {
	for _, c := range of[*clusterv1.Cluster](w) {
		if there := c.Spec.InfrastructureRef; c.Namespace == namespace && there.Kind == ref.Kind && there.Name == ref.Name {
			return c
		}
	}
	return nil
}

// clusterOf returns the name of the Cluster of a machine.
func (w *world) clusterOf(lm *infrav1.LibvirtMachine, machine *clusterv1.Machine) (string, error) {
	name := lm.Labels[clusterv1.ClusterNameLabel]
	if machine != nil && machine.Spec.ClusterName != "" {
		name = machine.Spec.ClusterName
	}
	clusters := of[*clusterv1.Cluster](w)
	if name == "" && len(clusters) == 1 {
		return clusters[0].Name, nil
	}
	if _, ok := named[*clusterv1.Cluster](w, lm.Namespace, name); !ok {
		return "", fmt.Errorf("LibvirtMachine %q: metadata.labels[%s]: Invalid value: %q: must name a Cluster of the manifests", lm.Name, clusterv1.ClusterNameLabel, name)
	}
	return name, nil
}

// machineOf finds or makes the Machine of a LibvirtMachine, with its bootstrap config.
func (w *world) machineOf(lm *infrav1.LibvirtMachine) error {
	machine, err := w.machineWith(lm)
	if err != nil {
		return err
	}
	cluster, err := w.clusterOf(lm, machine)
	if err != nil {
		return err
	}
	if machine == nil {
		machine = &clusterv1.Machine{ObjectMeta: metav1.ObjectMeta{Namespace: lm.Namespace, Name: lm.Name, Labels: lm.Labels}}
		machine.Spec.InfrastructureRef = clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupVersion.Group, Kind: "LibvirtMachine", Name: lm.Name}
		identify(machine)
		w.add(machine)
	}
	machine.Spec.ClusterName = cluster
	label(machine, clusterv1.ClusterNameLabel, cluster)
	label(lm, clusterv1.ClusterNameLabel, cluster)
	for key, value := range machine.Labels {
		label(lm, key, value)
	}
	lm.OwnerReferences = []metav1.OwnerReference{ownedBy(machine)}
	w.configOf(machine)
	return nil
}

// machineWith returns the Machine that refers to a LibvirtMachine, or nil when one of its name can be made.
func (w *world) machineWith(lm *infrav1.LibvirtMachine) (*clusterv1.Machine, error) {
	for _, m := range of[*clusterv1.Machine](w) {
		if ref := m.Spec.InfrastructureRef; m.Namespace == lm.Namespace && ref.Kind == "LibvirtMachine" && ref.Name == lm.Name {
			return m, nil
		}
	}
	if m, there := named[*clusterv1.Machine](w, lm.Namespace, lm.Name); there {
		return nil, fmt.Errorf("LibvirtMachine %q: Machine %q refers to %s %q: let a Machine refer to this one, or rename this one",
			lm.Name, m.Name, m.Spec.InfrastructureRef.Kind, m.Spec.InfrastructureRef.Name)
	}
	return nil, nil //nolint:nilnil // none is an answer
}

// configOf gives a Machine its AltcosBootstrapConfig: the one that it names, or the one of its own name.
func (w *world) configOf(machine *clusterv1.Machine) {
	name := machine.Name
	if ref := machine.Spec.Bootstrap.ConfigRef; ref.Kind == "AltcosBootstrapConfig" {
		name = ref.Name
	} else if ref.IsDefined() {
		return
	}
	config, ok := named[*bootstrapv1.AltcosBootstrapConfig](w, machine.Namespace, name)
	if !ok {
		return
	}
	machine.Spec.Bootstrap.ConfigRef = clusterv1.ContractVersionedObjectReference{APIGroup: bootstrapv1.GroupVersion.Group, Kind: "AltcosBootstrapConfig", Name: name}
	config.OwnerReferences = []metav1.OwnerReference{ownedBy(machine)}
	label(config, clusterv1.ClusterNameLabel, machine.Spec.ClusterName)
}

func (w *world) namespaces() {
	for _, o := range slices.Clone(w.objects) {
		if _, ok := named[*corev1.Namespace](w, "", o.GetNamespace()); !ok && o.GetNamespace() != "" {
			w.add(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: o.GetNamespace(), Labels: map[string]string{corev1.LabelMetadataName: o.GetNamespace()}}})
		}
	}
}

func ownedBy(machine *clusterv1.Machine) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: clusterv1.GroupVersion.String(), Kind: "Machine", Name: machine.Name, UID: machine.UID, Controller: ptr.To(true)}
}

func label(o client.Object, key, value string) {
	labels := map[string]string{}
	for k, v := range o.GetLabels() {
		labels[k] = v
	}
	labels[key] = value
	o.SetLabels(labels)
}
