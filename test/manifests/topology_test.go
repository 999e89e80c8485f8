// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/kubeconfig"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	upstream "sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/manager"
	"github.com/altcos/cluster-api-provider-altcos/test/envtest"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/binaries"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/manifest"
)

// topologyLimit is for Cluster API on a busy machine.
const topologyLimit = 4 * time.Minute

// TestClusterClass_patchesEveryTemplate has Cluster API's own manager build a cluster of the class.
func TestClusterClass_patchesEveryTemplate(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), topologyLimit)
	defer cancel()
	api, sources := startClusterAPI(ctx, t)
	serveOwnWebhooks(t, api, sources.Own.Webhooks())
	name := variables["CLUSTER_NAME"]
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: variables["NAMESPACE"]}}
	if err := api.Client.Create(ctx, namespace); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"clusterclass-altcos.yaml", "cluster-template-topology.yaml"} {
		for _, object := range process(t, filepath.Join(config, "templates", file)) {
			object.SetNamespace(namespace.Name) // as clusterctl does
			if object.GetName() == "altcos-worker" && object.GetKind() == "AltcosBootstrapConfigTemplate" {
				setButane(t, object)
			}
			eventually(ctx, t, func() error { return api.Client.Create(ctx, object) })
		}
	}
	eventually(ctx, t, func() error { return reconciled(ctx, api.Client, namespace.Name, name) })

	mine := []client.ListOption{client.InNamespace(namespace.Name), client.MatchingLabels{clusterv1.ClusterNameLabel: name}}
	var clusters infrav1.LibvirtClusterList
	var machines infrav1.LibvirtMachineTemplateList
	var configs bootstrapv1.AltcosBootstrapConfigTemplateList
	for _, list := range []client.ObjectList{&clusters, &machines, &configs} {
		if err := api.Client.List(ctx, list, mine...); err != nil {
			t.Fatal(err)
		}
	}
	if len(clusters.Items) != 1 || len(machines.Items) != 2 || len(configs.Items) != 1 {
		t.Fatalf("there are %d clusters, %d templates of machines, %d of configs", len(clusters.Items), len(machines.Items), len(configs.Items))
	}
	cluster := clusters.Items[0].Spec
	if cluster.ControlPlaneEndpoint.Host != variables["CONTROL_PLANE_ENDPOINT_HOST"] || cluster.ControlPlaneEndpoint.Port != 8443 {
		t.Errorf("endpoint is %+v", cluster.ControlPlaneEndpoint)
	}
	if got := cluster.Network.AddressPoolRefs[0].Name; got != name+"-nodes" {
		t.Errorf("address pool is %q", got)
	}
	profiles := map[string]bool{}
	for _, machine := range machines.Items {
		spec := machine.Spec.Template.Spec
		profiles[spec.AltcosTemplateRef.Name] = true
		if spec.Image.URL != variables["IMAGE_URL"] || spec.Image.SHA256 != variables["IMAGE_SHA256"] {
			t.Errorf("image of %s is %+v", machine.Name, spec.Image)
		}
	}
	if diff := cmp.Diff(map[string]bool{"": true, name + "-control-plane": true}, profiles); diff != "" {
		t.Errorf("profiles of workers and control plane (-want +got):\n%s", diff)
	}
	workers := configs.Items[0].Spec.Template.Spec
	if diff := cmp.Diff([]string{variables["SSH_AUTHORIZED_KEY"]}, workers.AltcosUser.SSHAuthorizedKeys); diff != "" {
		t.Errorf("keys of workers (-want +got):\n%s", diff)
	}
	if workers.Butane != ownButane {
		t.Errorf("workers have the Butane config %q", workers.Butane)
	}
	refuseButane(ctx, t, api.Client, &configs.Items[0])
	rotate(ctx, t, api.Client, client.ObjectKey{Namespace: namespace.Name, Name: name}, mine)
}

// ownButane is what a user adds to the class. Each dry run has it checked again.
const ownButane = "variant: fcos\nversion: 1.1.0\nstorage:\n  files:\n  - path: /etc/motd.d/own\n    contents: {inline: hello}\n"

func setButane(t *testing.T, template *unstructured.Unstructured) {
	t.Helper()
	if err := unstructured.SetNestedField(template.Object, ownButane, "spec", "template", "spec", "butane"); err != nil {
		t.Fatal(err)
	}
}

// refuseButane sees that it is the product's own check that looks at Butane.
func refuseButane(ctx context.Context, t *testing.T, c client.Client, like *bootstrapv1.AltcosBootstrapConfigTemplate) {
	t.Helper()
	bad := &bootstrapv1.AltcosBootstrapConfigTemplate{ObjectMeta: metav1.ObjectMeta{Namespace: like.Namespace, Name: "bad"}, Spec: like.Spec}
	bad.Spec.Template.Spec.Butane = ownButane + "nonsense: 1\n"
	if err := c.Create(ctx, bad, client.DryRunAll); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "line 7") {
		t.Errorf("a Butane config with an unknown field: got %v, want that line 7 is invalid", err)
	}
}

// rotate changes the sources of templates of machines and of workers' configs, and expects new ones. Cluster API compares by dry runs that
// change the old ones, which neither schema nor webhooks may refuse.
func rotate(ctx context.Context, t *testing.T, c client.Client, key client.ObjectKey, mine []client.ListOption) {
	t.Helper()
	values := map[string]string{
		"controlPlaneSize": `{"vcpus":4,"memory":"8Gi"}`, "workerSize": `{"vcpus":6,"memory":"8Gi"}`,
		"image":             `{"url":"https://images.test/next.qcow2","sha256":"` + strings.Repeat("ab", 32) + `"}`,
		"sshAuthorizedKeys": `["ssh-ed25519 BBBB another"]`,
	}
	eventually(ctx, t, func() error {
		var cluster clusterv1.Cluster
		if err := c.Get(ctx, key, &cluster); err != nil {
			return err
		}
		for i, variable := range cluster.Spec.Topology.Variables {
			if value, ok := values[variable.Name]; ok {
				cluster.Spec.Topology.Variables[i].Value.Raw = []byte(value)
			}
		}
		return c.Update(ctx, &cluster)
	})
	eventually(ctx, t, func() error {
		return errors.Join(machinesRotated(ctx, c, mine), keysRotated(ctx, c, mine), reconciled(ctx, c, key.Namespace, key.Name))
	})
}

func machinesRotated(ctx context.Context, c client.Client, mine []client.ListOption) error {
	var templates infrav1.LibvirtMachineTemplateList
	if err := c.List(ctx, &templates, mine...); err != nil {
		return err
	}
	made := map[int32]string{}
	for _, template := range templates.Items {
		made[template.Spec.Template.Spec.VCPUs] = template.Spec.Template.Spec.Image.URL
	}
	if made[4] != "https://images.test/next.qcow2" || made[6] != made[4] {
		return fmt.Errorf("templates by their processors: %v", made)
	}
	return nil
}

// keysRotated checks the template of the workers, which must be another one than before.
func keysRotated(ctx context.Context, c client.Client, mine []client.ListOption) error {
	var deployments clusterv1.MachineDeploymentList
	if err := c.List(ctx, &deployments, mine...); err != nil {
		return err
	}
	if len(deployments.Items) != 1 {
		return fmt.Errorf("there are %d MachineDeployments", len(deployments.Items))
	}
	deployment := deployments.Items[0]
	var config bootstrapv1.AltcosBootstrapConfigTemplate
	name := deployment.Spec.Template.Spec.Bootstrap.ConfigRef.Name
	if err := c.Get(ctx, client.ObjectKey{Namespace: deployment.Namespace, Name: name}, &config); err != nil {
		return err
	}
	spec := config.Spec.Template.Spec
	if diff := cmp.Diff([]string{"ssh-ed25519 BBBB another"}, spec.AltcosUser.SSHAuthorizedKeys); diff != "" || spec.Butane != ownButane {
		return fmt.Errorf("workers are created from %s with Butane %q and keys (-want +got):\n%s", name, spec.Butane, diff)
	}
	return nil
}

// serveOwnWebhooks runs a manager with this repository's webhooks only, in addition to those of Cluster API.
func serveOwnWebhooks(t *testing.T, api *envtest.Environment, paths []string) {
	t.Helper()
	own := upstream.WebhookInstallOptions{Paths: paths}
	if err := own.PrepWithoutInstalling(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Cleanup() })
	options := api.ManagerOptions()
	options.WebhookServer = webhook.NewServer(webhook.Options{
		Host: own.LocalServingHost, Port: own.LocalServingPort, CertDir: own.LocalServingCertDir,
	})
	api.RunManager(t, options, func(_ context.Context, mgr ctrl.Manager) error {
		return manager.AddWebhooks(mgr, manager.Infrastructure, manager.Bootstrap)
	})
	if err := own.Install(api.Config); err != nil {
		t.Fatal(err)
	}
}

func reconciled(ctx context.Context, c client.Client, namespace, name string) error {
	var cluster clusterv1.Cluster
	if err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &cluster); err != nil {
		return err
	}
	condition := meta.FindStatusCondition(cluster.Status.Conditions, clusterv1.ClusterTopologyReconciledCondition)
	if condition == nil {
		return errors.New("the topology was not looked at")
	}
	if condition.Status != metav1.ConditionTrue {
		return fmt.Errorf("the topology is not reconciled: %s: %s", condition.Reason, condition.Message)
	}
	return nil
}

// startClusterAPI runs an API server with Cluster API's manager and webhooks.
func startClusterAPI(ctx context.Context, t *testing.T) (*envtest.Environment, manifest.Sources) {
	t.Helper()
	sources, err := manifest.Find(ctx)
	if err != nil {
		t.Fatal(err)
	}
	api, err := envtest.Start(ctx, func(_ context.Context, server *upstream.Environment) error {
		server.WebhookInstallOptions.Paths = sources.Core.Webhooks()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := api.Stop(); err != nil {
			t.Error(err)
		}
	})
	store, err := artifact.Open()
	if err != nil {
		t.Fatal(err)
	}
	programs, err := binaries.Ensure(ctx, store, binaries.ClusterAPI)
	if err != nil {
		t.Fatal(err)
	}
	access := filepath.Join(t.TempDir(), "kubeconfig")
	owner := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "management"}}
	if err := os.WriteFile(access, kubeconfig.FromEnvTestConfig(api.Config, owner), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(filepath.Join(programs, "cluster-api-core"), "--kubeconfig="+access, "--feature-gates=ClusterTopology=true",
		"--webhook-port="+strconv.Itoa(api.Webhooks.LocalServingPort), "--webhook-cert-dir="+api.Webhooks.LocalServingCertDir,
		"--health-addr=127.0.0.1:0", "--diagnostics-address=0")
	output, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	command.Stdout, command.Stderr = output, output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait() // reports that it was killed
		_ = output.Close()
		if content, err := os.ReadFile(output.Name()); t.Failed() && err == nil {
			t.Logf("Cluster API:\n%s", content)
		}
	})
	return api, sources
}

// eventually tries until there is no error, an object is refused for good, or ctx is over.
func eventually(ctx context.Context, t *testing.T, try func() error) {
	t.Helper()
	for {
		err := try()
		if err == nil {
			return
		}
		if apierrors.IsInvalid(err) {
			t.Fatal(err)
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-time.After(time.Second):
		}
	}
}
