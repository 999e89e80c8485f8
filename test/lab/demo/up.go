// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/crypto/ssh"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/binaries"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/management"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/manifest"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/segment"
)

// Up creates what is missing of the demo and returns when its cluster is ready.
func Up(ctx context.Context, options Options) error {
	running, err := Start(ctx, options)
	if err != nil {
		return err
	}
	return running.Follow(ctx, options.ControlPlanes, options.Workers)
}

// Start creates what is missing of the demo and applies its cluster, which is not ready yet when it returns.
func Start(ctx context.Context, options Options) (*Running, error) {
	l, err := open(options)
	if err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, errors.New("start the demo: only root can do that")
	}
	if err := os.MkdirAll(l.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("create state directory: %w", err)
	}
	p, err := l.prepare(ctx)
	if err != nil {
		return nil, err
	}
	if l.network, err = segment.Ensure(ctx, l.Name); err != nil {
		return nil, err
	}
	signer, privateKey, err := l.signer()
	if err != nil {
		return nil, err
	}
	l.say("hypervisor hosts %v", hostNames)
	hosts, err := l.startHosts(ctx, p, signer.PublicKey())
	if err != nil {
		return nil, err
	}
	cluster, err := l.startManagement(ctx, p)
	if err != nil {
		return nil, err
	}
	l.say("inventory: LibvirtHosts and the key to them")
	if err := registerHosts(ctx, cluster, hosts, privateKey, p.kvm); err != nil {
		return nil, err
	}
	if err := l.applyManifest(ctx, cluster, p, signer.PublicKey()); err != nil {
		return nil, err
	}
	return l.running()
}

// startManagement starts the management cluster, our manager and the server of images.
func (l *lab) startManagement(ctx context.Context, p products) (*management.Cluster, error) {
	l.say("management cluster at %s", segment.Gateway)
	cluster, err := management.Start(ctx, management.Options{
		Dir: l.managementDir(), Binaries: p.binaries, BindAddress: segment.Gateway.String(), APIServerPort: 6443,
		Network: l.network, Detached: true, Progress: func(message string) { l.say("  %s", message) },
	})
	if err != nil {
		return nil, err
	}
	for _, name := range []string{namespace, credentialsNamespace} {
		object := &corev1.Namespace{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}, ObjectMeta: metav1.ObjectMeta{Name: name}}
		if err := cluster.Apply(ctx, object); err != nil {
			return nil, err
		}
	}
	program, err := l.keepManager()
	if err != nil {
		return nil, err
	}
	err = cluster.StartProvider(ctx, management.Provider{Name: managerName, Source: cluster.OwnSource(), Restricted: true, Argv: []string{
		program, "--credentials-namespace=" + credentialsNamespace, "--image-cache-dir=" + filepath.Join(l.StateDir, "image-cache"),
	}})
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(l.imageDir(), 0o755); err != nil {
		return nil, fmt.Errorf("create image directory: %w", err)
	}
	return cluster, cluster.StartServer(ctx, management.Server{
		Name: "image-server", Address: imageAddress, Argv: []string{l.Program, "serve", imageAddress, l.imageDir()},
	})
}

// keepManager copies the manager under the name of its digest, so that a newly built one replaces the running one.
func (l *lab) keepManager() (string, error) {
	content, err := os.ReadFile(l.Manager)
	if err != nil {
		return "", fmt.Errorf("read the manager's program: %w", err)
	}
	sum := sha256.Sum256(content)
	path := filepath.Join(l.StateDir, "manager-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := copyFile(l.Manager, path, 0o755); err != nil {
		return "", fmt.Errorf("keep the manager's program: %w", err)
	}
	return path, nil
}

// Serve offers the files of a directory until the context ends.
func Serve(ctx context.Context, address, dir string) error {
	server := &http.Server{Addr: address, Handler: http.FileServer(http.Dir(dir)), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %q: %w", dir, err)
	}
	return nil
}

// applyManifest applies the one manifest that asks for the cluster.
func (l *lab) applyManifest(ctx context.Context, cluster *management.Cluster, p products, key ssh.PublicKey) error {
	path := filepath.Join(l.StateDir, "cluster.yaml")
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) || !l.clusterExists(ctx) {
		// Made once a cluster: machine templates cannot be changed, and a newer image must not trouble a cluster that runs.
		if content, err = l.generate(ctx, p, key); err == nil {
			err = os.WriteFile(path, content, 0o600)
		}
	}
	if err != nil {
		return fmt.Errorf("generate manifest: %w", err)
	}
	objects, err := manifest.Parse(content)
	if err != nil {
		return err
	}
	l.say("applying %s", path)
	for _, object := range objects {
		if err := l.adjust(object); err != nil {
			return err
		}
		if err := cluster.Apply(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

func (l *lab) clusterExists(ctx context.Context) bool {
	c, err := l.client(l.kubeconfig())
	return err == nil && !apierrors.IsNotFound(c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: clusterName}, clusterObject()))
}

// adjust sets what is not a variable of the template: the numbers of machines of this run, and the store of images that
// only the stand-in image has.
func (l *lab) adjust(object *unstructured.Unstructured) error {
	switch object.GetKind() {
	case "KubeadmControlPlane":
		return unstructured.SetNestedField(object.Object, int64(l.ControlPlanes), "spec", "replicas")
	case "MachineDeployment":
		return unstructured.SetNestedField(object.Object, int64(l.Workers), "spec", "replicas")
	case "AltcosBootstrapConfigTemplate":
		if isStandIn() {
			return unstructured.SetNestedStringSlice(object.Object, []string{"/usr/share/containers/storage"},
				"spec", "template", "spec", "containerStorage", "additionalImageStores")
		}
	}
	return nil
}

// generate has clusterctl process the template, as "clusterctl generate cluster" does.
func (l *lab) generate(ctx context.Context, p products, key ssh.PublicKey) ([]byte, error) {
	image, err := l.keepImage(p.image)
	if err != nil {
		return nil, err
	}
	root, err := binaries.Root()
	if err != nil {
		return nil, err
	}
	variables := map[string]string{
		"CLUSTER_NAME": clusterName, "NAMESPACE": namespace, "KUBERNETES_VERSION": p.image.KubernetesVersion,
		"CONTROL_PLANE_MACHINE_COUNT": fmt.Sprint(l.ControlPlanes), "WORKER_MACHINE_COUNT": fmt.Sprint(l.Workers),
		"CONTROL_PLANE_ENDPOINT_HOST": endpointHost, "NODE_ADDRESSES": nodeAddresses, "NODE_GATEWAY": segment.Gateway.String(),
		"IMAGE_URL": "http://" + imageAddress + "/" + image, "IMAGE_SHA256": p.image.SHA256,
		"CONTROL_PLANE_MEMORY": "3Gi", "WORKER_MEMORY": "2Gi", "ROOT_DISK_SIZE": "10Gi", "DATA_DISK_SIZE": "10Gi",
		"SSH_AUTHORIZED_KEY": string(ssh.MarshalAuthorizedKey(key)[:len(ssh.MarshalAuthorizedKey(key))-1]),
	}
	if isStandIn() {
		variables["CONTAINER_STORAGE_DRIVER"], variables["IMAGE_PRELOAD"] = "Overlay", "None"
	}
	if !p.kvm { // emulated machines share this machine's processors
		for name, value := range map[string]string{
			"HEALTH_CHECK_SECONDS": "1200", "API_CALL_SECONDS": "300", "BOOTSTRAP_SECONDS": "1200",
			"LEASE_DURATION": "120s", "LEASE_RENEW_DEADLINE": "100s", "LEASE_RETRY_PERIOD": "20s",
			"ETCD_HEARTBEAT_MILLISECONDS": "1000", "ETCD_ELECTION_MILLISECONDS": "10000",
			"NODE_GRACE_PERIOD": "240s", "NODE_STATUS_PERIOD": "20s", "NODE_LEASE_SECONDS": "200",
		} {
			variables[name] = value
		}
	}
	command := exec.CommandContext(ctx, filepath.Join(p.binaries.ClusterAPI, "clusterctl"),
		"generate", "yaml", "--from", filepath.Join(root, "config", "templates", "cluster-template.yaml"))
	command.Env = append(os.Environ(), "CLUSTERCTL_DISABLE_VERSIONCHECK=true")
	for name, value := range variables {
		command.Env = append(command.Env, name+"="+value)
	}
	command.Stderr = l.Out
	return command.Output()
}
