// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package envtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	bootstrapkubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	upstream "sigs.k8s.io/controller-runtime/pkg/envtest"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/binaries"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/manifest"
)

const (
	assetsEnv = "KUBEBUILDER_ASSETS"
	// processLimit replaces envtest's 20 seconds, which a busy machine of two cores exceeds.
	processLimit = 2 * time.Minute
	// buildLimit covers a cold build of kube-apiserver and etcd.
	buildLimit = 25 * time.Minute
)

// Environment is a running API server.
type Environment struct {
	// Config is the administrator's access.
	Config *rest.Config
	// Client reads and writes without a cache.
	Client client.WithWatch
	// Scheme has the kinds of Kubernetes, Cluster API and this repository.
	Scheme *runtime.Scheme
	// Webhooks is where the webhook server of a manager has to listen. It is empty without WithWebhooks.
	Webhooks upstream.WebhookInstallOptions

	server *upstream.Environment
}

// Option changes an environment before it starts.
type Option func(ctx context.Context, server *upstream.Environment) error

// WithWebhooks installs the webhook configurations of this repository, directed at Environment.Webhooks.
func WithWebhooks() Option {
	return func(ctx context.Context, server *upstream.Environment) error {
		sources, err := manifest.Find(ctx)
		if err != nil {
			return err
		}
		server.WebhookInstallOptions.Paths = sources.Own.Webhooks()
		return nil
	}
}

// Main runs the tests of a package against one environment, stored in *environment, and returns the exit code for os.Exit.
func Main(m *testing.M, environment **Environment, options ...Option) int {
	started, err := Start(context.Background(), options...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "start test environment:", err)
		return 1
	}
	*environment = started
	code := m.Run()
	if err := started.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop test environment:", err)
		return 1
	}
	return code
}

// Start returns an API server that serves all kinds.
func Start(ctx context.Context, options ...Option) (*Environment, error) {
	ctx, cancel := context.WithTimeout(ctx, buildLimit)
	defer cancel()
	scheme, err := NewScheme()
	if err != nil {
		return nil, err
	}
	server := &upstream.Environment{Scheme: scheme, ControlPlaneStartTimeout: processLimit, ControlPlaneStopTimeout: processLimit}
	if server.CRDs, err = definitions(ctx); err != nil {
		return nil, err
	}
	if os.Getenv(assetsEnv) == "" {
		err = assign(ctx, server)
	}
	for _, option := range options {
		err = errors.Join(err, option(ctx, server))
	}
	if err != nil {
		return nil, err
	}
	config, err := server.Start()
	if err != nil {
		return nil, fmt.Errorf("start API server: %w", errors.Join(err, server.Stop()))
	}
	config.QPS, config.Burst = 500, 1000
	e := &Environment{Config: config, Scheme: scheme, Webhooks: server.WebhookInstallOptions, server: server}
	if e.Client, err = client.NewWithWatch(config, client.Options{Scheme: scheme}); err != nil {
		return nil, fmt.Errorf("connect to API server: %w", errors.Join(err, server.Stop()))
	}
	return e, nil
}

// Stop ends the API server.
func (e *Environment) Stop() error { return e.server.Stop() }

// NewScheme returns a scheme of everything that the controllers touch.
func NewScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme,
		clusterv1.AddToScheme, bootstrapkubeadmv1.AddToScheme, controlplanev1.AddToScheme, ipamv1.AddToScheme,
		infrav1.AddToScheme, bootstrapv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("register kinds: %w", err)
		}
	}
	return scheme, nil
}

func definitions(ctx context.Context) ([]*apiextensionsv1.CustomResourceDefinition, error) {
	sources, err := manifest.Find(ctx)
	if err != nil {
		return nil, err
	}
	return manifest.CRDs(sources.Core.CRDs(), sources.Bootstrap.CRDs(), sources.ControlPlane.CRDs(), sources.IPAM.CRDs(), sources.Own.CRDs())
}

// assign makes the server use programs of the artifact store.
func assign(ctx context.Context, server *upstream.Environment) error {
	store, err := artifact.Open()
	if err != nil {
		return err
	}
	store.Progress = func(message string) { fmt.Fprintln(os.Stderr, message) }
	etcd, err := binaries.Ensure(ctx, store, binaries.Etcd)
	if err != nil {
		return err
	}
	kubernetes, err := binaries.Ensure(ctx, store, binaries.ControlPlane)
	if err != nil {
		return err
	}
	server.ControlPlane.Etcd = &upstream.Etcd{Path: filepath.Join(etcd, "etcd")}
	server.ControlPlane.GetAPIServer().Path = filepath.Join(kubernetes, "kube-apiserver")
	server.ControlPlane.KubectlPath = filepath.Join(kubernetes, "kubectl")
	return nil
}
