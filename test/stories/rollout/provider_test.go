// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	controllerconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/altcos/cluster-api-provider-altcos/controllers/altcosbootstrapconfig"
	"github.com/altcos/cluster-api-provider-altcos/controllers/libvirtcluster"
	"github.com/altcos/cluster-api-provider-altcos/controllers/libvirthost"
	"github.com/altcos/cluster-api-provider-altcos/controllers/libvirtmachine"
	"github.com/altcos/cluster-api-provider-altcos/controllers/libvirtmachinetemplate"
	"github.com/altcos/cluster-api-provider-altcos/internal/async"
	"github.com/altcos/cluster-api-provider-altcos/internal/imagecache"
	"github.com/altcos/cluster-api-provider-altcos/internal/index"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer/rollout"
	"github.com/altcos/cluster-api-provider-altcos/internal/manager"
	"github.com/altcos/cluster-api-provider-altcos/internal/placement"
)

// provider is a running manager with all our controllers.
type provider struct {
	cancel context.CancelFunc
	ended  chan error
}

// startProvider wires the controllers as internal/manager does, but for the hosts. A provider shares no memory with its successor.
func startProvider(config *rest.Config, hosts *ledger, imageDir string) (*provider, error) {
	mgr, err := newManager(config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := addControllers(ctx, mgr, hosts, imageDir); err != nil {
		cancel()
		return nil, err
	}
	p := &provider{cancel: cancel, ended: make(chan error, 1)}
	go func() { p.ended <- mgr.Start(ctx) }()
	if !mgr.GetCache().WaitForCacheSync(ctx) {
		return nil, fmt.Errorf("caches do not fill: %w", p.stop())
	}
	return p, nil
}

// stop ends the manager wherever its reconciliations are.
func (p *provider) stop() error {
	p.cancel()
	return <-p.ended
}

func newManager(config *rest.Config) (ctrl.Manager, error) {
	scheme, err := manager.NewScheme()
	if err != nil {
		return nil, err
	}
	ofClusters, err := labels.NewRequirement(clusterv1.ClusterNameLabel, selection.Exists, nil)
	if err != nil {
		return nil, err
	}
	labelled := cache.ByObject{Label: labels.NewSelector().Add(*ofClusters)}
	return ctrl.NewManager(rest.CopyConfig(config), ctrl.Options{
		Scheme:                  scheme,
		Cache:                   cache.Options{ByObject: map[client.Object]cache.ByObject{&corev1.Secret{}: labelled, &corev1.ConfigMap{}: labelled}},
		Metrics:                 metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress:  "0",
		Controller:              controllerconfig.Controller{UsePriorityQueue: new(true), SkipNameValidation: new(true)},
		GracefulShutdownTimeout: new(30 * time.Second),
	})
}

func addControllers(ctx context.Context, mgr ctrl.Manager, hosts *ledger, imageDir string) error {
	images, err := imagecache.New(imagecache.Options{Dir: imageDir})
	if err != nil {
		return err
	}
	tasks := async.New(async.Options{})
	if err := mgr.Add(tasks); err != nil {
		return err
	}
	if err := index.AddMachine(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	c := mgr.GetClient()
	access := inventory.Access{Client: c, Namespace: namespace, Connector: hosts}
	for _, reconciler := range []interface {
		SetupWithManager(context.Context, ctrl.Manager, controller.Options) error
	}{
		&libvirthost.Reconciler{
			Client: c, Hosts: access, Images: images, ImageRetention: time.Hour,
			Recorder: mgr.GetEventRecorder("libvirthost"),
		},
		&libvirtcluster.Reconciler{
			Client: c, Hosts: access, Balancer: rollout.New(loadbalancer.DefaultLayout()),
			RouterIDs: libvirtcluster.NewRouterIDs(), Recorder: mgr.GetEventRecorder("libvirtcluster"),
		},
		&libvirtmachine.Reconciler{
			Client: c, Hosts: access, Events: hosts.Events(), Images: images, Tasks: tasks, Ledger: placement.NewLedger(),
			Recorder: mgr.GetEventRecorder("libvirtmachine"), Clock: clock.RealClock{},
		},
		&libvirtmachinetemplate.Reconciler{Client: c},
		&altcosbootstrapconfig.Reconciler{Client: c, Recorder: mgr.GetEventRecorder("altcosbootstrapconfig")},
	} {
		if err := reconciler.SetupWithManager(ctx, mgr, controller.Options{MaxConcurrentReconciles: 10}); err != nil {
			return err
		}
	}
	return nil
}
