// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/kubeconfig"
	"sigs.k8s.io/controller-runtime/pkg/client"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/binaries"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/manifest"
)

// Cluster API's own components are not what is tested; clusterctl only wants a core provider to be installed.
const coreComponents = `apiVersion: v1
kind: Namespace
metadata:
  name: capi-system
`

const coreMetadata = `apiVersion: clusterctl.cluster.x-k8s.io/v1alpha3
kind: Metadata
releaseSeries:
- {major: 1, minor: 14, contract: v1beta2}
`

// clusterctl is the program, with a configuration that names local repositories only.
type clusterctl struct {
	program, config, kubeconfig string
}

func TestClusterctl_installsGeneratesAndDeletes(t *testing.T) {
	defineCertManager(t)
	c := newClusterctl(t, release(t))
	c.run(t, "init", "--core", "cluster-api:v1.14.2", "--bootstrap", "altcos:"+version, "--infrastructure", "libvirt:"+version,
		"--control-plane", "-")
	t.Cleanup(func() { c.run(t, "delete", "--all") })
	expectManagers(t, "altcos-bootstrap-system", "altcos-infrastructure-system")

	for flavor, wanted := range map[string][]string{
		"": {"Cluster", "KubeadmControlPlane", "MachineDeployment", "LibvirtCluster", "LibvirtMachineTemplate",
			"AltcosBootstrapConfigTemplate", "InClusterIPPool"},
		"topology": {"Cluster", "ClusterClass", "KubeadmControlPlaneTemplate", "LibvirtClusterTemplate",
			"LibvirtMachineTemplate", "AltcosBootstrapConfigTemplate", "InClusterIPPool"},
	} {
		output := c.run(t, "generate", "cluster", "demo", "--infrastructure", "libvirt", "--flavor", flavor, "--target-namespace", "default",
			"--kubernetes-version", "v1.35.4", "--control-plane-machine-count", "3", "--worker-machine-count", "3")
		objects, err := manifest.Parse([]byte(output))
		if err != nil {
			t.Fatal(err)
		}
		kinds := map[string]bool{}
		for _, object := range objects {
			kinds[object.GetKind()] = true
			if object.GetNamespace() != "default" {
				t.Errorf("flavor %q: %s %s is in namespace %q", flavor, object.GetKind(), object.GetName(), object.GetNamespace())
			}
		}
		slices.Sort(wanted)
		if got := slices.Sorted(maps.Keys(kinds)); !slices.Equal(got, wanted) {
			t.Errorf("flavor %q has kinds %q, want %q", flavor, got, wanted)
		}
	}

	c.run(t, "delete", "--infrastructure", "libvirt")
	expectManagers(t, "altcos-bootstrap-system")
}

// expectManagers looks for what each provider has once: a manager and webhooks.
func expectManagers(t *testing.T, namespaces ...string) {
	t.Helper()
	var deployments appsv1.DeploymentList
	var webhooks admissionv1.ValidatingWebhookConfigurationList
	for _, list := range []client.ObjectList{&deployments, &webhooks} {
		if err := environment.Client.List(t.Context(), list, client.HasLabels{clusterv1.ProviderNameLabel}); err != nil {
			t.Fatal(err)
		}
	}
	var managers, configurations []string
	for _, deployment := range deployments.Items {
		managers = append(managers, deployment.Namespace)
	}
	for _, configuration := range webhooks.Items {
		configurations = append(configurations, configuration.Webhooks[0].ClientConfig.Service.Namespace)
	}
	slices.Sort(managers)
	slices.Sort(configurations)
	if !slices.Equal(managers, namespaces) || !slices.Equal(configurations, namespaces) {
		t.Errorf("managers are in %q, webhooks in %q, want both in %q", managers, configurations, namespaces)
	}
}

func newClusterctl(t *testing.T, dist string) *clusterctl {
	t.Helper()
	store, err := artifact.Open()
	if err != nil {
		t.Fatal(err)
	}
	programs, err := binaries.Ensure(t.Context(), store, binaries.ClusterAPI)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := &clusterctl{filepath.Join(programs, "clusterctl"), filepath.Join(dir, "clusterctl.yaml"), filepath.Join(dir, "kubeconfig")}
	core := filepath.Join(dir, "cluster-api", "v1.14.2", "core-components.yaml")
	config := "providers:\n- {name: cluster-api, type: CoreProvider, url: " + core + "}\n"
	for _, p := range providers() {
		kind := strings.ToUpper(p.kind[:1]) + p.kind[1:] + "Provider"
		config += fmt.Sprintf("- {name: %s, type: %s, url: %s}\n", p.name, kind, p.components(dist))
	}
	owner := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "management"}}
	for path, content := range map[string]string{
		core: coreComponents, filepath.Join(filepath.Dir(core), "metadata.yaml"): coreMetadata,
		c.config: config, c.kubeconfig: string(kubeconfig.FromEnvTestConfig(environment.Config, owner)),
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c *clusterctl) run(t *testing.T, arguments ...string) (stdout string) {
	t.Helper()
	arguments = append(arguments, "--config", c.config, "--kubeconfig", c.kubeconfig)
	command := exec.Command(c.program, arguments...) // not t.Context(), which is over when clean-ups run
	command.Env = append(os.Environ(), "CLUSTERCTL_DISABLE_VERSIONCHECK=true", "XDG_CONFIG_HOME="+filepath.Dir(c.config))
	for name, value := range variables {
		command.Env = append(command.Env, name+"="+value)
	}
	var stderr strings.Builder
	command.Stderr = &stderr
	output, err := command.Output()
	t.Logf("clusterctl %s\n%s", arguments[0], stderr.String())
	if err != nil {
		t.Fatalf("clusterctl %q: %v", arguments, err)
	}
	return string(output)
}

// defineCertManager makes clusterctl believe that cert-manager is installed: nothing here needs certificates.
func defineCertManager(t *testing.T) {
	t.Helper()
	anything := &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: new(true)}
	for plural, kind := range map[string]string{"certificates": "Certificate", "issuers": "Issuer"} {
		definition := &apiextensionsv1.CustomResourceDefinition{
			ObjectMeta: metav1.ObjectMeta{Name: plural + ".cert-manager.io"},
			Spec: apiextensionsv1.CustomResourceDefinitionSpec{
				Group: "cert-manager.io", Scope: apiextensionsv1.NamespaceScoped,
				Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: plural, Kind: kind, Singular: strings.ToLower(kind), ListKind: kind + "List"},
				Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
					Name: "v1", Served: true, Storage: true, Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: anything},
				}},
			},
		}
		if err := environment.Client.Create(t.Context(), definition); err != nil {
			t.Fatal(err)
		}
	}
}
