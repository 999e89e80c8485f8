// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcosbootstrapconfig

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/cluster-api/util/patch"
	"sigs.k8s.io/cluster-api/util/paused"

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

// scope is what one Reconcile knows.
type scope struct {
	config  *bootstrapv1.AltcosBootstrapConfig
	machine *clusterv1.Machine
	cluster *clusterv1.Cluster

	// child is the KubeadmConfig, kubeadmData what it produced.
	child       *kubeadmv1.KubeadmConfig
	kubeadmData map[string][]byte
	ignition    []byte

	reached     map[string]bool
	stopped     string
	readyBefore string
}

// Reconcile moves one AltcosBootstrapConfig towards its data Secret. It needs no finalizer: everything it makes is
// owned by it and goes with it.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (res ctrl.Result, reterr error) {
	config := &bootstrapv1.AltcosBootstrapConfig{}
	if err := r.Client.Get(ctx, req.NamespacedName, config); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !config.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	s, ctx, err := r.load(ctx, config)
	if err != nil {
		return outcome.Resolve(err)
	}
	if isPaused, requeue, err := paused.EnsurePausedCondition(ctx, r.Client, s.cluster, config); err != nil || isPaused || requeue {
		return ctrl.Result{}, err
	}
	patcher, err := patch.NewHelper(config, r.Client)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("prepare patch: %w", err)
	}
	defer func() { // nothing that can fail visibly may stand above this line
		r.updateStatus(s, reterr)
		if err := patcher.Patch(ctx, config, ownedConditions); err != nil {
			res, reterr = ctrl.Result{}, errors.Join(reterr, err)
			return
		}
		r.announce(s, reterr)
		res, reterr = outcome.Resolve(reterr)
	}()
	if s.machine.Spec.Bootstrap.DataSecretName != nil {
		// The Machine has taken its data. Whatever happens now to the child or to us must not change what it got; after
		// a move to another management cluster this also restores our status.
		return ctrl.Result{}, phase.UntilFirst(ctx, s, s.step(dataSecretAvailable, r.adoptDataSecret))
	}
	return ctrl.Result{}, phase.UntilFirst(ctx, s,
		s.step(kubeadmDataReady, r.awaitCluster),
		s.step(kubeadmDataReady, r.ensureChild),
		s.step(kubeadmDataReady, r.awaitKubeadmData),
		s.step(dataSecretAvailable, r.render),
		s.step(dataSecretAvailable, r.writeDataSecret),
	)
}

// load reads owner and cluster. Their absence has nobody to tell.
func (r *Reconciler) load(ctx context.Context, config *bootstrapv1.AltcosBootstrapConfig) (*scope, context.Context, error) {
	s := &scope{config: config, reached: map[string]bool{}}
	if ready := conditions.Get(config, bootstrapv1.ReadyCondition); ready != nil {
		s.readyBefore = ready.Reason
	}
	machine, err := util.GetOwnerMachine(ctx, r.Client, config.ObjectMeta)
	if client.IgnoreNotFound(err) != nil {
		return nil, ctx, fmt.Errorf("read owner of AltcosBootstrapConfig %q: %w", config.Name, err)
	}
	if machine == nil {
		return nil, ctx, outcome.Waitf("", 0, "no Machine owns the AltcosBootstrapConfig yet")
	}
	s.machine = machine
	s.cluster, err = util.GetClusterByName(ctx, r.Client, machine.Namespace, machine.Spec.ClusterName)
	if client.IgnoreNotFound(err) != nil {
		return nil, ctx, fmt.Errorf("read cluster %q: %w", machine.Spec.ClusterName, err)
	}
	if s.cluster == nil || err != nil {
		return nil, ctx, outcome.Waitf("", 0, "cluster %q does not exist", machine.Spec.ClusterName)
	}
	log := ctrl.LoggerFrom(ctx).WithValues("Machine", klog.KObj(machine), "Cluster", klog.KObj(s.cluster))
	return s, ctrl.LoggerInto(ctx, log), nil
}

// step makes a phase that remembers how it went.
func (s *scope) step(condition string, run func(context.Context, *scope) error) func(context.Context, *scope) error {
	return func(ctx context.Context, s *scope) error {
		if err := run(ctx, s); err != nil {
			s.reached[condition], s.stopped = false, condition
			return err
		}
		s.reached[condition] = true
		return nil
	}
}
