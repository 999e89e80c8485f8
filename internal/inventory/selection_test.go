// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
)

func matching(key, value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
}

func broken() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Near"}}}
}

func TestSelector_matchesWhatAllSelectorsMatch(t *testing.T) {
	host := labels.Set{"rack": "1", "disk": "ssd"}
	tests := map[string]struct {
		selectors []*metav1.LabelSelector
		want      bool
	}{
		"no selector":             {nil, true},
		"absent selectors":        {[]*metav1.LabelSelector{nil, nil}, true},
		"an empty selector":       {[]*metav1.LabelSelector{{}}, true},
		"one that matches":        {[]*metav1.LabelSelector{nil, matching("rack", "1")}, true},
		"two that match":          {[]*metav1.LabelSelector{matching("rack", "1"), matching("disk", "ssd")}, true},
		"one of two does not":     {[]*metav1.LabelSelector{matching("rack", "1"), matching("disk", "hdd")}, false},
		"two that contradict":     {[]*metav1.LabelSelector{matching("rack", "1"), matching("rack", "2")}, false},
		"a label that is missing": {[]*metav1.LabelSelector{matching("gpu", "yes")}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			selector, err := inventory.Selector(test.selectors...)
			if err != nil || selector.Matches(host) != test.want {
				t.Errorf("got %v, %v; want %t", selector, err, test.want)
			}
		})
	}
	if _, err := inventory.Selector(nil, broken()); err == nil {
		t.Error("a selector that cannot be read is no error")
	}
}

func TestOpenTo_followsTheNamespaceSelector(t *testing.T) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"team": "a"}}}
	for name, test := range map[string]struct {
		selector *metav1.LabelSelector
		want     bool
	}{
		"a host without a selector":     {nil, true},
		"a namespace that is selected":  {matching("team", "a"), true},
		"another namespace":             {matching("team", "b"), false},
		"a selector that is unreadable": {broken(), false},
	} {
		t.Run(name, func(t *testing.T) {
			host := &infrav1.LibvirtHost{Spec: infrav1.LibvirtHostSpec{NamespaceSelector: test.selector}}
			if got := inventory.OpenTo(host, namespace); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}
