// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"crypto/sha256"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/cmd/kubectl-altcos/offline/manifest"
)

// reset removes what another cluster observed and that the object is paused, as it is during a move, and gives it its
// namespace and an identity.
func reset(o client.Object) {
	o.SetNamespace(manifest.Namespace(o))
	identify(o)
	o.SetAnnotations(unpaused(o.GetAnnotations()))
	o.SetDeletionTimestamp(nil)
	o.SetFinalizers(nil)
	switch o := o.(type) {
	case *clusterv1.Cluster:
		o.Status, o.Spec.Paused = clusterv1.ClusterStatus{}, nil
	case *clusterv1.Machine:
		o.Status, o.Spec.ProviderID = clusterv1.MachineStatus{}, ""
	case *infrav1.LibvirtMachine:
		o.Status = infrav1.LibvirtMachineStatus{}
	case *infrav1.LibvirtHost:
		o.Spec.CredentialsRef = infrav1.ObjectReference{Name: credentials}
	}
}

// identify gives an object a UID derived from its name, so that results are the same each time: MAC addresses and names
// of volumes depend on the UIDs of machines, which differ between clusters.
func identify(o client.Object) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%T/%s/%s", o, o.GetNamespace(), o.GetName()))
	sum[6], sum[8] = sum[6]&0x0f|0x50, sum[8]&0x3f|0x80
	o.SetUID(types.UID(fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])))
	o.SetResourceVersion("")
	o.SetManagedFields(nil)
}

func unpaused(annotations map[string]string) map[string]string {
	out := maps.Clone(annotations)
	delete(out, clusterv1.PausedAnnotation)
	return out
}

func label(o client.Object, key, value string) {
	labels := maps.Clone(o.GetLabels())
	if labels == nil {
		labels = map[string]string{}
	}
	labels[key] = value
	o.SetLabels(labels)
}
