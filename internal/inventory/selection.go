// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

// Selector matches the hosts that all of the selectors match. One that is absent matches every host, unlike metav1's own
// rule.
func Selector(selectors ...*metav1.LabelSelector) (labels.Selector, error) {
	all := labels.Everything()
	for _, selector := range selectors {
		if selector == nil {
			continue
		}
		parsed, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil {
			return nil, err
		}
		requirements, _ := parsed.Requirements()
		all = all.Add(requirements...)
	}
	return all, nil
}

// OpenTo reports whether the host's namespaceSelector allows the namespace. A selector that cannot be read allows none.
func OpenTo(host *infrav1.LibvirtHost, namespace *corev1.Namespace) bool {
	selector, err := Selector(host.Spec.NamespaceSelector)
	return err == nil && selector.Matches(labels.Set(namespace.Labels))
}
