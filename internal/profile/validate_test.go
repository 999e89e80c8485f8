// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/profile"
)

// The profile is validated as for a machine, so that one need not create a machine to learn what is wrong.
func TestValidateSpec_looksAtTheProfile(t *testing.T) {
	cases := map[string]struct {
		profile bootstrapv1.AltcosProfile
		want    string
	}{
		"a group of the system":   {bootstrapv1.AltcosProfile{Users: []bootstrapv1.User{{Name: "a", Groups: []string{"users"}}}}, "spec.users[0].groups[0]"},
		"a key of two lines":      {bootstrapv1.AltcosProfile{AltcosUser: bootstrapv1.AltcosUser{SSHAuthorizedKeys: []string{"a\nb"}}}, "spec.altcosUser.sshAuthorizedKeys[0]"},
		"an address that is none": {bootstrapv1.AltcosProfile{Hosts: []bootstrapv1.HostsEntry{{Address: "a"}}}, "spec.hosts[0].address"},
		"a URL that is none":      {bootstrapv1.AltcosProfile{OSUpdates: bootstrapv1.OSUpdatesFleetLock, OSUpdateLockURL: "https://"}, "spec.osUpdateLockURL"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			errs := profile.ValidateSpec(&bootstrapv1.AltcosBootstrapConfigSpec{AltcosProfile: tc.profile}, field.NewPath("spec"))
			if len(errs) != 1 || errs[0].Field != tc.want || errs[0].BadValue != (field.OmitValueType{}) {
				t.Errorf("got %v", errs)
			}
		})
	}
}
