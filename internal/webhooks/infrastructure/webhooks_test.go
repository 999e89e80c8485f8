// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package infrastructure

import (
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

func TestMachineTemplate_holdsNothingThatOnlyOneMachineCanHave(t *testing.T) {
	for name, c := range map[string]struct {
		spec infrav1.LibvirtMachineSpec
		want []string
	}{
		"pools and DHCP": {infrav1.LibvirtMachineSpec{NetworkInterfaces: []infrav1.NetworkInterface{
			{AddressPoolRefs: []infrav1.AddressPoolReference{{Name: "nodes"}}}, {DHCP: infrav1.DHCPBoth},
		}}, nil},
		"an identity": {infrav1.LibvirtMachineSpec{ProviderID: "libvirt://x"}, []string{"spec.template.spec.providerID"}},
		"addresses of one machine": {infrav1.LibvirtMachineSpec{NetworkInterfaces: []infrav1.NetworkInterface{
			{Bridge: "br1"}, {Addresses: []string{"10.0.0.1/24"}, MACAddress: "52:54:00:00:00:01"},
		}}, []string{"spec.template.spec.networkInterfaces[1].addresses", "spec.template.spec.networkInterfaces[1].macAddress"}},
	} {
		t.Run(name, func(t *testing.T) {
			template := &infrav1.LibvirtMachineTemplate{}
			template.Spec.Template.Spec = c.spec
			var got []string
			for _, err := range validateMachineTemplate(template, field.NewPath("spec", "template", "spec")) {
				got = append(got, err.Field)
			}
			assert.Equal(t, c.want, got)
		})
	}
}
