// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	// contractLabel maps the Cluster API contract v1beta2 to the versions of a kind that fulfil it. Cluster API finds
	// no version of a kind without it.
	contractLabel = "cluster.x-k8s.io/v1beta2"
	// moveLabel makes clusterctl move discover a kind.
	moveLabel = "clusterctl.cluster.x-k8s.io"
)

// CRDs returns the custom resource definitions below the paths, ready to be installed: labelled for the contract and with
// the storage version alone, so that no conversion webhook is needed.
func CRDs(paths ...string) ([]*apiextensionsv1.CustomResourceDefinition, error) {
	objects, err := Read(paths...)
	if err != nil {
		return nil, err
	}
	var definitions []*apiextensionsv1.CustomResourceDefinition
	for _, object := range objects {
		if object.GroupVersionKind().GroupKind() != (schema.GroupKind{Group: apiextensionsv1.GroupName, Kind: "CustomResourceDefinition"}) {
			continue
		}
		definition, err := parseCRD(object)
		if err != nil {
			return nil, err
		}
		definitions = append(definitions, definition)
	}
	return definitions, nil
}

func parseCRD(object *unstructured.Unstructured) (*apiextensionsv1.CustomResourceDefinition, error) {
	definition := &apiextensionsv1.CustomResourceDefinition{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, definition); err != nil {
		return nil, fmt.Errorf("parse CRD %q: %w", object.GetName(), err)
	}
	definition.Spec.Versions = slices.DeleteFunc(definition.Spec.Versions, func(version apiextensionsv1.CustomResourceDefinitionVersion) bool {
		return !version.Storage
	})
	if len(definition.Spec.Versions) != 1 {
		return nil, fmt.Errorf("parse CRD %q: %d storage versions", object.GetName(), len(definition.Spec.Versions))
	}
	definition.Spec.Conversion = nil
	if definition.Labels == nil {
		definition.Labels = map[string]string{}
	}
	definition.Labels[contractLabel] = definition.Spec.Versions[0].Name
	definition.Labels[moveLabel] = ""
	return definition, nil
}
