// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"fmt"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/hostaccess"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
)

// placeholder is a cloud-config in the form of the kubeadm bootstrap provider's, without secrets: kubeadm init for a
// control plane, kubeadm join for others.
func placeholder(controlPlane bool) string {
	action, file, kind := "join", "/run/kubeadm/kubeadm-join-config.yaml", "JoinConfiguration"
	if controlPlane {
		action, file, kind = "init", "/run/kubeadm/kubeadm.yaml", "InitConfiguration"
	}
	return fmt.Sprintf(`## template: jinja
#cloud-config
write_files:
- path: %s
  owner: root:root
  permissions: '0640'
  content: |
    # a placeholder: the kubeadm bootstrap provider writes this file
    apiVersion: kubeadm.k8s.io/v1beta4
    kind: %s
    nodeRegistration:
      name: '{{ ds.meta_data.local_hostname }}'
runcmd:
- 'kubeadm %s --config %s  && echo success > /run/cluster-api/bootstrap-success.complete'
`, file, kind, action, file)
}

// putImage puts the volume that a machine's image is said to be into every pool of a host where it may look.
func putImage(host *fakevirt.Host, lm *infrav1.LibvirtMachine) error {
	if lm.Spec.Image.Volume == "" {
		return nil
	}
	for _, pool := range []string{lm.Spec.StoragePool, hostaccess.DefaultStoragePool} {
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
