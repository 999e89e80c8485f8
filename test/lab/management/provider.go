// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package management

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/manifest"
)

// Provider is a manager in the manner of Cluster API: it takes --kubeconfig, --webhook-port, --webhook-cert-dir,
// --diagnostics-address and --health-addr.
type Provider struct {
	// Name names the process, its log, its user and its webhook configurations.
	Name string
	// Argv is the program and the arguments of its own, which win over those that StartProvider gives.
	Argv []string
	// Source has its CRDs and webhooks.
	Source manifest.Source
	// Restricted gives its user the roles of Source and nothing else, instead of everything.
	Restricted bool
	// HealthFlag replaces --health-addr.
	HealthFlag string
}

// OwnSource is where this repository keeps its manifests.
func (c *Cluster) OwnSource() manifest.Source { return c.sources.Own }

func (c *Cluster) startProviders(ctx context.Context) error {
	const gates = "--feature-gates=ClusterTopology=true"
	dir := c.options.Binaries.ClusterAPI
	providers := []Provider{
		{Name: "cluster-api-core", Source: c.sources.Core, Argv: []string{filepath.Join(dir, "cluster-api-core"), gates}},
		{Name: "cluster-api-bootstrap-kubeadm", Source: c.sources.Bootstrap,
			Argv: []string{filepath.Join(dir, "cluster-api-bootstrap-kubeadm"), gates}},
		{Name: "cluster-api-control-plane-kubeadm", Source: c.sources.ControlPlane,
			Argv: []string{filepath.Join(dir, "cluster-api-control-plane-kubeadm"), gates}},
		{Name: "cluster-api-ipam-in-cluster", Source: c.sources.IPAM, HealthFlag: "--health-probe-bind-address",
			Argv: []string{filepath.Join(c.options.Binaries.IPAM, "cluster-api-ipam-in-cluster")}},
	}
	if ttl := c.options.BootstrapTokenTTL; ttl != 0 {
		providers[1].Argv = append(providers[1].Argv, "--bootstrap-token-ttl="+ttl.String())
	}
	// Managers watch one another's kinds: all of them first.
	var definitions []string
	for _, provider := range providers {
		definitions = append(definitions, provider.Source.CRDs())
	}
	if err := c.InstallCRDs(ctx, definitions...); err != nil {
		return err
	}
	for index := range providers { // ports are given one at a time
		if err := c.givePorts(ctx, providers[index].Name); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, provider := range providers {
		group.Go(func() error { return c.runProvider(ctx, provider) })
	}
	return group.Wait()
}

// StartProvider installs the provider's CRDs and webhooks and returns when its manager is ready.
func (c *Cluster) StartProvider(ctx context.Context, provider Provider) error {
	if err := c.InstallCRDs(ctx, provider.Source.CRDs()); err != nil {
		return fmt.Errorf("start provider %s: %w", provider.Name, err)
	}
	if err := c.givePorts(ctx, provider.Name); err != nil {
		return fmt.Errorf("start provider %s: %w", provider.Name, err)
	}
	if err := c.runProvider(ctx, provider); err != nil {
		return fmt.Errorf("start provider %s: %w", provider.Name, err)
	}
	return nil
}

func (c *Cluster) givePorts(ctx context.Context, name string) error {
	for _, purpose := range []string{"-webhook", "-health"} {
		if _, err := c.ports.of(ctx, name+purpose); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) runProvider(ctx context.Context, provider Provider) error {
	webhookPort, healthPort := c.ports.byName[provider.Name+"-webhook"], c.ports.byName[provider.Name+"-health"]
	certificates, err := c.webhookCertificates(provider.Name)
	if err != nil {
		return err
	}
	kubeconfig := c.kubeconfigOf(provider.Name)
	if err := c.trust.kubeconfig(kubeconfig, c.apiURL, provider.Name); err != nil {
		return err
	}
	if err := c.grant(ctx, provider); err != nil {
		return err
	}
	healthFlag := provider.HealthFlag
	if healthFlag == "" {
		healthFlag = "--health-addr"
	}
	asked := httpHealth(&http.Client{Transport: &http.Transport{DialContext: c.network.DialContext, DisableKeepAlives: true}},
		"http://"+c.address(healthPort)+"/readyz")
	err = c.supervisor.ensure(ctx, server{
		name: provider.Name, stage: stageClient,
		argv: slices.Concat(provider.Argv[:1], []string{
			"--kubeconfig=" + kubeconfig, "--webhook-port=" + strconv.Itoa(webhookPort), "--webhook-cert-dir=" + certificates,
			healthFlag + "=" + c.address(healthPort), "--diagnostics-address=0",
		}, provider.Argv[1:]),
		healthy: func(ctx context.Context) error {
			if err := asked(ctx); err != nil {
				return err
			}
			return listens(ctx, c.network, c.address(webhookPort))
		},
	})
	if err != nil {
		return err
	}
	return c.installWebhooks(ctx, provider, c.address(webhookPort))
}

// webhookCertificates returns a directory with tls.crt and tls.key.
func (c *Cluster) webhookCertificates(name string) (string, error) {
	files, err := c.trust.webhook.serving(name, c.options.BindAddress)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(c.options.Dir, "webhook", name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("create directory of webhook certificates: %w", err)
	}
	for from, to := range map[string]string{files.certificate: "tls.crt", files.key: "tls.key"} {
		content, err := os.ReadFile(from)
		if err == nil {
			err = writeFile(filepath.Join(dir, to), content)
		}
		if err != nil {
			return "", fmt.Errorf("copy webhook certificate: %w", err)
		}
	}
	return dir, nil
}

// grant gives the provider's user its roles.
func (c *Cluster) grant(ctx context.Context, provider Provider) error {
	if !provider.Restricted {
		return c.Apply(ctx, provider.binding("cluster-admin"))
	}
	for index, path := range provider.Source.ClusterRoles() {
		objects, err := manifest.Read(path)
		if err != nil {
			return err
		}
		for _, role := range objects {
			role.SetName("lab-" + provider.Name + "-" + strconv.Itoa(index))
			if err := c.Apply(ctx, role); err != nil {
				return err
			}
			if err := c.Apply(ctx, provider.binding(role.GetName())); err != nil {
				return err
			}
		}
	}
	return nil
}

// binding carries the role in its name, because the role of a binding cannot change.
func (p Provider) binding(role string) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRoleBinding"},
		ObjectMeta: metav1.ObjectMeta{Name: "lab-" + p.Name + "-" + role},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: p.Name}},
	}
}

func (c *Cluster) installWebhooks(ctx context.Context, provider Provider, address string) error {
	for _, path := range provider.Source.Webhooks() {
		configurations, err := manifest.Webhooks(path, provider.Name, address, c.trust.webhook.pem)
		if err != nil {
			return err
		}
		for _, configuration := range configurations {
			if err := c.Apply(ctx, configuration); err != nil {
				return err
			}
		}
	}
	return nil
}
