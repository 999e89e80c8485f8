// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/binaries"
)

var (
	restConfig *rest.Config
	api        client.Client
	scheme     = runtime.NewScheme()
)

func TestMain(m *testing.M) {
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, clusterv1.AddToScheme, ipamv1.AddToScheme, bootstrapv1.AddToScheme, infrav1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	env, err := environment(context.Background())
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if restConfig, err = env.Start(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if api, err = client.New(restConfig, client.Options{Scheme: scheme}); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := env.Stop(); err != nil {
		fmt.Println(err)
	}
	os.Exit(code)
}

func environment(ctx context.Context) (*envtest.Environment, error) {
	store, err := artifact.Open()
	if err != nil {
		return nil, err
	}
	kubernetes, err := binaries.Ensure(ctx, store, binaries.ControlPlane)
	if err != nil {
		return nil, err
	}
	etcd, err := binaries.Ensure(ctx, store, binaries.Etcd)
	if err != nil {
		return nil, err
	}
	capi, err := binaries.ClusterAPISource(ctx)
	if err != nil {
		return nil, err
	}
	env := &envtest.Environment{
		Scheme:            scheme,
		CRDDirectoryPaths: []string{"../../config/crd/bases", filepath.Join(capi, "core", "config", "crd", "bases")},
	}
	env.ControlPlane.GetAPIServer().Path = filepath.Join(kubernetes, "kube-apiserver")
	env.ControlPlane.Etcd = &envtest.Etcd{Path: filepath.Join(etcd, "etcd")}
	env.ControlPlane.KubectlPath = filepath.Join(kubernetes, "kubectl")
	return env, nil
}
