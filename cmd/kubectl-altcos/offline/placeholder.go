// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/cmd/kubectl-altcos/offline/objects"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
)

// placeholder returns a cloud-config like the kubeadm bootstrap provider's, without secrets: kubeadm init when networks of
// pods are given, as for a control plane, kubeadm join otherwise.
func placeholder(pods []string) ([]byte, error) {
	const group = "kubeadm.k8s.io/v1beta4"
	type object = map[string]any
	action, file, kind := "join", "/run/kubeadm/kubeadm-join-config.yaml", "JoinConfiguration"
	var documents []object
	if len(pods) > 0 {
		action, file, kind = "init", "/run/kubeadm/kubeadm.yaml", "InitConfiguration"
		documents = append(documents, object{
			"apiVersion": group, "kind": "ClusterConfiguration", "networking": object{"podSubnet": strings.Join(pods, ",")},
		})
	}
	documents = append(documents, object{
		"apiVersion": group, "kind": kind, "nodeRegistration": object{"name": "{{ ds.meta_data.local_hostname }}"},
	})
	content := "# a placeholder: the kubeadm bootstrap provider writes this file\n"
	for _, d := range documents {
		text, err := yaml.Marshal(d)
		if err != nil {
			return nil, fmt.Errorf("write placeholder: %w", err)
		}
		content += "---\n" + string(text)
	}
	text, err := yaml.Marshal(object{
		"write_files": []object{{"path": file, "owner": "root:root", "permissions": "0640", "content": content}},
		"runcmd":      []string{"kubeadm " + action + " --config " + file + "  && echo success > /run/cluster-api/bootstrap-success.complete"},
	})
	return append([]byte("## template: jinja\n#cloud-config\n"), text...), err
}

// putImage creates the volume of a machine's image in every pool of a host where it may be looked for.
func putImage(host *fakevirt.Host, lm *infrav1.LibvirtMachine) error {
	if lm.Spec.Image.Volume == "" {
		return nil
	}
	for _, pool := range []string{lm.Spec.StoragePool, inventory.DefaultStoragePool} {
		if pool == "" {
			continue
		}
		ref := virt.VolumeRef{Pool: pool, Name: lm.Spec.Image.Volume}
		if err := host.PutVolume(ref, virt.VolumeQCOW2, emptyImage()); err != nil {
			return err
		}
	}
	return nil
}

// flannelPods is the network of pods in flannel's manifest.
const flannelPods = "10.244.0.0/16"

// podSubnets returns the networks of pods that the kubeadm bootstrap provider would take from the Cluster.
func podSubnets(set *objects.Set, namespace, cluster string) []string {
	c, ok := objects.Named[*clusterv1.Cluster](set, namespace, cluster)
	if ok && len(c.Spec.ClusterNetwork.Pods.CIDRBlocks) > 0 {
		return c.Spec.ClusterNetwork.Pods.CIDRBlocks
	}
	set.Warnf("Cluster %q: spec.clusterNetwork.pods.cidrBlocks is empty: %s is used as a placeholder; flannel needs it", cluster, flannelPods)
	return []string{flannelPods}
}
