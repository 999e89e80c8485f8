// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package objects completes the objects of manifests to what a management cluster would hold: it creates samples of
// templates, Clusters and Machines that the manifests leave out, sets owners, and warns where this shows in the result.
package objects

import (
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/cmd/kubectl-altcos/offline/manifest"
)

// Set is the objects of a management cluster.
type Set struct {
	all      []client.Object
	warnings []string
}

// All returns all objects of a type, in the order of the manifests.
func All[T client.Object](s *Set) []T {
	var out []T
	for _, o := range s.all {
		if typed, ok := o.(T); ok {
			out = append(out, typed)
		}
	}
	return out
}

// Named finds the object of a type by namespace and name.
func Named[T client.Object](s *Set, namespace, name string) (found T, ok bool) {
	for _, o := range All[T](s) {
		if o.GetNamespace() == namespace && o.GetName() == name {
			return o, true
		}
	}
	return found, false
}

// Warnf adds a warning, once.
func (s *Set) Warnf(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(s.warnings, text) {
		s.warnings = append(s.warnings, text)
	}
}

// Warnings returns all warnings.
func (s *Set) Warnings() []string { return s.warnings }

// add adds an object that the manifests do not have.
func (s *Set) add(o client.Object) {
	identify(o)
	s.all = append(s.all, o)
}

// Complete adds what the manifests leave out. The set has the warnings also when there is an error.
func Complete(scheme *runtime.Scheme, found []client.Object) (*Set, error) {
	s := &Set{all: found}
	for _, o := range s.all {
		reset(o)
	}
	s.warnIgnored()
	s.warnUnseen()
	s.instantiate()
	if len(All[*infrav1.LibvirtHost](s)) == 0 {
		return s, errors.New("there is no LibvirtHost in the manifests: machines and load balancers are rendered for hosts")
	}
	if len(All[*infrav1.LibvirtCluster](s)) == 0 {
		return s, errors.New("there is no LibvirtCluster in the manifests: it has the endpoint and the network of the machines")
	}
	s.add(noCredentials())
	var problems []error
	for _, lc := range All[*infrav1.LibvirtCluster](s) {
		problems = append(problems, s.setOwnerOfCluster(lc))
	}
	for _, lm := range All[*infrav1.LibvirtMachine](s) {
		problems = append(problems, s.setOwnersOfMachine(lm))
	}
	s.warnUnused()
	s.addNamespaces()
	return s, errors.Join(append(problems, s.distinct(scheme))...)
}

func (s *Set) addNamespaces() {
	for _, o := range slices.Clone(s.all) {
		if _, ok := Named[*corev1.Namespace](s, "", o.GetNamespace()); !ok && o.GetNamespace() != "" {
			s.add(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: o.GetNamespace(), Labels: map[string]string{corev1.LabelMetadataName: o.GetNamespace()}}})
		}
	}
}

// distinct refuses an object of the manifests that has the name of one that is created here.
func (s *Set) distinct(scheme *runtime.Scheme) error {
	var problems []error
	seen := map[manifest.Identity]bool{}
	for _, o := range s.all {
		kind, err := apiutil.GVKForObject(o, scheme)
		if err != nil {
			return fmt.Errorf("find kind of %q: %w", o.GetName(), err)
		}
		o.GetObjectKind().SetGroupVersionKind(kind)
		id := manifest.IdentityOf(o)
		if seen[id] {
			problems = append(problems, fmt.Errorf("%s %q: has the name of one that is created here for other objects of the manifests; rename it, or leave them out", id.Kind, id.Name))
		}
		seen[id] = true
	}
	return errors.Join(problems...)
}
