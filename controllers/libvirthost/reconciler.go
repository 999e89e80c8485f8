// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirthost

import (
	"context"
	"net/netip"
	"time"

	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/async"
	"github.com/altcos/cluster-api-provider-altcos/internal/capacity"
	"github.com/altcos/cluster-api-provider-altcos/internal/hostprep"
	"github.com/altcos/cluster-api-provider-altcos/internal/imagecache"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/phase"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

const (
	// probeTimeout bounds how long one Reconcile waits for a host, and again for the housekeeping there.
	probeTimeout = 30 * time.Second
	// probeInterval is how often a host is checked without an event: changes of its bridge, kernel parameters, pool and
	// memory send none.
	probeInterval = 5 * time.Minute
	// retryInterval is how soon a host that failed a check is checked again.
	retryInterval = 30 * time.Second
	// releaseTimeout bounds how long one Reconcile waits for a host that is being deleted: each cluster may have files there.
	releaseTimeout = 2 * time.Minute
	// installTimeout bounds the installation of packages, which takes long on a slow network.
	installTimeout = 10 * time.Minute
)

// Reconciler reconciles LibvirtHosts.
type Reconciler struct {
	// Client reads from the manager's cache and writes.
	Client client.Client
	// Hosts connects to the hosts.
	Hosts inventory.Access
	// Images removes unused images from the hosts.
	Images ImageCollector
	// Balancer removes load balancers that are left on a host that is being deleted; nil leaves them there.
	Balancer Balancer
	// Installs installs packages in the background; SetupWithManager creates it if it is nil.
	Installs *async.Tasks
	// ImageRetention is how long an image stays on a host after its last use.
	ImageRetention time.Duration
	// Recorder of events.
	Recorder events.EventRecorder
	// WatchFilter is the value of the label cluster.x-k8s.io/watch-filter of the objects to reconcile, empty for all.
	WatchFilter string
}

// scope is the data of one Reconcile.
type scope struct {
	host  *infrav1.LibvirtHost
	conn  virt.Host
	facts virt.Facts
	// domains are all virtual machines of the host, whoever owns them.
	domains []virt.Domain
	// machines are those bound to the host before or after it was observed.
	machines capacity.Machines
	pool     virt.Pool
	// volumes are those of the pool, if they could be listed.
	volumes []virt.Volume
	listed  bool
	// images are those of all pools, all of them when imagesKnown.
	images      []imagecache.Image
	imagesKnown bool
	// virtual are the endpoints of all clusters, which do not count as the host's own addresses.
	virtual []netip.Addr
	// system is what was read with the host's shell, nil without one.
	system *hostprep.Report
	// record keeps how the checks went.
	record *phase.Record
}

// Reconcile checks one LibvirtHost.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	host := &infrav1.LibvirtHost{}
	if ours, err := phase.Read(ctx, r.Client, req, host, r.WatchFilter); err != nil || !ours {
		return ctrl.Result{}, err
	}
	s := &scope{host: host, record: phase.NewRecord(host, conditionTable())}
	return s.record.Run(ctx, phase.Course{
		Client:    r.Client,
		Recorder:  r.Recorder,
		Finalizer: infrav1.HostFinalizer,
		Ensure:    func(ctx context.Context) error { return r.look(ctx, s) },
		Remove:    func(ctx context.Context) error { return r.remove(ctx, s) },
		Describe:  s.describe,
		Summary:   "machines can run on the host",
		LookAgain: s.nextProbe,
	})
}

// look checks the host and removes unused images.
func (r *Reconciler) look(ctx context.Context, s *scope) error {
	probe, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if err := r.probe(probe, s); err != nil {
		return err
	}
	if s.record.Done(storageReady) {
		r.tidyImages(ctx, s) // with a timeout of its own
	}
	return nil
}

// remove removes what the provider has put on the host.
func (r *Reconciler) remove(ctx context.Context, s *scope) error {
	ctx, cancel := context.WithTimeout(ctx, releaseTimeout)
	defer cancel()
	if err := r.release(ctx, s); err != nil {
		return err
	}
	r.Hosts.Forget(s.host)
	return nil
}

// nextProbe is when to check again.
func (s *scope) nextProbe() time.Duration {
	if s.record.Clean() {
		return probeInterval
	}
	return retryInterval
}
