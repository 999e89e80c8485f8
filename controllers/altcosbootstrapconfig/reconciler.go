// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcosbootstrapconfig

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/phase"
)

// Reconciler reconciles AltcosBootstrapConfigs.
type Reconciler struct {
	// Client reads from the manager's cache and writes.
	Client client.Client
	// Recorder of events.
	Recorder events.EventRecorder
	// WatchFilter is the value of the label cluster.x-k8s.io/watch-filter of the objects to reconcile, empty for all.
	WatchFilter string
}

// scope is the data of one Reconcile.
type scope struct {
	config *bootstrapv1.AltcosBootstrapConfig
	// machine owns the config. It is nil if a MachinePool does; then cluster may be nil too.
	machine *clusterv1.Machine
	cluster *clusterv1.Cluster

	// child is the KubeadmConfig, kubeadmData its bootstrap data.
	child       *kubeadmv1.KubeadmConfig
	kubeadmData map[string][]byte
	ignition    []byte

	// record keeps how the phases went.
	record *phase.Record
}

// Reconcile moves one AltcosBootstrapConfig towards its data Secret. It needs no finalizer: everything it creates is owned
// by the object and garbage collected.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	config := &bootstrapv1.AltcosBootstrapConfig{}
	if ours, err := phase.Read(ctx, r.Client, req, config, r.WatchFilter); err != nil || !ours || !config.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, err
	}
	s, ctx, err := r.load(ctx, config)
	if err != nil {
		return outcome.Resolve(err)
	}
	return s.record.Run(ctx, phase.Course{
		Client:   r.Client,
		Recorder: r.Recorder,
		Cluster:  s.cluster,
		Ensure:   func(ctx context.Context) error { return r.run(ctx, s) },
		Describe: s.describe,
		Summary:  "the data secret is available",
	})
}

func (r *Reconciler) run(ctx context.Context, s *scope) error {
	switch {
	case s.machine == nil:
		return phase.Step(s.record, kubeadmDataReady, refusePool)(ctx, s)
	case s.machine.Spec.Bootstrap.DataSecretName != nil:
		// The Machine refers to its data, which must not change any more, whatever happens to this object or the child.
		// After clusterctl move this also restores the status.
		return phase.UntilFirst(ctx, s,
			phase.Step(s.record, dataSecretAvailable, r.adoptDataSecret),
			phase.Step(s.record, kubeadmDataReady, r.keepTokenAlive),
		)
	}
	return phase.UntilFirst(ctx, s,
		phase.Guard(s.record, kubeadmDataReady, r.awaitCluster),
		phase.Guard(s.record, kubeadmDataReady, r.ensureChild),
		phase.Step(s.record, kubeadmDataReady, r.awaitKubeadmData),
		phase.Guard(s.record, dataSecretAvailable, r.render),
		phase.Step(s.record, dataSecretAvailable, r.writeDataSecret),
	)
}

// refusePool reports that MachinePools are not supported: the Machines of a pool share one config, but ours is for one
// Machine.
func refusePool(context.Context, *scope) error {
	return outcome.Terminalf(bootstrapv1.AltcosBootstrapConfigMachinePoolReason, "a MachinePool owns this object, which is not supported; use a MachineDeployment")
}

// load reads owner and cluster. Their absence is not reported in a condition: nobody waits for the object yet.
func (r *Reconciler) load(ctx context.Context, config *bootstrapv1.AltcosBootstrapConfig) (*scope, context.Context, error) {
	s := &scope{config: config, record: phase.NewRecord(config, conditionTable())}
	machine, err := util.GetOwnerMachine(ctx, r.Client, config.ObjectMeta)
	if client.IgnoreNotFound(err) != nil {
		return nil, ctx, fmt.Errorf("read owner of AltcosBootstrapConfig %q: %w", config.Name, err)
	}
	name := config.Labels[clusterv1.ClusterNameLabel]
	switch {
	case machine != nil:
		s.machine, name = machine, machine.Spec.ClusterName
	case !slices.ContainsFunc(config.OwnerReferences, isPool):
		return nil, ctx, outcome.Waitf("", 0, "no Machine owns the AltcosBootstrapConfig yet")
	}
	s.cluster, err = util.GetClusterByName(ctx, r.Client, config.Namespace, name)
	if client.IgnoreNotFound(err) != nil {
		return nil, ctx, fmt.Errorf("read cluster %q: %w", name, err)
	}
	if err != nil {
		s.cluster = nil
	}
	if s.machine == nil {
		return s, ctx, nil
	}
	if s.cluster == nil {
		return nil, ctx, outcome.Waitf("", 0, "cluster %q does not exist", name)
	}
	log := ctrl.LoggerFrom(ctx).WithValues("Machine", klog.KObj(machine), "Cluster", klog.KObj(s.cluster))
	return s, ctrl.LoggerInto(ctx, log), nil
}

func isPool(ref metav1.OwnerReference) bool {
	return refersTo(&ref, clusterv1.GroupVersion.Group, "MachinePool")
}
