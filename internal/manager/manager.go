// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	logsv1 "k8s.io/component-base/logs/api/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	"sigs.k8s.io/cluster-api/util/flags"

	bootstrapwebhooks "github.com/altcos/cluster-api-provider-altcos/internal/webhooks/bootstrap"
	infrawebhooks "github.com/altcos/cluster-api-provider-altcos/internal/webhooks/infrastructure"
)

// version is set by the linker.
var version = "dev"

// namespaceFile holds the namespace of the pod.
const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// Run runs the manager until the context ends.
func Run(ctx context.Context, o *Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if err := logsv1.ValidateAndApply(o.Logs, nil); err != nil {
		return fmt.Errorf("configure logs: %w", err)
	}
	ctrl.SetLogger(klog.Background())
	restConfig, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the management cluster: %w", err)
	}
	if o.CredentialsNamespace, err = ownNamespace(o.CredentialsNamespace); err != nil {
		return err
	}
	mgr, err := newManager(restConfig, o)
	if err != nil {
		return err
	}
	if err := addAll(ctx, mgr, o); err != nil {
		return err
	}
	ctrl.Log.WithName("setup").Info("Starting manager", "version", version, "controllers", o.Controllers)
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("run manager: %w", err)
	}
	return nil
}

// ownNamespace returns the given namespace, or that of the pod.
func ownNamespace(wanted string) (string, error) {
	if wanted != "" {
		return wanted, nil
	}
	content, err := os.ReadFile(namespaceFile)
	if err != nil {
		return "", errors.New("the manager does not run in a pod: set --credentials-namespace")
	}
	return strings.TrimSpace(string(content)), nil
}

func newManager(restConfig *rest.Config, o *Options) (ctrl.Manager, error) {
	restConfig.QPS, restConfig.Burst = o.KubeAPIQPS, o.KubeAPIBurst
	restConfig.UserAgent = "cluster-api-provider-altcos/" + version
	scheme, err := NewScheme()
	if err != nil {
		return nil, err
	}
	tlsOptions, metrics, err := flags.GetManagerOptions(o.Diagnostics)
	if err != nil {
		return nil, fmt.Errorf("read diagnostics flags: %w", err)
	}
	cacheOptions, err := cacheOptions(o, o.CredentialsNamespace)
	if err != nil {
		return nil, err
	}
	mgr, err := ctrl.NewManager(restConfig, ctrl.Options{
		Scheme:                        scheme,
		Cache:                         cacheOptions,
		Metrics:                       *metrics,
		HealthProbeBindAddress:        o.HealthAddress,
		PprofBindAddress:              o.ProfilerAddr,
		Controller:                    config.Controller{UsePriorityQueue: ptr.To(true), CacheSyncTimeout: 5 * time.Minute},
		LeaderElection:                o.LeaderElection.Enabled,
		LeaderElectionID:              "altcos-" + strings.Join(o.Controllers, "-") + ".cluster.x-k8s.io",
		LeaderElectionNamespace:       o.LeaderElection.Namespace,
		LeaderElectionResourceLock:    resourcelock.LeasesResourceLock,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &o.LeaderElection.LeaseDuration,
		RenewDeadline:                 &o.LeaderElection.RenewDeadline,
		RetryPeriod:                   &o.LeaderElection.RetryPeriod,
		WebhookServer: webhook.NewServer(webhook.Options{
			Port: o.Webhook.Port, CertDir: o.Webhook.CertDir, TLSOpts: tlsOptions,
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("create manager: %w", err)
	}
	return mgr, nil
}

// addAll registers probes, webhooks and controllers of the selected providers.
func addAll(ctx context.Context, mgr ctrl.Manager, o *Options) error {
	if err := addProbes(mgr, o); err != nil {
		return err
	}
	if o.runs(Infrastructure) {
		if err := addInfrastructure(ctx, mgr, o); err != nil {
			return err
		}
	}
	if o.runs(Bootstrap) {
		if err := addBootstrap(ctx, mgr, o); err != nil {
			return err
		}
	}
	if o.Webhook.Port == 0 {
		return nil
	}
	return AddWebhooks(mgr, o.Controllers...)
}

// AddWebhooks registers the webhooks of providers.
func AddWebhooks(mgr ctrl.Manager, providers ...string) error {
	if slices.Contains(providers, Infrastructure) {
		if err := infrawebhooks.SetupWithManager(mgr); err != nil {
			return err
		}
	}
	if slices.Contains(providers, Bootstrap) {
		return bootstrapwebhooks.SetupWithManager(mgr)
	}
	return nil
}

func addProbes(mgr ctrl.Manager, o *Options) error {
	check := healthz.Ping
	if o.Webhook.Port != 0 {
		check = mgr.GetWebhookServer().StartedChecker()
	}
	if err := mgr.AddReadyzCheck("ready", check); err != nil {
		return fmt.Errorf("add readiness probe: %w", err)
	}
	if err := mgr.AddHealthzCheck("healthy", check); err != nil {
		return fmt.Errorf("add health probe: %w", err)
	}
	return nil
}

func concurrency(o *Options) controller.Options {
	return controller.Options{MaxConcurrentReconciles: o.Concurrency}
}
