// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// Where CABPK writes kubeadm's configuration.
const (
	initConfigPath = "/run/kubeadm/kubeadm.yaml"
	joinConfigPath = "/run/kubeadm/kubeadm-join-config.yaml"
)

func isKubeadmConfig(path string) bool { return path == initConfigPath || path == joinConfigPath }

// documents reads the YAML documents of a configuration.
func documents(content []byte) ([]*yaml.Node, error) {
	var docs []*yaml.Node
	for dec := yaml.NewDecoder(bytes.NewReader(content)); ; {
		doc := &yaml.Node{}
		if err := dec.Decode(doc); errors.Is(err, io.EOF) {
			return docs, nil
		} else if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
}

// withCRISocket makes kubeadm use CRI-O unless another socket is set: the image has docker's containerd too, and kubeadm
// refuses to choose. Documents are changed as YAML nodes, so nothing else of them changes; without need, no byte does.
func withCRISocket(content []byte) ([]byte, error) {
	docs, err := documents(content)
	if err != nil {
		return nil, errors.New(problem.FromYAML(err).Error())
	}
	changed := false
	for _, doc := range docs {
		set, err := setCRISocket(doc)
		if err != nil {
			return nil, err
		}
		changed = changed || set
	}
	if !changed {
		return content, nil
	}
	var out bytes.Buffer
	for _, doc := range docs {
		out.WriteString("---\n")
		enc := yaml.NewEncoder(&out)
		enc.SetIndent(2)
		enc.CompactSeqIndent()
		if err := errors.Join(enc.Encode(doc), enc.Close()); err != nil {
			return nil, fmt.Errorf("cannot be written as YAML: %w", err)
		}
	}
	return out.Bytes(), nil
}

func setCRISocket(doc *yaml.Node) (changed bool, err error) {
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return false, nil // "---" before the first document makes none, an empty one is null
	}
	root := doc.Content[0]
	kind, version := child(root, "kind"), child(root, "apiVersion")
	if kind == nil || (kind.Value != "InitConfiguration" && kind.Value != "JoinConfiguration") {
		return false, nil
	}
	if version == nil || !strings.HasPrefix(version.Value, "kubeadm.k8s.io/") {
		return false, fmt.Errorf("%s must be of group kubeadm.k8s.io", kind.Value)
	}
	registration := child(root, "nodeRegistration")
	if registration == nil || registration.Tag == "!!null" {
		if registration == nil {
			registration = &yaml.Node{}
			root.Content = append(root.Content, scalar("nodeRegistration"), registration)
		}
		*registration = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	}
	if registration.Kind != yaml.MappingNode {
		return false, errors.New("nodeRegistration must be a mapping")
	}
	if socket := child(registration, "criSocket"); socket != nil {
		if socket.Value != "" {
			return false, nil
		}
		*socket = *scalar(altcos.CRISocket)
		return true, nil
	}
	registration.Style = 0 // "{}" would stay in flow style
	registration.Content = append(registration.Content, scalar("criSocket"), scalar(altcos.CRISocket))
	return true, nil
}

func child(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

func scalar(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }

const podSubnetField = "ClusterConfiguration.networking.podSubnet"

// PodSubnets returns the networks of pods in the configuration of kubeadm init: one, or one of each family. kubeadm has no default:
// without them no node gets a range, and flannel never starts.
func PodSubnets(cfg *cloudconfig.Config) ([]netip.Prefix, error) {
	var text string
	for _, f := range cfg.WriteFiles {
		if f.Path == initConfigPath && !f.Append {
			found, err := podSubnet(f.Content)
			if err != nil { // its text may repeat values
				return nil, problem.Newf(podSubnetField, "cannot be read from kubeadm's configuration")
			}
			text = found
		}
	}
	if strings.TrimSpace(text) == "" {
		return nil, problem.Newf(podSubnetField, "flannel needs it: set spec.clusterNetwork.pods.cidrBlocks of the Cluster, or another networkPlugin in the profile")
	}
	var out []netip.Prefix
	for part := range strings.SplitSeq(text, ",") {
		prefix, err := netip.ParsePrefix(strings.TrimSpace(part))
		if err != nil || prefix.Addr().Is4In6() || len(out) > 1 || len(out) == 1 && out[0].Addr().Is4() == prefix.Addr().Is4() {
			return nil, problem.Newf(podSubnetField, "must be one address range for flannel, or one of each family")
		}
		out = append(out, prefix)
	}
	return out, nil
}

func podSubnet(content []byte) (string, error) {
	docs, err := documents(content)
	if err != nil {
		return "", err
	}
	text := ""
	for _, doc := range docs {
		var cluster struct {
			Kind       string `yaml:"kind"`
			Networking struct {
				PodSubnet string `yaml:"podSubnet"`
			} `yaml:"networking"`
		}
		if err := doc.Decode(&cluster); err != nil {
			return "", err
		}
		if cluster.Kind == "ClusterConfiguration" {
			text = cluster.Networking.PodSubnet
		}
	}
	return text, nil
}
