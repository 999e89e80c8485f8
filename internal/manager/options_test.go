// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manager_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/spf13/pflag"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/altcos/cluster-api-provider-altcos/internal/manager"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/manifest"
)

// A pod whose volume is fuller than its limit is evicted, and the downloads with it.
func TestOptions_imageCacheFitsIntoItsVolume(t *testing.T) {
	sources, err := manifest.Find(t.Context())
	assert.NoError(t, err)
	objects, err := manifest.Read(filepath.Join(sources.Own.Dir, "manager", "manager.yaml"))
	if err != nil || len(objects) != 1 {
		t.Fatalf("%d objects, %v", len(objects), err)
	}
	deployment := &appsv1.Deployment{}
	assert.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructured(objects[0].Object, deployment))
	options := &manager.Options{}
	options.AddFlags(pflag.NewFlagSet("manager", pflag.ContinueOnError))
	pod := deployment.Spec.Template.Spec
	mount := slices.IndexFunc(pod.Containers[0].VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == options.ImageCacheDir })
	if mount < 0 {
		t.Fatalf("no volume is mounted at %s", options.ImageCacheDir)
	}
	name := pod.Containers[0].VolumeMounts[mount].Name
	volume := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == name })
	if limit := pod.Volumes[volume].EmptyDir.SizeLimit.Value(); limit <= options.ImageCacheBytes {
		t.Errorf("the volume holds %d bytes, the cache takes %d", limit, options.ImageCacheBytes)
	}
}
