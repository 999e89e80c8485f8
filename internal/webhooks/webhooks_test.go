// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package webhooks_test

import (
	"context"
	"errors"
	"os"
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/webhooks/bootstrap"
	"github.com/altcos/cluster-api-provider-altcos/internal/webhooks/infrastructure"
	"github.com/altcos/cluster-api-provider-altcos/test/envtest"
)

var environment *envtest.Environment

func TestMain(m *testing.M) { os.Exit(envtest.Main(m, &environment, envtest.WithWebhooks())) }

// TestWebhooks shares one manager: the API server asks a fixed address.
func TestWebhooks(t *testing.T) {
	environment.RunManager(t, environment.ManagerOptions(), func(_ context.Context, mgr ctrl.Manager) error {
		return errors.Join(infrastructure.SetupWithManager(mgr), bootstrap.SetupWithManager(mgr))
	})
	t.Run("templates never change but in dry runs of the topology", testTemplates)
	t.Run("malformed objects are refused with the field's path", testMalformed)
}

func testTemplates(t *testing.T) {
	namespace := environment.Namespace(t)
	meta := metav1.ObjectMeta{Namespace: namespace, Name: "t"}
	cases := map[string]struct {
		object client.Object
		change func(client.Object)
	}{
		"LibvirtMachineTemplate": {
			&infrav1.LibvirtMachineTemplate{ObjectMeta: meta, Spec: infrav1.LibvirtMachineTemplateSpec{
				Template: infrav1.LibvirtMachineTemplateResource{Spec: machineSpec()},
			}},
			func(o client.Object) {
				if template, ok := o.(*infrav1.LibvirtMachineTemplate); ok {
					template.Spec.Template.Spec.VCPUs = 4
				}
			},
		},
		"LibvirtClusterTemplate": {
			&infrav1.LibvirtClusterTemplate{ObjectMeta: meta, Spec: infrav1.LibvirtClusterTemplateSpec{
				Template: infrav1.LibvirtClusterTemplateResource{Spec: infrav1.LibvirtClusterSpec{
					LoadBalancer: infrav1.LoadBalancer{AddressPoolRef: infrav1.AddressPoolReference{Name: "vips"}},
				}},
			}},
			func(o client.Object) {
				if template, ok := o.(*infrav1.LibvirtClusterTemplate); ok {
					template.Spec.Template.Spec.LoadBalancer.AddressPoolRef.Name = "others"
				}
			},
		},
		"AltcosBootstrapConfigTemplate": {
			&bootstrapv1.AltcosBootstrapConfigTemplate{ObjectMeta: meta, Spec: bootstrapv1.AltcosBootstrapConfigTemplateSpec{
				Template: bootstrapv1.AltcosBootstrapConfigTemplateResource{Spec: butaneSpec(goodButane)},
			}},
			func(o client.Object) {
				if template, ok := o.(*bootstrapv1.AltcosBootstrapConfigTemplate); ok {
					template.Spec.Template.Spec.Butane += "\n"
				}
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			environment.Create(t, c.object)
			c.object.SetLabels(map[string]string{"metadata": "changes"})
			g.Expect(environment.Client.Update(t.Context(), c.object)).To(Succeed())

			changed, _ := c.object.DeepCopyObject().(client.Object)
			c.change(changed)
			refused(t, environment.Client.Update(t.Context(), changed), "spec.template.spec: Forbidden: cannot be changed")
			dry := changed.DeepCopyObject().(client.Object) //nolint:forcetypeassert // it was one a line ago
			refused(t, environment.Client.Update(t.Context(), dry, client.DryRunAll), "cannot be changed")
			changed.SetAnnotations(map[string]string{clusterv1.TopologyDryRunAnnotation: ""})
			g.Expect(environment.Client.Update(t.Context(), changed, client.DryRunAll)).To(Succeed())
		})
	}
}

func testMalformed(t *testing.T) {
	const secret = "s3cr3t"
	namespace := environment.Namespace(t)
	meta := metav1.ObjectMeta{Namespace: namespace, Name: "bad"}
	identified := machineSpec()
	identified.ProviderID = "libvirt://6f0b4c8e-0000-4000-8000-000000000001"
	files := []kubeadmv1.File{{Path: "/a", Content: secret}, {Path: "/a", Content: secret}}
	cases := map[string]struct {
		object client.Object
		wants  []string
	}{
		"a template for one machine": {
			&infrav1.LibvirtMachineTemplate{ObjectMeta: meta, Spec: infrav1.LibvirtMachineTemplateSpec{
				Template: infrav1.LibvirtMachineTemplateResource{Spec: identified},
			}}, []string{"spec.template.spec.providerID", "cannot be set in a template"},
		},
		"a URI without host": {
			&infrav1.LibvirtHost{ObjectMeta: metav1.ObjectMeta{Name: namespace}, Spec: infrav1.LibvirtHostSpec{URI: "qemu+ssh:///system"}},
			[]string{"spec.uri"},
		},
		"Butane with an unknown key": {
			&bootstrapv1.AltcosBootstrapConfig{ObjectMeta: meta, Spec: butaneSpec(badButane + secret)},
			[]string{"spec.butane", "line 4", "column"},
		},
		"Butane with an unknown key in a template": {
			&bootstrapv1.AltcosBootstrapConfigTemplate{ObjectMeta: meta, Spec: bootstrapv1.AltcosBootstrapConfigTemplateSpec{
				Template: bootstrapv1.AltcosBootstrapConfigTemplateResource{Spec: butaneSpec(badButane + secret)},
			}}, []string{"spec.template.spec.butane", "line 4", "column"},
		},
		"two files in one place": {
			&bootstrapv1.AltcosBootstrapConfig{ObjectMeta: meta, Spec: kubeadmSpec(kubeadmv1.KubeadmConfigSpec{Files: files})},
			[]string{"spec.kubeadm.files[1].path: Invalid value: path property must be unique"},
		},
		"two files in one place in a template": {
			&bootstrapv1.AltcosBootstrapConfigTemplate{ObjectMeta: meta, Spec: bootstrapv1.AltcosBootstrapConfigTemplateSpec{
				Template: bootstrapv1.AltcosBootstrapConfigTemplateResource{Spec: kubeadmSpec(kubeadmv1.KubeadmConfigSpec{Files: files})},
			}}, []string{"spec.template.spec.kubeadm.files[1].path: Invalid value: path property must be unique"},
		},
		"a rule of sudo that is none": {
			&bootstrapv1.AltcosBootstrapConfig{ObjectMeta: meta, Spec: bootstrapv1.AltcosBootstrapConfigSpec{AltcosProfile: bootstrapv1.AltcosProfile{
				Users: []bootstrapv1.User{{Name: "u", Sudo: "yes please"}},
			}}},
			[]string{"spec.users[0].sudo: Invalid value", "must be one line of sudoers without the user's name"},
		},
		"a label without a disk": {
			&bootstrapv1.AltcosBootstrapConfig{ObjectMeta: meta, Spec: bootstrapv1.AltcosBootstrapConfigSpec{AltcosProfile: bootstrapv1.AltcosProfile{
				ContainerStorage: bootstrapv1.ContainerStorage{Label: "images"},
			}}},
			[]string{"spec.containerStorage: Invalid value", "label needs dataDisk or device"},
		},
		"a group that the system has": {
			&bootstrapv1.AltcosBootstrapConfig{ObjectMeta: meta, Spec: bootstrapv1.AltcosBootstrapConfigSpec{AltcosProfile: bootstrapv1.AltcosProfile{
				Users: []bootstrapv1.User{{Name: "u", Groups: []string{"users"}}},
			}}},
			[]string{"spec.users[0].groups[0]: Invalid value"},
		},
		"a user with two passwords": {
			&bootstrapv1.AltcosBootstrapConfig{ObjectMeta: meta, Spec: kubeadmSpec(kubeadmv1.KubeadmConfigSpec{Users: []kubeadmv1.User{{
				Name: "u", Passwd: secret, PasswdFrom: kubeadmv1.PasswdSource{Secret: kubeadmv1.SecretPasswdSource{Name: "n", Key: "k"}},
			}}})},
			[]string{"spec.kubeadm.users[0]: Invalid value: only one of passwd or passwdFrom"},
		},
		"the Ignition that kubeadm's provider makes": {
			&bootstrapv1.AltcosBootstrapConfig{ObjectMeta: meta, Spec: kubeadmSpec(kubeadmv1.KubeadmConfigSpec{Format: kubeadmv1.Ignition})},
			[]string{`spec.kubeadm.format: Unsupported value: "ignition": supported values: "cloud-config"`},
		},
		"additions to the Ignition that kubeadm's provider makes": {
			&bootstrapv1.AltcosBootstrapConfig{ObjectMeta: meta, Spec: kubeadmSpec(kubeadmv1.KubeadmConfigSpec{
				Ignition: kubeadmv1.IgnitionSpec{ContainerLinuxConfig: kubeadmv1.ContainerLinuxConfig{AdditionalConfig: secret}},
			})},
			[]string{"spec.kubeadm.ignition: Forbidden", "use butane"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := environment.Client.Create(t.Context(), c.object)
			for _, want := range c.wants {
				refused(t, err, want)
			}
			NewWithT(t).Expect(err.Error()).NotTo(ContainSubstring(secret))
		})
	}
}

const (
	goodButane = "variant: fcos\nversion: 1.3.0\n"
	badButane  = goodButane + "systemd:\n  unit: "
)

func butaneSpec(config string) bootstrapv1.AltcosBootstrapConfigSpec {
	return bootstrapv1.AltcosBootstrapConfigSpec{AltcosProfile: bootstrapv1.AltcosProfile{Butane: config}}
}

func kubeadmSpec(kubeadm kubeadmv1.KubeadmConfigSpec) bootstrapv1.AltcosBootstrapConfigSpec {
	return bootstrapv1.AltcosBootstrapConfigSpec{Kubeadm: kubeadm}
}

func machineSpec() infrav1.LibvirtMachineSpec {
	return infrav1.LibvirtMachineSpec{VCPUs: 2, Memory: resource.MustParse("2Gi"), Image: infrav1.Image{Volume: "altcos.qcow2"}}
}

func refused(t *testing.T, err error, text string) {
	t.Helper()
	g := NewWithT(t)
	g.Expect(err).To(HaveOccurred())
	g.Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%v", err)
	g.Expect(err.Error()).To(ContainSubstring(text))
}
