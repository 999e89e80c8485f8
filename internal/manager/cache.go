// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// cacheOptions limit the cache to what reconciliations read: of Secrets only those of clusters and those with credentials.
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
