// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

// NewScheme returns a scheme with all kinds that the manager reads or writes.
func NewScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme,
		clusterv1.AddToScheme, kubeadmv1.AddToScheme, ipamv1.AddToScheme,
		infrav1.AddToScheme, bootstrapv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("build scheme: %w", err)
		}
	}
	return scheme, nil
}

// cacheOptions keep in memory what reconciliations read: of Secrets only those of clusters and those with credentials.
func cacheOptions(o *Options, credentialsNamespace string) (cache.Options, error) {
	ofClusters, err := labels.NewRequirement(clusterv1.ClusterNameLabel, selection.Exists, nil)
	if err != nil {
		return cache.Options{}, fmt.Errorf("select Secrets of clusters: %w", err)
	}
	clusterSecrets := cache.Config{LabelSelector: labels.NewSelector().Add(*ofClusters)}
	watched := cache.AllNamespaces
	options := cache.Options{SyncPeriod: durationOrNil(o.SyncPeriod)}
	if o.Namespace != "" {
		watched = o.Namespace
		options.DefaultNamespaces = map[string]cache.Config{o.Namespace: {}}
	}
	secrets := cache.ByObject{Namespaces: map[string]cache.Config{watched: clusterSecrets}}
	secrets.Namespaces[credentialsNamespace] = cache.Config{} // credentials carry no label of a cluster
	configMaps := cache.ByObject{Label: clusterSecrets.LabelSelector}
	options.ByObject = map[client.Object]cache.ByObject{&corev1.Secret{}: secrets, &corev1.ConfigMap{}: configMaps}
	return options, nil
}

func durationOrNil(d time.Duration) *time.Duration {
	if d <= 0 {
		return nil
	}
	return &d
}
