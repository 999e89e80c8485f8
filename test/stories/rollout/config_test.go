// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"

	v3 "github.com/coreos/ignition/v2/config/v3_2"
	"github.com/coreos/ignition/v2/config/v3_2/types"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	ign "github.com/altcos/cluster-api-provider-altcos/internal/ignition"
)

var (
	providerIDFlag = regexp.MustCompile(`--provider-id=([^\s"]+)`)
	addressLine    = regexp.MustCompile(`(?m)^Address=([0-9.]+)/`)
)

// config is what a machine learns from its Ignition config; it has no other source.
type config struct {
	hostname, providerID, address string
	files                         map[string]string
	// init is kubeadm's ClusterConfiguration on the machine that initialises the cluster, empty on those that join.
	init string
	node nodeRegistration
	join joinConfiguration
}

type nodeRegistration struct {
	Name   string         `json:"name"`
	Taints []corev1.Taint `json:"taints"`
}

// joinConfiguration is what the story needs of kubeadm's InitConfiguration and JoinConfiguration.
type joinConfiguration struct {
	Kind             string           `json:"kind"`
	NodeRegistration nodeRegistration `json:"nodeRegistration"`
	ControlPlane     *struct{}        `json:"controlPlane"`
	Discovery        struct {
		BootstrapToken struct {
			Token             string   `json:"token"`
			APIServerEndpoint string   `json:"apiServerEndpoint"`
			CACertHashes      []string `json:"caCertHashes"`
		} `json:"bootstrapToken"`
	} `json:"discovery"`
}

// readConfig parses an Ignition config.
func readConfig(raw []byte) (*config, error) {
	parsed, report, err := v3.Parse(raw)
	if err != nil || len(report.Entries) > 0 {
		return nil, fmt.Errorf("read Ignition config: %w: %s", err, report.String())
	}
	c := &config{files: map[string]string{}}
	for _, f := range parsed.Storage.Files {
		content, err := ign.Contents(f.Contents, 1<<20)
		if err != nil {
			return nil, fmt.Errorf("read file %q: %w", f.Path, err)
		}
		c.files[f.Path] = string(content)
	}
	c.hostname = strings.TrimSpace(c.files["/etc/hostname"])
	c.providerID = firstMatch(providerIDFlag, dropins(parsed))
	for path, content := range c.files {
		if strings.HasPrefix(path, "/etc/systemd/network/") {
			c.address = firstMatch(addressLine, content)
		}
	}
	if c.hostname == "" || c.providerID == "" || c.address == "" {
		return nil, fmt.Errorf("the Ignition config gives hostname %q, provider ID %q, address %q", c.hostname, c.providerID, c.address)
	}
	return c, c.readKubeadm()
}

func dropins(parsed types.Config) string {
	var all strings.Builder
	for _, u := range parsed.Systemd.Units {
		for _, d := range u.Dropins {
			all.WriteString(*d.Contents)
		}
	}
	return all.String()
}

func firstMatch(pattern *regexp.Regexp, text string) string {
	if match := pattern.FindStringSubmatch(text); match != nil {
		return match[1]
	}
	return ""
}

// readKubeadm finds kubeadm's configuration where the bootstrap script takes it from.
func (c *config) readKubeadm() error {
	for path, content := range c.files {
		if !strings.HasSuffix(path, "-kubeadm.yaml") && !strings.HasSuffix(path, "-kubeadm-join-config.yaml") {
			continue
		}
		for document := range strings.SplitSeq(content, "\n---\n") {
			part := joinConfiguration{}
			if err := yaml.Unmarshal([]byte(document), &part); err != nil {
				return fmt.Errorf("read %s: %w", path, err)
			}
			switch part.Kind {
			case "ClusterConfiguration":
				c.init = strings.TrimPrefix(document, "---\n")
			case "InitConfiguration", "JoinConfiguration":
				c.node, c.join = part.NodeRegistration, part
			}
		}
	}
	if c.node.Name != c.hostname {
		return fmt.Errorf("kubeadm gets the name %q on host %q", c.node.Name, c.hostname)
	}
	return nil
}

func (c *config) isControlPlane() bool { return c.init != "" || c.join.ControlPlane != nil }

// authorities reads the keys with which kubeadm signs its certificates.
func (c *config) authorities() (authorities, error) {
	const pki = "/etc/kubernetes/pki/"
	cluster, err := newAuthority(c.files[pki+"ca.crt"], c.files[pki+"ca.key"])
	if err != nil {
		return authorities{}, fmt.Errorf("cluster: %w", err)
	}
	etcd, err := newAuthority(c.files[pki+"etcd/ca.crt"], c.files[pki+"etcd/ca.key"])
	if err != nil {
		return authorities{}, fmt.Errorf("etcd: %w", err)
	}
	return authorities{cluster: cluster, etcd: etcd}, nil
}

// trusts reports whether the machine would accept an API server with this authority, as kubeadm decides it.
func (c *config) trusts(cluster *authority) error {
	sum := sha256.Sum256(cluster.certificate.RawSubjectPublicKeyInfo)
	want := "sha256:" + hex.EncodeToString(sum[:])
	for _, hash := range c.join.Discovery.BootstrapToken.CACertHashes {
		if hash == want {
			return nil
		}
	}
	return errors.New("the hashes in discovery are not those of the cluster's authority")
}
