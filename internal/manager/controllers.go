// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"fmt"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/altcos/cluster-api-provider-altcos/controllers/altcosbootstrapconfig"
	"github.com/altcos/cluster-api-provider-altcos/controllers/libvirtcluster"
	"github.com/altcos/cluster-api-provider-altcos/controllers/libvirthost"
	"github.com/altcos/cluster-api-provider-altcos/controllers/libvirtmachine"
	"github.com/altcos/cluster-api-provider-altcos/controllers/libvirtmachinetemplate"
	"github.com/altcos/cluster-api-provider-altcos/internal/async"
	"github.com/altcos/cluster-api-provider-altcos/internal/imagecache"
	"github.com/altcos/cluster-api-provider-altcos/internal/index"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer/rollout"
	"github.com/altcos/cluster-api-provider-altcos/internal/placement"
)

// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

// addInfrastructure adds the controllers of the infrastructure kinds, and what they share.
func addInfrastructure(ctx context.Context, mgr ctrl.Manager, o *Options) error {
	if err := index.AddMachine(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	connections := libvirt.NewPool(libvirt.Limits{Call: o.RPCTimeout})
	if err := mgr.Add(closing(connections.Close)); err != nil {
		return fmt.Errorf("add connections: %w", err)
	}
	images, err := imagecache.New(imagecache.Options{Dir: o.ImageCacheDir, MaxBytes: o.ImageCacheBytes, FileRoot: o.ImageFileRoot})
	if err != nil {
		return err
	}
	tasks := async.New(async.Options{})
	if err := mgr.Add(tasks); err != nil {
		return fmt.Errorf("add background tasks: %w", err)
	}
	hosts := inventory.Access{Client: mgr.GetClient(), Namespace: o.CredentialsNamespace, Connector: connections}
	balancer := rollout.New(loadbalancer.DefaultLayout()) // shared, since it serialises changes on a host
	setups := []interface {
		SetupWithManager(context.Context, ctrl.Manager, controller.Options) error
	}{
		&libvirthost.Reconciler{
			Client: mgr.GetClient(), Hosts: hosts, Images: images, Balancer: balancer,
			ImageRetention: o.ImageRetention, Recorder: mgr.GetEventRecorder("libvirthost"),
			WatchFilter: o.WatchFilter,
		},
		&libvirtcluster.Reconciler{
			Client: mgr.GetClient(), APIReader: mgr.GetAPIReader(), Hosts: hosts, Balancer: balancer,
			RouterIDs: libvirtcluster.NewRouterIDs(), Recorder: mgr.GetEventRecorder("libvirtcluster"),
			WatchFilter: o.WatchFilter,
		},
		&libvirtmachine.Reconciler{
			Client: mgr.GetClient(), Hosts: hosts, Events: connections.Events(), Images: images, Tasks: tasks,
			Ledger: placement.NewLedger(), Recorder: mgr.GetEventRecorder("libvirtmachine"), Clock: clock.RealClock{},
			WatchFilter: o.WatchFilter,
		},
		&libvirtmachinetemplate.Reconciler{Client: mgr.GetClient(), WatchFilter: o.WatchFilter},
	}
	for _, reconciler := range setups {
		if err := reconciler.SetupWithManager(ctx, mgr, concurrency(o)); err != nil {
			return err
		}
	}
	return nil
}

// addBootstrap adds the controller of the bootstrap kinds.
func addBootstrap(ctx context.Context, mgr ctrl.Manager, o *Options) error {
	reconciler := &altcosbootstrapconfig.Reconciler{
		Client: mgr.GetClient(), Recorder: mgr.GetEventRecorder("altcosbootstrapconfig"), WatchFilter: o.WatchFilter,
	}
	return reconciler.SetupWithManager(ctx, mgr, concurrency(o))
}

// closing closes connections when the manager stops.
type closing func() error

var _ manager.LeaderElectionRunnable = closing(nil)

// Start implements manager.Runnable.
func (c closing) Start(ctx context.Context) error {
	<-ctx.Done()
	if err := c(); err != nil {
		return fmt.Errorf("close connections: %w", err)
	}
	return nil
}

// NeedLeaderElection implements manager.LeaderElectionRunnable: connections are closed whether or not this process leads.
func (c closing) NeedLeaderElection() bool { return false }
