// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package management

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/binaries"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/manifest"
)

// Binaries are the directories that hold the programs; see the sets of package binaries.
type Binaries struct {
	Kubernetes, Etcd, ClusterAPI, IPAM string
}

// EnsureBinaries takes the programs from the store, building what it does not have.
func EnsureBinaries(ctx context.Context, store *artifact.Store) (Binaries, error) {
	var b Binaries
	for set, dir := range map[binaries.Set]*string{
		binaries.Kubernetes: &b.Kubernetes, binaries.Etcd: &b.Etcd, binaries.ClusterAPI: &b.ClusterAPI, binaries.IPAM: &b.IPAM,
	} {
		var err error
		if *dir, err = binaries.Ensure(ctx, store, set); err != nil {
			return Binaries{}, err
		}
	}
	return b, nil
}

// Options say where a management cluster runs.
type Options struct {
	// Dir holds everything of the cluster: data, certificates, kubeconfigs, logs, process records.
	Dir string
	// Binaries are the programs to run.
	Binaries Binaries
	// BindAddress is the numeric address of every server; empty means 127.0.0.1.
	BindAddress string
	// APIServerPort is the port of kube-apiserver; 0 means a free one.
	APIServerPort int
	// BootstrapTokenTTL is how long the tokens live that the kubeadm bootstrap provider makes; 0 means as long as it likes.
	BootstrapTokenTTL time.Duration
	// Network is where the processes live; nil means the network of this process.
	Network Network
	// Detached processes outlive this one, until Stop; others are killed by the kernel when this one ends.
	Detached bool
	// Progress is called with a short description of each step. It may be nil.
	Progress func(message string)
}

// Cluster is a running management cluster.
type Cluster struct {
	options    Options
	network    Network
	supervisor *supervisor
	ports      *ports
	trust      *trust
	sources    manifest.Sources

	storeURL, apiURL string
	client           client.Client
}

// Start returns a management cluster in which the Cluster API providers are ready. It can be repeated on the same directory.
// When it fails, what was started keeps running for inspection, until Stop.
func Start(ctx context.Context, options Options) (*Cluster, error) {
	c, err := open(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("prepare management cluster: %w", err)
	}
	for _, step := range []func(context.Context) error{c.startStore, c.startAPIServer, c.connect} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("start management cluster: %w", err)
		}
	}
	group, groupContext := errgroup.WithContext(ctx)
	group.Go(func() error { return c.startControllers(groupContext) })
	group.Go(func() error { return c.startProviders(groupContext) })
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("start management cluster: %w", err)
	}
	return c, nil
}

func open(ctx context.Context, options Options) (*Cluster, error) {
	if options.BindAddress == "" {
		options.BindAddress = "127.0.0.1"
	}
	if options.Progress == nil {
		options.Progress = func(string) {}
	}
	network := options.Network
	if network == nil {
		network = machine{}
	}
	for _, name := range []string{"", runDirectory, logDirectory, "kubeconfig", "webhook"} {
		if err := os.MkdirAll(filepath.Join(options.Dir, name), 0o700); err != nil {
			return nil, fmt.Errorf("create directory: %w", err)
		}
	}
	c := &Cluster{options: options, network: network}
	c.supervisor = newSupervisor(options.Dir, network, options.Detached, options.Progress)
	var err error
	if c.sources, err = manifest.Find(ctx); err != nil {
		return nil, err
	}
	if c.trust, err = openTrust(filepath.Join(options.Dir, "pki"), options.BindAddress); err != nil {
		return nil, err
	}
	if c.ports, err = openPorts(filepath.Join(options.Dir, "ports.json"), network, options.BindAddress); err != nil {
		return nil, err
	}
	if options.APIServerPort != 0 {
		err = c.ports.set("kube-apiserver", options.APIServerPort)
	}
	return c, err
}

// connect creates the client that fills the cluster.
func (c *Cluster) connect(context.Context) error {
	config, err := c.RESTConfig()
	if err != nil {
		return err
	}
	if err := apiextensionsv1.AddToScheme(scheme.Scheme); err != nil {
		return fmt.Errorf("register CRDs: %w", err)
	}
	c.client, err = client.New(config, client.Options{Scheme: scheme.Scheme})
	if err != nil {
		return fmt.Errorf("connect to kube-apiserver: %w", err)
	}
	return nil
}

// Kubeconfig is the path of the administrator's kubeconfig.
func (c *Cluster) Kubeconfig() string { return c.kubeconfigOf("admin") }

func (c *Cluster) kubeconfigOf(name string) string {
	return filepath.Join(c.options.Dir, "kubeconfig", name)
}

// RESTConfig is the administrator's access from this process, whatever network the cluster lives in.
func (c *Cluster) RESTConfig() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("load administrator's kubeconfig: %w", err)
	}
	config.QPS, config.Burst = 200, 400
	if c.options.Network != nil {
		config.Dial = c.network.DialContext
	}
	return config, nil
}

// Stop ends all processes of the cluster. Data stay, so that Start continues where it was.
func (c *Cluster) Stop(ctx context.Context) error {
	if err := Stop(ctx, c.options.Dir); err != nil {
		return fmt.Errorf("stop management cluster: %w", err)
	}
	c.supervisor.close()
	return nil
}

func (c *Cluster) address(port int) string {
	return net.JoinHostPort(c.options.BindAddress, strconv.Itoa(port))
}
