// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// Where CABPK writes kubeadm's configuration.
const (
	initConfigPath = "/run/kubeadm/kubeadm.yaml"
	joinConfigPath = "/run/kubeadm/kubeadm-join-config.yaml"
)

func isKubeadmConfig(path string) bool { return path == initConfigPath || path == joinConfigPath }

// withCRISocket tells kubeadm to use CRI-O where nobody chose: the image has docker's containerd too, and kubeadm
// refuses to choose. Documents are changed as YAML nodes, so nothing else of them changes; without need, no byte does.
func withCRISocket(content []byte) ([]byte, error) {
	dec := yaml.NewDecoder(bytes.NewReader(content))
	var docs []*yaml.Node
	changed := false
	for {
		doc := &yaml.Node{}
		if err := dec.Decode(doc); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, errors.New(problem.OfYAML(err).Error())
		}
		set, err := setCRISocket(doc)
		if err != nil {
			return nil, err
		}
		changed = changed || set
		docs = append(docs, doc)
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
