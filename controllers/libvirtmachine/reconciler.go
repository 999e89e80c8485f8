// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"context"
	"time"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/phase"
	"github.com/altcos/cluster-api-provider-altcos/internal/placement"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/vm"
)

// phaseTimeout bounds what one Reconcile waits for hosts and the API server, so that a host that hangs neither holds a
// worker for long nor keeps the status from being stored.
const phaseTimeout = 40 * time.Second

// Requeue intervals for changes that send no event.
const (
	retrySoon = 30 * time.Second
	retrySlow = time.Minute
)

// Reconciler reconciles LibvirtMachines.
type Reconciler struct {
	// Client reads from the manager's cache and writes.
	Client client.Client
	// Hosts connects to the hosts.
	Hosts inventory.Access
	// Events wake machines whose domains changed: virt.Connector.Events(), or a branch of it. Nil for none.
	Events <-chan virt.Event
	// Images imports images to hosts.
	Images vm.Images
	// Tasks runs what takes longer than a Reconcile may.
	Tasks vm.Tasks
	// Ledger remembers choices of hosts that the cache does not show yet. The process has one.
	Ledger *placement.Ledger
	// Recorder of events.
	Recorder events.EventRecorder
	// Clock measures how long a deletion has waited for the load balancer.
	Clock clock.PassiveClock
	// WatchFilter is the value of the label cluster.x-k8s.io/watch-filter of the objects to reconcile, empty for all.
	WatchFilter string

	// indexed reports that Client reads from a cache with indexes.
	indexed bool
}

// Reconcile moves one LibvirtMachine towards its spec.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	lm := &infrav1.LibvirtMachine{}
	if ours, err := phase.Read(ctx, r.Client, req, lm, r.WatchFilter); err != nil || !ours {
		return ctrl.Result{}, err
	}
	s, ctx, err := r.load(ctx, lm)
	if err != nil {
		return outcome.Resolve(err)
	}
	return s.record.Run(ctx, phase.Course{
		Client:    r.Client,
		Recorder:  r.Recorder,
		Cluster:   s.cluster,
		Finalizer: infrav1.MachineFinalizer,
		Timeout:   phaseTimeout,
		Ensure:    func(ctx context.Context) error { return r.ensure(ctx, s) },
		Remove:    func(ctx context.Context) error { return r.remove(ctx, s) },
		Describe:  s.describe,
		Summary:   "the virtual machine is running",
	})
}

// ensure runs the phases that bring the machine up.
func (r *Reconciler) ensure(ctx context.Context, s *scope) error {
	return phase.UntilFirst(ctx, s,
		phase.Step(s.record, inputsReady, r.awaitInputs),
		phase.Guard(s.record, hostAssigned, r.identify),
		phase.Step(s.record, hostAssigned, r.place),
		phase.Guard(s.record, addressesReady, r.awaitSpecStored),
		phase.Guard(s.record, domainRunning, findDomain),
		phase.Step(s.record, addressesReady, r.claimAddresses),
		phase.Guard(s.record, domainRunning, checkBridges),
		phase.Step(s.record, bootstrapRendered, r.renderBootstrap),
		phase.Step(s.record, imageReady, ensureImage),
		phase.Step(s.record, volumesReady, ensureVolumes),
		phase.Step(s.record, domainRunning, ensureDomain),
		phase.Step(s.record, bootstrapRemoved, removeBootstrapData),
	)
}

// remove removes what the machine has. The order matters: while the domain may run, its addresses must not be given to
// another machine, and its disks must not be deleted.
func (r *Reconciler) remove(ctx context.Context, s *scope) error {
	s.record.Set(domainRunning, outcome.Waitf(infrav1.LibvirtMachineDeletingReason, 0, "the machine is being deleted"))
	if err := phase.UntilFirst(ctx, s, cancelTasks, r.releaseBackend, r.removeMachine, r.releaseAddresses); err != nil {
		return err
	}
	r.Ledger.Forget(string(s.lm.UID))
	return nil
}
