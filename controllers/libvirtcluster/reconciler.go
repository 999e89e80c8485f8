// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster

import (
	"context"
	"errors"
	"time"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sigs.k8s.io/cluster-api/util/annotations"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer/rollout"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/phase"
)

// phaseTimeout bounds what one Reconcile waits for hosts, so that a host that hangs does not keep the status from being
// stored.
const phaseTimeout = 90 * time.Second

// Balancer runs load balancers on hosts; *rollout.Balancer implements it.
type Balancer interface {
	Ensure(ctx context.Context, cluster loadbalancer.Cluster, hosts []rollout.Host) (rollout.Report, error)
	Release(ctx context.Context, cluster loadbalancer.Cluster, hosts []rollout.Host) error
}

// Reconciler reconciles LibvirtClusters.
type Reconciler struct {
	// Client reads from the manager's cache and writes.
	Client client.Client
	// APIReader reads what the cache does not have; optional.
	APIReader client.Reader
	// Clock is the time; nil means the real one.
	Clock clock.PassiveClock
	// Hosts connects to the hosts.
	Hosts inventory.Access
	// Balancer runs load balancers on hosts.
	Balancer Balancer
	// RouterIDs allocates VRRP router IDs. The process has one, which remembers choices that the cache does not show yet.
	RouterIDs *RouterIDs
	// Recorder of events.
	Recorder events.EventRecorder
	// WatchFilter is the value of the label cluster.x-k8s.io/watch-filter of the objects to reconcile, empty for all.
	WatchFilter string

	retries retries
}

func (r *Reconciler) clock() clock.PassiveClock {
	if r.Clock == nil {
		return clock.RealClock{}
	}
	return r.Clock
}

// Reconcile moves one LibvirtCluster towards its spec.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	lc := &infrav1.LibvirtCluster{}
	ours, err := phase.Read(ctx, r.Client, req, lc, r.WatchFilter)
	if err != nil || !ours || annotations.IsExternallyManaged(lc) { // another controller owns an externally managed one
		return ctrl.Result{}, err
	}
	s, err := r.load(ctx, lc)
	if err != nil {
		return outcome.Resolve(err)
	}
	return s.record.Run(ctx, phase.Course{
		Client:    r.Client,
		Recorder:  r.Recorder,
		Cluster:   s.cluster,
		Finalizer: infrav1.ClusterFinalizer,
		Timeout:   phaseTimeout,
		Ensure:    func(ctx context.Context) error { return r.ensure(ctx, s) },
		Remove:    func(ctx context.Context) error { return r.remove(ctx, s) },
		Describe:  s.describe,
		Summary:   "the endpoint is served",
		LookAgain: s.nextLook,
	})
}

// remove removes the load balancer from hosts and releases the address of the endpoint.
func (r *Reconciler) remove(ctx context.Context, s *scope) error {
	if err := phase.UntilFirst(ctx, s, r.awaitMachinesGone, r.releaseLoadBalancer, r.releaseEndpoint); err != nil {
		return err
	}
	r.RouterIDs.Forget(s.lc.UID)
	r.retries.reset(s.lc.UID)
	return nil
}

// ensure runs the phases. Hosts that are not ready block the first provisioning, but later the load balancer must still
// follow the machines.
func (r *Reconciler) ensure(ctx context.Context, s *scope) error {
	if err := phase.Guard(s.record, hostsReady, r.findHosts)(ctx, s); err != nil {
		return err
	}
	unready := phase.Step(s.record, hostsReady, r.selectHosts)(ctx, s)
	if unready != nil && !ptr.Deref(s.lc.Status.Initialization.Provisioned, false) {
		return unready
	}
	return errors.Join(unready, phase.UntilFirst(ctx, s,
		phase.Guard(s.record, endpointReady, r.determineEndpoint),
		phase.Step(s.record, endpointReady, r.identify),
		phase.Step(s.record, loadBalancerReady, r.ensureLoadBalancer),
	))
}

// nextLook is when to reconcile again without an event.
func (s *scope) nextLook() time.Duration {
	if s.observeAgain {
		return observeInterval
	}
	return resyncInterval
}
