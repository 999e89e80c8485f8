// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package management

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/manifest"
)

// startCluster starts a management cluster on loopback and proves at the end of the test that nothing of it is left.
func startCluster(t *testing.T, options Options) *Cluster {
	t.Helper()
	g := NewWithT(t)
	options.Progress = func(message string) { t.Log(message) }
	t.Cleanup(func() {
		processes, err := records(filepath.Join(options.Dir, runDirectory))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(Stop(context.Background(), options.Dir)).To(Succeed())
		for _, p := range processes {
			g.Expect(p.isRunning()).To(BeFalse(), "%s (PID %d) is still there", p.Name, p.PID)
		}
	})
	began := time.Now()
	cluster, err := Start(t.Context(), options)
	g.Expect(err).NotTo(HaveOccurred())
	t.Logf("ready after %s", time.Since(began).Round(time.Millisecond))
	return cluster
}

func ensureBinaries(t *testing.T) Binaries {
	t.Helper()
	g := NewWithT(t)
	store, err := artifact.Open()
	g.Expect(err).NotTo(HaveOccurred())
	store.Progress = func(message string) { t.Log(message) }
	programs, err := EnsureBinaries(t.Context(), store)
	g.Expect(err).NotTo(HaveOccurred())
	return programs
}

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	objects, err := manifest.Parse([]byte(text))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	NewWithT(t).Expect(objects).To(HaveLen(1))
	return objects[0]
}

func TestManagement_clusterAPIWorks(t *testing.T) {
	options := Options{Dir: t.TempDir(), Binaries: ensureBinaries(t)}
	cluster := startCluster(t, options)

	t.Run("webhooks default and refuse", func(t *testing.T) { checkWebhooks(t, cluster) })
	t.Run("a claim gets an address", func(t *testing.T) { checkAddressClaim(t, cluster) })
	t.Run("bootstrap data are made", func(t *testing.T) { checkBootstrapData(t, cluster) })
	t.Run("garbage is collected", func(t *testing.T) { checkGarbageCollection(t, cluster) })
	t.Run("a second start keeps processes and data", func(t *testing.T) { checkSecondStart(t, options) })
	t.Run("a stopped cluster continues", func(t *testing.T) { checkRestart(t, cluster, options) })
}

const clusterManifest = `
apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata: {name: first, namespace: default}
spec:
  controlPlaneEndpoint: {host: 10.150.0.160, port: 8443}
  infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: LibvirtCluster, name: first}
`

func checkWebhooks(t *testing.T, cluster *Cluster) {
	g := NewWithT(t)
	g.Expect(cluster.Client().Create(t.Context(), object(t, clusterManifest))).To(Succeed())

	deployment := object(t, `
apiVersion: cluster.x-k8s.io/v1beta2
kind: MachineDeployment
metadata: {name: workers, namespace: default}
spec:
  clusterName: first
  selector: {}
  template:
    spec:
      clusterName: first
      bootstrap: {dataSecretName: unused}
      infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: LibvirtMachineTemplate, name: workers}
`)
	g.Expect(cluster.Client().Create(t.Context(), deployment)).To(Succeed())
	labels, _, err := unstructured.NestedStringMap(deployment.Object, "spec", "selector", "matchLabels")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(labels).To(HaveKeyWithValue("cluster.x-k8s.io/deployment-name", "workers"))

	controlPlane := object(t, `
apiVersion: controlplane.cluster.x-k8s.io/v1beta2
kind: KubeadmControlPlane
metadata: {name: second, namespace: default}
spec:
  replicas: 2
  version: v1.35.4
  machineTemplate:
    spec: {infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: LibvirtMachineTemplate, name: second}}
  kubeadmConfigSpec: {clusterConfiguration: {imageRepository: registry.k8s.io}}
`)
	g.Expect(cluster.Client().Create(t.Context(), controlPlane)).To(MatchError(ContainSubstring("even number")))
}

func checkAddressClaim(t *testing.T, cluster *Cluster) {
	g := NewWithT(t)
	g.Expect(cluster.Client().Create(t.Context(), object(t, `
apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: InClusterIPPool
metadata: {name: nodes, namespace: default}
spec: {addresses: [10.150.0.20-10.150.0.29], prefix: 24, gateway: 10.150.0.1}
`))).To(Succeed())
	claim := object(t, `
apiVersion: ipam.cluster.x-k8s.io/v1beta2
kind: IPAddressClaim
metadata: {name: node-1, namespace: default}
spec:
  clusterName: first
  poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: InClusterIPPool, name: nodes}
`)
	g.Expect(cluster.Client().Create(t.Context(), claim)).To(Succeed())
	address := object(t, "{apiVersion: ipam.cluster.x-k8s.io/v1beta2, kind: IPAddress}")
	g.Eventually(func(g Gomega) {
		g.Expect(cluster.Client().Get(t.Context(), client.ObjectKeyFromObject(claim), claim)).To(Succeed())
		name, _, _ := unstructured.NestedString(claim.Object, "status", "addressRef", "name")
		g.Expect(name).NotTo(BeEmpty())
		g.Expect(cluster.Client().Get(t.Context(), client.ObjectKey{Namespace: "default", Name: name}, address)).To(Succeed())
	}, time.Minute, 200*time.Millisecond).Should(Succeed())
	got, _, _ := unstructured.NestedString(address.Object, "spec", "address")
	g.Expect(got).To(Equal("10.150.0.20"))
}

// checkBootstrapData plays the infrastructure provider, so that CABPK makes the Secret of a first control plane.
func checkBootstrapData(t *testing.T, cluster *Cluster) {
	g := NewWithT(t)
	provisioned := client.RawPatch(types.MergePatchType, []byte(`{"status": {"initialization": {"infrastructureProvisioned": true}}}`))
	g.Expect(cluster.Client().Status().Patch(t.Context(), object(t, clusterManifest), provisioned)).To(Succeed())
	g.Expect(cluster.Client().Create(t.Context(), object(t, `
apiVersion: bootstrap.cluster.x-k8s.io/v1beta2
kind: KubeadmConfig
metadata: {name: first-0, namespace: default, labels: {cluster.x-k8s.io/cluster-name: first}}
spec: {clusterConfiguration: {imageRepository: registry.k8s.io}}
`))).To(Succeed())
	g.Expect(cluster.Client().Create(t.Context(), object(t, `
apiVersion: cluster.x-k8s.io/v1beta2
kind: Machine
metadata:
  name: first-0
  namespace: default
  labels: {cluster.x-k8s.io/cluster-name: first, cluster.x-k8s.io/control-plane: ""}
spec:
  clusterName: first
  version: v1.35.4
  bootstrap: {configRef: {apiGroup: bootstrap.cluster.x-k8s.io, kind: KubeadmConfig, name: first-0}}
  infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: LibvirtMachine, name: first-0}
`))).To(Succeed())
	secret := object(t, "{apiVersion: v1, kind: Secret}")
	g.Eventually(func() error {
		return cluster.Client().Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "first-0"}, secret)
	}, time.Minute, 200*time.Millisecond).Should(Succeed())
	data, _, _ := unstructured.NestedStringMap(secret.Object, "data")
	g.Expect(data).To(HaveKey("value"))
}

func checkGarbageCollection(t *testing.T, cluster *Cluster) {
	g := NewWithT(t)
	owner := object(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: owner, namespace: default}}")
	g.Expect(cluster.Client().Create(t.Context(), owner)).To(Succeed())
	owned := object(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: owned, namespace: default}}")
	owned.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "owner", UID: owner.GetUID()}})
	g.Expect(cluster.Client().Create(t.Context(), owned)).To(Succeed())
	g.Expect(cluster.Client().Delete(t.Context(), owner)).To(Succeed())
	g.Eventually(func() error {
		return cluster.Client().Get(t.Context(), client.ObjectKeyFromObject(owned), owned)
	}, time.Minute, 200*time.Millisecond).Should(Satisfy(apierrors.IsNotFound))
}

func checkSecondStart(t *testing.T, options Options) {
	g := NewWithT(t)
	before, err := records(filepath.Join(options.Dir, runDirectory))
	g.Expect(err).NotTo(HaveOccurred())
	_, err = Start(t.Context(), options)
	g.Expect(err).NotTo(HaveOccurred())
	after, err := records(filepath.Join(options.Dir, runDirectory))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(after).To(Equal(before))
}

func checkRestart(t *testing.T, cluster *Cluster, options Options) {
	g := NewWithT(t)
	g.Expect(cluster.Stop(t.Context())).To(Succeed())
	g.Expect(filepath.Glob(filepath.Join(options.Dir, runDirectory, "*"))).To(BeEmpty())
	cluster, err := Start(t.Context(), options)
	g.Expect(err).NotTo(HaveOccurred())
	parent := object(t, clusterManifest)
	g.Expect(cluster.Client().Get(t.Context(), client.ObjectKeyFromObject(parent), parent)).To(Succeed())
}

func TestManagement_secretsAreForTheOwnerOnly(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	_, err := open(t.Context(), Options{Dir: dir})
	g.Expect(err).NotTo(HaveOccurred())
	err = filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := entry.Info()
		g.Expect(info.Mode().Perm()&0o077).To(BeZero(), "others may use %s", path)
		return err
	})
	g.Expect(err).NotTo(HaveOccurred())
}
