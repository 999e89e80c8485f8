// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/binaries"
)

// rootFiles are copied over the base. They belong to root; mode is their permissions.
//
//go:embed all:rootfs
var rootFiles embed.FS

// parts are the products that a disk is put together from.
type parts struct {
	base, initramfs, containers string
	programs                    programs
}

// assemble builds the root file system of the guest in root.
func (p parts) assemble(ctx context.Context, root string) error {
	if err := unpack(ctx, p.base, root); err != nil {
		return err
	}
	if err := copyRootFiles(root); err != nil {
		return err
	}
	if err := p.installPrograms(root); err != nil {
		return err
	}
	if err := p.installContainers(ctx, root); err != nil {
		return err
	}
	if err := p.installBoot(root); err != nil {
		return err
	}
	// What no preset names is off: Debian's packages enable a dozen timers and services that ALT does not have.
	if err := run(ctx, "chroot", root, "systemctl", "preset-all"); err != nil {
		return err
	}
	for name, content := range map[string]string{
		// Newer than /usr, or the first boot rebuilds caches.
		"etc/.updated": "", "var/.updated": "",
		// An empty file would not be a first boot: presets, and so what Ignition enables, would be ignored.
		"etc/machine-id": "uninitialized\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// mode returns the permissions of a file of rootfs.
func mode(name string) os.FileMode {
	switch {
	case strings.HasPrefix(name, "usr/bin/"), strings.HasPrefix(name, "usr/libexec/"):
		return 0o755
	case strings.HasPrefix(name, "etc/sudoers.d/"):
		return 0o440
	default:
		return 0o644
	}
}

func copyRootFiles(root string) error {
	files, err := fs.Sub(rootFiles, "rootfs")
	if err != nil {
		return fmt.Errorf("open embedded files: %w", err)
	}
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(root, name)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		if err := os.RemoveAll(target); err != nil { // it may be a link that leads out of root
			return err
		}
		if err := os.WriteFile(target, content, mode(name)); err != nil {
			return err
		}
		return os.Chmod(target, mode(name))
	})
	if err != nil {
		return fmt.Errorf("copy files into the guest: %w", err)
	}
	return nil
}

// embeddedKey lists the files of rootfs with their contents.
func embeddedKey() ([]string, error) {
	var key []string
	err := fs.WalkDir(rootFiles, "rootfs", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := rootFiles.ReadFile(name)
		key = append(key, name, string(content))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read embedded files: %w", err)
	}
	return key, nil
}

func (p parts) installPrograms(root string) error {
	for dir, names := range map[string][]string{
		p.programs.kubernetes: {"kubeadm", "kubectl", "kubelet"},
		p.programs.runtime:    {"crio", "pinns"},
	} {
		for _, name := range names {
			if err := copyFile(filepath.Join(dir, name), filepath.Join(root, "usr/bin", name), 0o755); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p parts) installContainers(ctx context.Context, root string) error {
	if err := unpack(ctx, filepath.Join(p.containers, "store.tar"), filepath.Join(root, "usr/share/containers/storage")); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(p.containers, "archives", "*"))
	if err != nil {
		return fmt.Errorf("list image archives: %w", err)
	}
	target := filepath.Join(root, "usr/dockerImages")
	if err := os.MkdirAll(target, 0o755); err != nil {
		return fmt.Errorf("create directory of image archives: %w", err)
	}
	for _, path := range archives {
		if err := copyFile(path, filepath.Join(target, filepath.Base(path)), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (p parts) installBoot(root string) error {
	boot := filepath.Join(root, "boot")
	for _, name := range []string{"initramfs", kernelName} {
		if err := copyFile(filepath.Join(filepath.Dir(p.initramfs), name), filepath.Join(boot, name), 0o644); err != nil {
			return err
		}
	}
	packaged, err := filepath.Glob(filepath.Join(boot, kernelName+"-*"))
	if err != nil {
		return fmt.Errorf("find the packaged kernel: %w", err)
	}
	for _, path := range packaged {
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("remove the packaged kernel: %w", err)
		}
	}
	menu, err := file("grub.cfg")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(boot, "grub"), 0o755); err != nil {
		return fmt.Errorf("create GRUB's directory: %w", err)
	}
	for path, content := range map[string]string{
		"boot/grub/grub.cfg": menu, "boot/ignition.firstboot": "", "etc/kubernetes-version": binaries.KubernetesVersion + "\n",
	} {
		if err := os.WriteFile(filepath.Join(root, path), []byte(content), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	return nil
}

func copyFile(source, target string, mode os.FileMode) error {
	input, err := os.Open(source)
	if err != nil {
		return fmt.Errorf("copy file: %w", err)
	}
	defer input.Close()
	output, err := os.OpenFile(target, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return fmt.Errorf("copy file: %w", err)
	}
	if _, err := io.Copy(output, input); err != nil {
		_ = output.Close()
		return fmt.Errorf("copy file: %w", err)
	}
	if err := output.Close(); err != nil {
		return fmt.Errorf("copy file: %w", err)
	}
	return nil
}
