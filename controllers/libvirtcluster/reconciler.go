// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"sigs.k8s.io/cluster-api/util/annotations"
	"sigs.k8s.io/cluster-api/util/finalizers"
	"sigs.k8s.io/cluster-api/util/patch"
	"sigs.k8s.io/cluster-api/util/paused"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/phase"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// phaseTimeout bounds what one Reconcile waits for hosts, so that a host that hangs does not keep the status from being
// stored.
const phaseTimeout = 90 * time.Second

// Shells runs scripts on hosts. Errors: virt.ErrUnreachable, virt.ErrAuthentication, virt.ErrUnsupported when the URI of
// the host gives no shell.
type Shells interface {
	Shell(ctx context.Context, target virt.Target) (loadbalancer.Runner, error)
}

// Balancer carries endpoints on hosts.
type Balancer interface {
	Ensure(ctx context.Context, cluster loadbalancer.Cluster, hosts []loadbalancer.Host) (loadbalancer.Report, error)
	Release(ctx context.Context, cluster loadbalancer.Cluster, hosts []loadbalancer.Host) error
}

// Reconciler reconciles LibvirtClusters.
type Reconciler struct {
	// Client reads from the manager's cache and writes.
	Client client.Client
	// Shells reaches the hosts.
	Shells Shells
	// Balancer carries endpoints on hosts.
	Balancer Balancer
	// RouterIDs allocates VRRP router IDs. One for the process, since it remembers choices that the cache does not show.
	RouterIDs *RouterIDs
	// Recorder of events.
	Recorder events.EventRecorder
	// CredentialsNamespace is the manager's own, which holds the credentials of hosts.
	CredentialsNamespace string
	// WatchFilter is the value of the label cluster.x-k8s.io/watch-filter of the objects to reconcile, empty for all.
	WatchFilter string
}

// Reconcile moves one LibvirtCluster towards its spec.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (res ctrl.Result, reterr error) {
	lc := &infrav1.LibvirtCluster{}
	if err := r.Client.Get(ctx, req.NamespacedName, lc); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if annotations.IsExternallyManaged(lc) { // somebody else is in charge of spec and status
		return ctrl.Result{}, nil
	}
	s, err := r.load(ctx, lc)
	if err != nil {
		return outcome.Resolve(err)
	}
	if added, err := finalizers.EnsureFinalizer(ctx, r.Client, lc, infrav1.ClusterFinalizer); err != nil || added {
		return ctrl.Result{}, err
	}
	if isPaused, requeue, err := paused.EnsurePausedCondition(ctx, r.Client, s.cluster, lc); err != nil || isPaused || requeue {
		return ctrl.Result{}, err
	}
	patcher, err := patch.NewHelper(lc, r.Client)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("prepare patch: %w", err)
	}
	defer func() { // nothing that can fail visibly may stand above this line
		r.updateStatus(s, reterr)
		if err := patcher.Patch(ctx, lc, ownedConditions); err != nil {
			res, reterr = ctrl.Result{}, errors.Join(reterr, err)
			return
		}
		r.announce(s, reterr)
		res, reterr = outcome.Resolve(reterr)
		if reterr == nil && res.RequeueAfter == 0 && s.observeAgain {
			res.RequeueAfter = observeInterval
		}
	}()

	phases, cancel := context.WithTimeout(ctx, phaseTimeout)
	defer cancel()
	if !lc.DeletionTimestamp.IsZero() {
		if err := phase.UntilFirst(phases, s, r.awaitMachinesGone, r.releaseLoadBalancer, r.releaseEndpoint); err != nil {
			return ctrl.Result{}, err
		}
		r.RouterIDs.Forget(lc.UID)
		controllerutil.RemoveFinalizer(lc, infrav1.ClusterFinalizer)
		return ctrl.Result{}, nil
	}
	return ctrl.Result{}, phase.UntilFirst(phases, s,
		s.step(hostsReady, r.selectHosts),
		s.step(endpointReady, r.determineEndpoint),
		s.step(endpointReady, r.identify),
		s.step(loadBalancerReady, r.ensureLoadBalancer),
	)
}
