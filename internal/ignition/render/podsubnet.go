// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// kubeadmInitConfig is the file that CABPK gives to kubeadm init.
const kubeadmInitConfig = "/run/kubeadm/kubeadm.yaml"

const podSubnetField = "ClusterConfiguration.networking.podSubnet"

// podSubnets returns the networks of pods that kubeadm init is told: one, or one of each family. kubeadm has no default:
// without them no node gets a range, and flannel never starts.
func podSubnets(cfg *cloudconfig.Config) ([]netip.Prefix, error) {
	var text string
	for _, f := range cfg.WriteFiles {
		if f.Path == kubeadmInitConfig && !f.Append {
			found, err := podSubnetOf(f.Content)
			if err != nil {
				return nil, err
			}
			text = found
		}
	}
	if strings.TrimSpace(text) == "" {
		return nil, problem.Newf(podSubnetField, "flannel needs it: set spec.clusterNetwork.pods.cidrBlocks of the Cluster, or another networkPlugin in the profile")
	}
	var out []netip.Prefix
	for _, part := range strings.Split(text, ",") {
		prefix, err := netip.ParsePrefix(strings.TrimSpace(part))
		if err != nil || prefix.Addr().Is4In6() || len(out) > 1 || len(out) == 1 && out[0].Addr().Is4() == prefix.Addr().Is4() {
			return nil, problem.Newf(podSubnetField, "must be one address range for flannel, or one of each family")
		}
		out = append(out, prefix)
	}
	return out, nil
}

func podSubnetOf(content []byte) (string, error) {
	text := ""
	for dec := yaml.NewDecoder(bytes.NewReader(content)); ; {
		var doc struct {
			Kind       string `yaml:"kind"`
			Networking struct {
				PodSubnet string `yaml:"podSubnet"`
			} `yaml:"networking"`
		}
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return text, nil
		}
		if err != nil { // its text may repeat values
			return "", problem.Newf(podSubnetField, "cannot be read from kubeadm's configuration")
		}
		if doc.Kind == "ClusterConfiguration" {
			text = doc.Networking.PodSubnet
		}
	}
}
