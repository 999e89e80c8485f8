// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/cmd/kubectl-altcos/offline/objects"
	"github.com/altcos/cluster-api-provider-altcos/controllers/altcosbootstrapconfig"
	"github.com/altcos/cluster-api-provider-altcos/controllers/libvirtcluster"
	"github.com/altcos/cluster-api-provider-altcos/controllers/libvirtmachine"
	"github.com/altcos/cluster-api-provider-altcos/internal/bootstrapdata"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/machinerole"
	"github.com/altcos/cluster-api-provider-altcos/internal/placement"
	"github.com/altcos/cluster-api-provider-altcos/internal/providerid"
)

// attempts is how often an object is reconciled until it must be done: finalizer, conditions, identity, claims and work
// take one each.
const attempts = 12

// run is the controllers on a set of objects.
type run struct {
	objects       *objects.Set
	client        client.Client
	cloud         *cloud
	balancer      *balancer
	pools         *pools
	bootstrapData []byte
	// machines are those that booted.
	machines []bootedMachine
}

type bootedMachine struct{ name, uuid string }

func newRun(scheme *runtime.Scheme, set *objects.Set, bootstrapData []byte) *run {
	r := &run{objects: set, cloud: newCloud(), balancer: newBalancer(), pools: newPools(set), bootstrapData: bootstrapData}
	bridges, poolNames := []string{}, []string{inventory.DefaultStoragePool}
	for _, lm := range objects.All[*infrav1.LibvirtMachine](set) {
		for _, nic := range lm.Spec.NetworkInterfaces {
			if nic.Bridge != "" {
				bridges = append(bridges, nic.Bridge)
			}
		}
		if lm.Spec.StoragePool != "" {
			poolNames = append(poolNames, lm.Spec.StoragePool)
		}
	}
	for i, host := range objects.All[*infrav1.LibvirtHost](set) {
		r.cloud.addHost(host.Name, append(bridges, inventory.Bridge(host)), append(poolNames, inventory.StoragePool(host)))
		r.makeReady(host, i)
	}
	r.client = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects.All[client.Object](set)...).WithStatusSubresource(
		&infrav1.LibvirtCluster{}, &infrav1.LibvirtMachine{}, &infrav1.LibvirtHost{}, &bootstrapv1.AltcosBootstrapConfig{}, &ipamv1.IPAddressClaim{},
	).Build()
	return r
}

// makeReady gives a host the status of a reachable one.
func (r *run) makeReady(host *infrav1.LibvirtHost, nth int) {
	for _, condition := range []string{infrav1.ReadyCondition, infrav1.LibvirtHostLoadBalancerReadyCondition} {
		conditions.Set(host, metav1.Condition{Type: condition, Status: metav1.ConditionTrue, Reason: "Offline"})
	}
	host.Status.Allocatable = infrav1.HostResources{
		CPUs: new(int32(1 << 20)), Memory: resource.NewQuantity(plenty, resource.BinarySI), Storage: resource.NewQuantity(plenty, resource.BinarySI),
	}
	if len(host.Status.BridgeAddresses) > 0 || !inventory.CarriesLoadBalancers(host) {
		return
	}
	if uri, err := url.Parse(host.Spec.URI); err == nil {
		if a, err := netip.ParseAddr(uri.Hostname()); err == nil {
			host.Status.BridgeAddresses = []string{netip.PrefixFrom(a, a.BitLen()).String()}
			return
		}
	}
	a := documentation.Addr()
	for range 200 + nth {
		a = a.Next()
	}
	host.Status.BridgeAddresses = []string{netip.PrefixFrom(a, a.BitLen()).String(), fmt.Sprintf("2001:db8::%x/128", 200+nth)}
	r.objects.Warnf("LibvirtHost %q: the address of its bridge is unknown, %s is used as a placeholder; write the address into status.bridgeAddresses, or use one in spec.uri", host.Name, a)
}

// all runs every controller: the clusters for their endpoints, then the machines, then the clusters for their backends.
func (r *run) all(ctx context.Context) error {
	if err := r.clusters(ctx); err != nil {
		return err
	}
	var problems []error
	for _, lm := range objects.All[*infrav1.LibvirtMachine](r.objects) {
		if err := r.machine(ctx, lm); err != nil {
			problems = append(problems, fmt.Errorf("LibvirtMachine %q: %w", lm.Name, err))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	return r.clusters(ctx)
}

func (r *run) hosts() inventory.Access {
	return inventory.Access{Client: r.client, Namespace: objects.ManagerNamespace, Connector: r.cloud}
}

func (r *run) clusters(ctx context.Context) error {
	reconciler := &libvirtcluster.Reconciler{
		Client: r.client, Hosts: r.hosts(), Balancer: r.balancer, RouterIDs: libvirtcluster.NewRouterIDs(), Recorder: &events.FakeRecorder{},
	}
	var problems []error
	for _, lc := range objects.All[*infrav1.LibvirtCluster](r.objects) {
		got := &infrav1.LibvirtCluster{}
		if err := r.settle(ctx, reconciler, client.ObjectKeyFromObject(lc), got); err != nil {
			problems = append(problems, fmt.Errorf("LibvirtCluster %q: %w", lc.Name, err))
		}
	}
	return errors.Join(problems...)
}

func (r *run) machine(ctx context.Context, lm *infrav1.LibvirtMachine) error {
	owner := lm.OwnerReferences[0].Name
	if err := r.bootstrap(ctx, client.ObjectKey{Namespace: lm.Namespace, Name: owner}); err != nil {
		return err
	}
	for _, host := range r.cloud.hosts {
		if err := putImage(host, lm); err != nil {
			return err
		}
	}
	reconciler := &libvirtmachine.Reconciler{
		Client: r.client, Hosts: r.hosts(), Images: images{r.cloud}, Tasks: tasks{}, Ledger: placement.NewLedger(), Recorder: &events.FakeRecorder{}, Clock: clock.RealClock{},
	}
	got := &infrav1.LibvirtMachine{}
	if err := r.settle(ctx, reconciler, client.ObjectKeyFromObject(lm), got); err != nil {
		return err
	}
	uuid, err := providerid.Parse(got.Spec.ProviderID)
	if err != nil {
		return err
	}
	r.machines = append(r.machines, bootedMachine{name: owner, uuid: uuid})
	return nil
}

// bootstrap gives a Machine its data Secret: the one of the manifests, the one that its AltcosBootstrapConfig makes, or
// the kubeadm data itself.
func (r *run) bootstrap(ctx context.Context, key client.ObjectKey) error {
	machine := &clusterv1.Machine{}
	if err := r.client.Get(ctx, key, machine); err != nil {
		return fmt.Errorf("read Machine: %w", err)
	}
	if name := ptr.Deref(machine.Spec.Bootstrap.DataSecretName, ""); name != "" {
		if _, ok := objects.Named[*corev1.Secret](r.objects, key.Namespace, name); ok {
			return nil
		}
	}
	machine.Spec.Bootstrap.DataSecretName = nil
	name := key.Name + "-offline"
	ref := machine.Spec.Bootstrap.ConfigRef
	ours := ref.Kind == "AltcosBootstrapConfig"
	if ours {
		name = ref.Name + "-kubeadm" // of the child that the controller makes
	}
	secret, err := r.kubeadmData(client.ObjectKey{Namespace: key.Namespace, Name: name}, machine)
	if err != nil {
		return err
	}
	if err := r.client.Create(ctx, secret); err != nil {
		return fmt.Errorf("create kubeadm data: %w", err)
	}
	if !ours {
		machine.Spec.Bootstrap.DataSecretName = &name
		return r.client.Update(ctx, machine)
	}
	if err := r.client.Update(ctx, machine); err != nil {
		return fmt.Errorf("update Machine: %w", err)
	}
	config := &bootstrapv1.AltcosBootstrapConfig{}
	reconciler := &altcosbootstrapconfig.Reconciler{Client: r.client, Recorder: &events.FakeRecorder{}}
	if err := r.settle(ctx, reconciler, client.ObjectKey{Namespace: key.Namespace, Name: ref.Name}, config); err != nil {
		return fmt.Errorf("AltcosBootstrapConfig %q: %w", ref.Name, err)
	}
	machine.Spec.Bootstrap.DataSecretName = &config.Status.DataSecretName
	return r.client.Update(ctx, machine)
}

func (r *run) kubeadmData(key client.ObjectKey, machine *clusterv1.Machine) (*corev1.Secret, error) {
	data := r.bootstrapData
	if len(data) == 0 {
		var pods []string
		if machinerole.IsControlPlane(machine) {
			pods = podSubnets(r.objects, machine.Namespace, machine.Spec.ClusterName)
		}
		var err error
		if data, err = placeholder(pods); err != nil {
			return nil, err
		}
		r.objects.Warnf("a placeholder is used for the kubeadm bootstrap data")
	}
	format := bootstrapdata.FormatCloudConfig
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		format = bootstrapdata.FormatIgnition
	}
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}, Data: map[string][]byte{"value": data, "format": []byte(format)}}, nil
}

// reported is an object with conditions.
type reported interface {
	client.Object
	GetConditions() []metav1.Condition
}

// settle reconciles an object until it is ready, and reads it into got. The error has the message of its Ready condition.
func (r *run) settle(ctx context.Context, reconciler reconcile.Reconciler, key client.ObjectKey, got reported) error {
	var last error
	for range attempts {
		_, last = reconciler.Reconcile(ctx, ctrl.Request{NamespacedName: key})
		if err := r.pools.answer(ctx, r.client); err != nil {
			return err
		}
		if err := r.client.Get(ctx, key, got); err != nil {
			return fmt.Errorf("read object: %w", err)
		}
		if last == nil && r.done(got) {
			return nil
		}
	}
	if ready := conditions.Get(got, clusterv1.ReadyCondition); ready != nil && ready.Status != metav1.ConditionTrue {
		return fmt.Errorf("%s: %s", ready.Reason, ready.Message)
	}
	if last != nil {
		return last
	}
	return errors.New("its controller ignores it; is it managed externally?") // nothing would be rendered for it
}

// done reports whether an object got as far as it can here: machines never become nodes.
func (r *run) done(got reported) bool {
	lm, ok := got.(*infrav1.LibvirtMachine)
	if !ok {
		return conditions.IsTrue(got, clusterv1.ReadyCondition)
	}
	uuid, err := providerid.Parse(lm.Spec.ProviderID)
	_, booted := r.cloud.boots[uuid]
	return err == nil && booted
}
