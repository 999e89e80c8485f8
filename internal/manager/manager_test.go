// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manager_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/spf13/pflag"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/manager"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/envtest"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/manifest"
)

var environment *envtest.Environment

func TestMain(m *testing.M) { os.Exit(envtest.Main(m, &environment, envtest.WithWebhooks())) }

const (
	user           = "manager-under-test"
	leaseName      = "altcos-infrastructure-bootstrap.cluster.x-k8s.io"
	patience, poll = 2 * time.Minute, 100 * time.Millisecond
)

// world has a namespace with the rights that config/ gives to the manager, and somebody who may read its metrics.
type world struct {
	*WithT
	t         *testing.T
	namespace string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{WithT: NewWithT(t), t: t, namespace: environment.Namespace(t)}
	sources, err := manifest.Find(t.Context())
	w.Expect(err).NotTo(HaveOccurred())
	manages := rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}
	for _, path := range sources.Own.ClusterRoles() {
		w.grant(path, "manager", manages)
	}
	w.grant(filepath.Join(sources.Own.Dir, "manager", "leader-election.yaml"), "leader-election", manages)
	scraper := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "scraper"}}
	environment.Create(t, scraper)
	w.grant(filepath.Join(sources.Own.Dir, "prometheus", "base", "metrics.yaml"), "metrics-reader",
		rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: w.namespace, Name: scraper.Name})
	return w
}

// grant makes the role of a file and gives it to somebody, a Role in the namespace of the world.
func (w *world) grant(path, name string, to rbacv1.Subject) {
	w.t.Helper()
	objects, err := manifest.Read(path)
	w.Expect(err).NotTo(HaveOccurred())
	granted := 0
	for _, object := range objects {
		meta := metav1.ObjectMeta{Name: fmt.Sprintf("%s-%s-%s", w.namespace, name, filepath.Base(filepath.Dir(path)))}
		ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: object.GetKind(), Name: meta.Name}
		binding := client.Object(&rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: []rbacv1.Subject{to}})
		switch {
		case object.GetName() != name || object.GetKind() != "Role" && object.GetKind() != "ClusterRole":
			continue
		case object.GetKind() == "Role":
			meta.Namespace = w.namespace
			binding = &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: []rbacv1.Subject{to}}
		}
		object.SetName(meta.Name)
		object.SetNamespace(meta.Namespace)
		environment.Create(w.t, object, binding)
		granted++
	}
	w.Expect(granted).To(Equal(1), "%s in %s", name, path)
}

// run starts the manager as its command line does, and returns what ends it and gives its error.
func (w *world) run(arguments ...string) (end func() error) {
	w.t.Helper()
	kubeconfig := filepath.Join(w.t.TempDir(), "kubeconfig")
	w.Expect(os.WriteFile(kubeconfig, environment.Kubeconfig(w.t, user), 0o600)).To(Succeed())
	w.t.Setenv("KUBECONFIG", kubeconfig)
	options, flags := &manager.Options{}, pflag.NewFlagSet("manager", pflag.ContinueOnError)
	options.AddFlags(flags)
	w.Expect(flags.Parse(arguments)).To(Succeed())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- manager.Run(ctx, options) }()
	w.t.Cleanup(cancel)
	return func() error {
		cancel()
		return <-ended
	}
}

// token is what the scraper shows.
func (w *world) token() string {
	w.t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "scraper"}}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To[int64](3600)}}
	w.Expect(environment.Client.SubResource("token").Create(w.t.Context(), account, request)).To(Succeed())
	return request.Status.Token
}

// get returns the status and the body of an answer.
func (w *world) get(url, token string) (int, string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, url, nil)
	w.Expect(err).NotTo(HaveOccurred())
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	ours := &http.Client{Transport: &http.Transport{ // the manager makes its certificate itself
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}
	response, err := ours.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	w.Expect(err).NotTo(HaveOccurred())
	return response.StatusCode, string(body)
}

func (w *world) status(url string) func() int {
	return func() int {
		code, _ := w.get(url, "")
		return code
	}
}

// leader is who holds the lease, empty for nobody.
func (w *world) leader() string {
	lease := &coordinationv1.Lease{}
	if environment.Client.Get(w.t.Context(), client.ObjectKey{Namespace: w.namespace, Name: leaseName}, lease) != nil {
		return ""
	}
	return ptr.Deref(lease.Spec.HolderIdentity, "")
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

func TestRun_leadsServesAndReconcilesWithTheRightsOfItsManifests(t *testing.T) {
	w := newWorld(t)
	health, metrics := freeAddress(t), freeAddress(t)
	end := w.run(
		"--leader-elect", "--leader-elect-namespace="+w.namespace, "--credentials-namespace="+w.namespace,
		"--health-addr="+health, "--diagnostics-address="+metrics, "--image-cache-dir="+t.TempDir(),
		fmt.Sprintf("--webhook-port=%d", environment.Webhooks.LocalServingPort), "--webhook-cert-dir="+environment.Webhooks.LocalServingCertDir,
	)
	w.Eventually(w.status("http://"+health+"/readyz"), patience, poll).Should(Equal(http.StatusOK))
	w.Eventually(w.status("http://"+health+"/healthz"), patience, poll).Should(Equal(http.StatusOK))
	w.Eventually(w.leader, patience, poll).ShouldNot(BeEmpty())

	host := &infrav1.LibvirtHost{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}, Spec: infrav1.LibvirtHostSpec{URI: "esx://host"}}
	w.Expect(environment.Client.Create(t.Context(), host)).To(MatchError(ContainSubstring("spec.uri")), "webhooks are served")
	template := &infrav1.LibvirtMachineTemplate{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "workers"}}
	template.Spec.Template.Spec = infrav1.LibvirtMachineSpec{
		VCPUs: 2, Memory: resource.MustParse("3Gi"), Image: infrav1.Image{Volume: "altcos.qcow2"},
	}
	w.Expect(environment.Client.Create(t.Context(), template)).To(Succeed())
	w.Eventually(func() corev1.ResourceList {
		w.Expect(environment.Client.Get(t.Context(), client.ObjectKeyFromObject(template), template)).To(Succeed())
		return template.Status.Capacity
	}, patience, poll).ShouldNot(BeEmpty(), "the leader works")

	w.Expect(w.status("https://" + metrics + "/metrics")()).To(Equal(http.StatusUnauthorized))
	code, body := w.get("https://"+metrics+"/metrics", w.token())
	w.Expect(code).To(Equal(http.StatusOK), body)
	w.Expect(body).To(ContainSubstring(`leader_election_master_status{name="` + leaseName + `"} 1`))
	for _, name := range []string{"libvirthost", "libvirtcluster", "libvirtmachine", "libvirtmachinetemplate", "altcosbootstrapconfig"} {
		w.Expect(body).To(ContainSubstring(`controller_runtime_max_concurrent_reconciles{controller="` + name + `"} 10`))
	}
	w.Expect(end()).To(Succeed())
	w.Expect(w.leader()).To(BeEmpty(), "the next one need not wait for the lease to run out")
}

func TestRun_refusesWhatItCannotDo(t *testing.T) {
	w := &world{WithT: NewWithT(t), t: t}
	w.Expect(w.run("--controllers=network", "--concurrency=0", "--rpc-timeout=1ms")()).To(MatchError(And(
		ContainSubstring("--controllers"), ContainSubstring("--concurrency"), ContainSubstring("--rpc-timeout"))))
}

// A pod whose volume is fuller than its limit is evicted, and the downloads with it.
func TestOptions_imageCacheFitsIntoItsVolume(t *testing.T) {
	sources, err := manifest.Find(t.Context())
	assert.NoError(t, err)
	objects, err := manifest.Read(filepath.Join(sources.Own.Dir, "manager", "manager.yaml"))
	if err != nil || len(objects) != 1 {
		t.Fatalf("%d objects, %v", len(objects), err)
	}
	deployment := &appsv1.Deployment{}
	assert.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructured(objects[0].Object, deployment))
	options := &manager.Options{}
	options.AddFlags(pflag.NewFlagSet("manager", pflag.ContinueOnError))
	pod := deployment.Spec.Template.Spec
	mount := slices.IndexFunc(pod.Containers[0].VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == options.ImageCacheDir })
	if mount < 0 {
		t.Fatalf("no volume is mounted at %s", options.ImageCacheDir)
	}
	name := pod.Containers[0].VolumeMounts[mount].Name
	volume := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == name })
	if limit := pod.Volumes[volume].EmptyDir.SizeLimit.Value(); limit <= options.ImageCacheBytes {
		t.Errorf("the volume holds %d bytes, the cache takes %d", limit, options.ImageCacheBytes)
	}
}
