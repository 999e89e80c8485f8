// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package management

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
)

// startStore runs etcd, which only kube-apiserver may ask.
func (c *Cluster) startStore(ctx context.Context) error {
	clientPort, err := c.ports.of(ctx, "etcd")
	if err != nil {
		return err
	}
	peerPort, err := c.ports.of(ctx, "etcd-peer")
	if err != nil {
		return err
	}
	c.storeURL = c.url(clientPort)
	client, err := httpClient(c.network, c.trust.store, &c.trust.storeClient)
	if err != nil {
		return err
	}
	authority, files := c.trust.store.files.certificate, c.trust.storeServer
	return c.supervisor.ensure(ctx, server{
		name: "etcd", stage: stageStore, healthy: httpHealth(client, c.storeURL+"/health"),
		argv: []string{
			filepath.Join(c.options.Binaries.Etcd, "etcd"),
			"--name=lab", "--data-dir=" + filepath.Join(c.options.Dir, "etcd"),
			"--listen-client-urls=" + c.storeURL, "--advertise-client-urls=" + c.storeURL,
			"--listen-peer-urls=" + c.url(peerPort), "--initial-advertise-peer-urls=" + c.url(peerPort),
			"--initial-cluster=lab=" + c.url(peerPort),
			"--cert-file=" + files.certificate, "--key-file=" + files.key, "--trusted-ca-file=" + authority, "--client-cert-auth",
			"--peer-cert-file=" + files.certificate, "--peer-key-file=" + files.key, "--peer-trusted-ca-file=" + authority,
			"--peer-client-cert-auth",
			"--unsafe-no-fsync", // a lab that loses power is created again
		},
	})
}

func (c *Cluster) startAPIServer(ctx context.Context) error {
	port, err := c.ports.of(ctx, "kube-apiserver")
	if err != nil {
		return err
	}
	c.apiURL = c.url(port)
	if err := c.trust.kubeconfig(c.Kubeconfig(), c.apiURL, "admin", "system:masters"); err != nil {
		return err
	}
	client, err := httpClient(c.network, c.trust.cluster, nil)
	if err != nil {
		return err
	}
	t := c.trust
	return c.supervisor.ensure(ctx, server{
		name: "kube-apiserver", stage: stageServer, healthy: httpHealth(client, c.apiURL+"/readyz"),
		argv: []string{
			filepath.Join(c.options.Binaries.Kubernetes, "kube-apiserver"),
			"--bind-address=" + c.options.BindAddress, "--advertise-address=" + c.options.BindAddress,
			"--secure-port=" + strconv.Itoa(port),
			"--tls-cert-file=" + t.apiServer.certificate, "--tls-private-key-file=" + t.apiServer.key,
			"--client-ca-file=" + t.cluster.files.certificate,
			"--etcd-servers=" + c.storeURL, "--etcd-cafile=" + t.store.files.certificate,
			"--etcd-certfile=" + t.storeClient.certificate, "--etcd-keyfile=" + t.storeClient.key,
			"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=" + t.serviceAccountKey,
			"--service-account-signing-key-file=" + t.serviceAccountKey,
			"--service-cluster-ip-range=" + serviceRange, "--authorization-mode=Node,RBAC",
			"--endpoint-reconciler-type=none", // nothing in the cluster uses the service kubernetes, and loopback is refused there
		},
	})
}

// startControllers runs the controllers that matter without nodes and pods.
func (c *Cluster) startControllers(ctx context.Context) error {
	const name = "kube-controller-manager"
	port, err := c.ports.of(ctx, name)
	if err != nil {
		return err
	}
	kubeconfig := c.kubeconfigOf(name)
	if err := c.trust.kubeconfig(kubeconfig, c.apiURL, "system:"+name); err != nil {
		return err
	}
	files, err := c.trust.cluster.serving(name, c.options.BindAddress)
	if err != nil {
		return err
	}
	client, err := httpClient(c.network, c.trust.cluster, nil)
	if err != nil {
		return err
	}
	return c.supervisor.ensure(ctx, server{
		name: name, stage: stageClient, healthy: httpHealth(client, c.url(port)+"/healthz"),
		argv: []string{
			filepath.Join(c.options.Binaries.Kubernetes, name),
			"--kubeconfig=" + kubeconfig, "--authentication-kubeconfig=" + kubeconfig, "--authorization-kubeconfig=" + kubeconfig,
			"--bind-address=" + c.options.BindAddress, "--secure-port=" + strconv.Itoa(port),
			"--tls-cert-file=" + files.certificate, "--tls-private-key-file=" + files.key,
			"--service-account-private-key-file=" + c.trust.serviceAccountKey,
			"--root-ca-file=" + c.trust.cluster.files.certificate,
			"--use-service-account-credentials", "--leader-elect=false",
			"--controllers=garbage-collector-controller,namespace-controller,serviceaccount-controller," +
				"root-ca-certificate-publisher-controller,clusterrole-aggregation-controller,token-cleaner-controller",
		},
	})
}

func (c *Cluster) url(port int) string {
	return fmt.Sprintf("https://%s", c.address(port))
}
