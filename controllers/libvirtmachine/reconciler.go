// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"sigs.k8s.io/cluster-api/util/finalizers"
	"sigs.k8s.io/cluster-api/util/labels"
	"sigs.k8s.io/cluster-api/util/patch"
	"sigs.k8s.io/cluster-api/util/paused"

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

// When to look again where no event tells.
const (
	retrySoon = 30 * time.Second
	retrySlow = time.Minute
)

// Reconciler reconciles LibvirtMachines.
type Reconciler struct {
	// Client reads from the manager's cache and writes.
	Client client.Client
	// Hosts reaches the hosts.
	Hosts inventory.Access
	// Events wake machines whose domains changed: virt.Connector.Events(), or a branch of it. Nil for none.
	Events <-chan virt.Event
	// Images brings images to hosts.
	Images vm.Images
	// Tasks runs what takes longer than a Reconcile may.
	Tasks vm.Tasks
	// Ledger remembers choices of hosts that the cache does not show yet. One for the process.
	Ledger *placement.Ledger
	// Recorder of events.
	Recorder events.EventRecorder
	// Clock tells how long a deletion waits for the load balancer.
	Clock clock.PassiveClock
	// WatchFilter is the value of the label cluster.x-k8s.io/watch-filter of the objects to reconcile, empty for all.
	WatchFilter string

	// indexed says that Client reads from a cache with indexes.
	indexed bool
}

// Reconcile moves one LibvirtMachine towards its spec.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (res ctrl.Result, reterr error) {
	lm := &infrav1.LibvirtMachine{}
	if err := r.Client.Get(ctx, req.NamespacedName, lm); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	// The predicate of For does not see what other watches wake.
	if r.WatchFilter != "" && !labels.HasWatchLabel(lm, r.WatchFilter) {
		return ctrl.Result{}, nil
	}
	s, ctx, err := r.load(ctx, lm)
	if err != nil {
		return outcome.Resolve(err)
	}
	if added, err := finalizers.EnsureFinalizer(ctx, r.Client, lm, infrav1.MachineFinalizer); err != nil || added {
		return ctrl.Result{}, err
	}
	if isPaused, requeue, err := paused.EnsurePausedCondition(ctx, r.Client, s.cluster, lm); err != nil || isPaused || requeue {
		return ctrl.Result{}, err
	}
	patcher, err := patch.NewHelper(lm, r.Client)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("prepare patch: %w", err)
	}
	defer func() { // nothing that can fail visibly may stand above this line
		s.describe()
		end := phase.Ending{Patcher: patcher, Recorder: r.Recorder, Summary: "the virtual machine is running"}
		res, reterr = s.record.Finish(ctx, end, reterr)
	}()

	phases, cancel := context.WithTimeout(ctx, phaseTimeout)
	defer cancel()
	if !lm.DeletionTimestamp.IsZero() {
		if err := r.delete(phases, s); err != nil {
			return ctrl.Result{}, err
		}
		r.Ledger.Forget(string(lm.UID))
		controllerutil.RemoveFinalizer(lm, infrav1.MachineFinalizer)
		return ctrl.Result{}, nil
	}
	return ctrl.Result{}, r.ensure(phases, s)
}

// ensure brings the machine up, as far as it can be brought now.
func (r *Reconciler) ensure(ctx context.Context, s *scope) error {
	return phase.UntilFirst(ctx, s,
		phase.Step(s.record, inputsReady, r.awaitInputs),
		phase.Guard(s.record, hostAssigned, r.identify),
		phase.Step(s.record, hostAssigned, r.place),
		phase.Guard(s.record, addressesReady, r.awaitRecord),
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

// delete removes what the machine has. Each step needs the one before: an address must not be given to another machine,
// and a disk not be deleted, while the domain may run.
func (r *Reconciler) delete(ctx context.Context, s *scope) error {
	s.record.Set(domainRunning, outcome.Waitf(infrav1.LibvirtMachineDeletingReason, 0, "the machine is being deleted"))
	return phase.UntilFirst(ctx, s,
		cancelTasks,
		r.releaseBackend,
		r.removeMachine,
		r.releaseAddresses,
	)
}
