// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/pflag"
	logsv1 "k8s.io/component-base/logs/api/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/flags"
)

// Providers that the manager can run; clusterctl installs a manager for each.
const (
	Infrastructure = "infrastructure"
	Bootstrap      = "bootstrap"
)

// Options are the manager's command line.
type Options struct {
	// Controllers are the providers to run.
	Controllers []string
	// Namespace to watch; all when empty.
	Namespace string
	// CredentialsNamespace is where the Secrets that LibvirtHosts name are.
	CredentialsNamespace string
	// WatchFilter is the value of the label cluster.x-k8s.io/watch-filter; every object when empty.
	WatchFilter string
	// Concurrency is the number of objects of one kind that are reconciled at the same time.
	Concurrency int
	// ImageCacheDir holds images that must be unpacked before they are imported to a host.
	ImageCacheDir string
	// ImageFileRoot is the directory that file URLs of images may point into; none when empty.
	ImageFileRoot string
	// ImageCacheBytes limits ImageCacheDir.
	ImageCacheBytes int64
	// ImageRetention is how long an image stays on a host after its last use.
	ImageRetention time.Duration
	// RPCTimeout limits a call to a host.
	RPCTimeout time.Duration

	SyncPeriod     time.Duration
	LeaderElection LeaderElection
	KubeAPIQPS     float32
	KubeAPIBurst   int
	HealthAddress  string
	ProfilerAddr   string
	Webhook        Webhook
	Diagnostics    flags.ManagerOptions
	Logs           *logsv1.LoggingConfiguration
}

// LeaderElection makes sure that only one manager is active.
type LeaderElection struct {
	Enabled       bool
	Namespace     string
	LeaseDuration time.Duration
	RenewDeadline time.Duration
	RetryPeriod   time.Duration
}

// Webhook is the admission server. Port 0 turns it off.
type Webhook struct {
	Port    int
	CertDir string
}

// AddFlags binds the options to flags, with the names that Cluster API's own managers use.
func (o *Options) AddFlags(fs *pflag.FlagSet) {
	o.Logs = logsv1.NewLoggingConfiguration()
	logsv1.AddFlags(o.Logs, fs)
	flags.AddManagerOptions(fs, &o.Diagnostics)

	fs.StringSliceVar(&o.Controllers, "controllers", []string{Infrastructure, Bootstrap}, "Providers to run: infrastructure, bootstrap")
	fs.StringVar(&o.Namespace, "namespace", "", "Namespace to watch; all namespaces when empty")
	fs.StringVar(&o.CredentialsNamespace, "credentials-namespace", "", "Namespace of the Secrets that LibvirtHosts refer to; the manager's own when empty")
	fs.StringVar(&o.WatchFilter, "watch-filter", "", "Value of the label "+clusterv1.WatchLabel+" that objects must have; every object when empty")
	fs.IntVar(&o.Concurrency, "concurrency", 10, "Number of objects of one kind that are reconciled at the same time")
	fs.StringVar(&o.ImageCacheDir, "image-cache-dir", "/tmp/altcos-images", "Directory for images that must be unpacked before they are imported to a host")
	fs.StringVar(&o.ImageFileRoot, "image-file-root", "", "Directory that file URLs of images may point into; file URLs are refused when empty")
	fs.Int64Var(&o.ImageCacheBytes, "image-cache-bytes", 20<<30, "Maximum size of image-cache-dir in bytes")
	fs.DurationVar(&o.ImageRetention, "image-retention", 24*time.Hour, "Time that an image stays on a host after its last use")
	fs.DurationVar(&o.RPCTimeout, "rpc-timeout", 30*time.Second, "Limit of one call to a host")

	fs.DurationVar(&o.SyncPeriod, "sync-period", 10*time.Minute, "Interval at which all objects are reconciled even without a change")
	fs.BoolVar(&o.LeaderElection.Enabled, "leader-elect", false, "Make sure that only one manager is active")
	fs.StringVar(&o.LeaderElection.Namespace, "leader-elect-namespace", "", "Namespace of the leader's lease; the manager's own when empty")
	fs.DurationVar(&o.LeaderElection.LeaseDuration, "leader-elect-lease-duration", 15*time.Second, "Time after which another manager may take the lease")
	fs.DurationVar(&o.LeaderElection.RenewDeadline, "leader-elect-renew-deadline", 10*time.Second, "Time that the leader tries to renew its lease")
	fs.DurationVar(&o.LeaderElection.RetryPeriod, "leader-elect-retry-period", 2*time.Second, "Time between attempts to take the lease")
	fs.Float32Var(&o.KubeAPIQPS, "kube-api-qps", 100, "Queries per second to the management cluster's API server")
	fs.IntVar(&o.KubeAPIBurst, "kube-api-burst", 200, "Burst of queries to the management cluster's API server")
	fs.StringVar(&o.HealthAddress, "health-addr", ":9440", "Address of the health probes")
	fs.StringVar(&o.ProfilerAddr, "profiler-address", "", "Address of the pprof profiler; off when empty")
	fs.IntVar(&o.Webhook.Port, "webhook-port", 9443, "Port of the admission webhooks; 0 turns them off")
	fs.StringVar(&o.Webhook.CertDir, "webhook-cert-dir", "/tmp/k8s-webhook-server/serving-certs", "Directory with the webhooks' tls.crt and tls.key")
}

// Validate returns what is wrong with the options.
func (o *Options) Validate() error {
	var errs []error
	if len(o.Controllers) == 0 {
		errs = append(errs, errors.New("--controllers: at least one provider is required"))
	}
	for _, name := range o.Controllers {
		if name != Infrastructure && name != Bootstrap {
			errs = append(errs, fmt.Errorf("--controllers: %q is neither %s nor %s", name, Infrastructure, Bootstrap))
		}
	}
	if o.Concurrency < 1 {
		errs = append(errs, errors.New("--concurrency: must be at least 1"))
	}
	if o.RPCTimeout < time.Second {
		errs = append(errs, errors.New("--rpc-timeout: must be at least 1s"))
	}
	return errors.Join(errs...)
}

func (o *Options) runs(provider string) bool { return slices.Contains(o.Controllers, provider) }
