// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package firstboot

import (
	"fmt"
	"os"
	"path/filepath"
)

// IDs of the one account of NewRoot that is not root's; groups have the user's number.
const (
	altcosID = 1000
	wheelID  = 10
	dockerID = 990
)

// NewRoot fills an empty directory with what an ALT Container OS image has where a config writes: links into /var,
// accounts, and files that are in the way.
func NewRoot(dir string) error {
	for link, target := range map[string]string{
		"home": "var/home", "opt": "var/opt", "srv": "var/srv", "mnt": "var/mnt", "root": "var/roothome",
		"usr/local": "../var/usrlocal", "usr/libexec/kubernetes": "../../var/libexec/kubernetes",
	} {
		path := filepath.Join(dir, link)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("create root: %w", err)
		}
		if err := os.MkdirAll(filepath.Join(filepath.Dir(path), target), 0o755); err != nil {
			return fmt.Errorf("create root: %w", err)
		}
		if err := os.Symlink(target, path); err != nil {
			return fmt.Errorf("create root: %w", err)
		}
	}
	for name, text := range map[string]string{
		"etc/passwd":                           fmt.Sprintf("root:x:0:0::/root:/bin/sh\naltcos:x:%d:%d::/var/home/altcos:/bin/bash\n", altcosID, altcosID),
		"etc/group":                            fmt.Sprintf("root:x:0:\naltcos:x:%d:\nwheel:x:%d:altcos\ndocker:x:%d:altcos\n", altcosID, wheelID, dockerID),
		"etc/hosts":                            "127.0.0.1 localhost", // without a line break, as images had it
		"etc/hostname":                         "localhost\n",
		"etc/systemd/network/20-wired.network": "[Match]\nName=eth0\n\n[Network]\nDHCP=yes\n",
		"etc/systemd/system/kubelet.service.d/kubeadm.conf": "[Service]\nExecStart=\nExecStart=/usr/bin/kubelet --network-plugin=cni\n",
		"etc/docker/daemon.json":                            "{}\n",
		"etc/containers/storage.conf":                       "[storage]\ndriver = \"overlay\"\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("create root: %w", err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return fmt.Errorf("create root: %w", err)
		}
	}
	return nil
}
