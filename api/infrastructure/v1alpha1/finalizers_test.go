// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

// The API server warns each time that an object gets a finalizer without a path below its domain.
func TestFinalizers_haveAPathBelowTheDomainOfTheGroup(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range []string{infrav1.HostFinalizer, infrav1.ClusterFinalizer, infrav1.MachineFinalizer} {
		if problems := validation.IsQualifiedName(name); len(problems) > 0 {
			t.Errorf("%q: %v", name, problems)
		}
		if domain, path, _ := strings.Cut(name, "/"); domain != infrav1.GroupVersion.Group || path == "" || seen[name] {
			t.Errorf("%q is not one name below %s/", name, infrav1.GroupVersion.Group)
		}
		seen[name] = true
	}
}
