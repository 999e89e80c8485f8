// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/binaries"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/packages"
)

// Environment variables that put a real image in the place of the stand-in.
const (
	// ImageEnv is the path of a qcow2 image.
	ImageEnv = "ALTCOS_IMAGE"
	// KubernetesEnv is the version of Kubernetes in that image, v1.35.4 and the like.
	KubernetesEnv = "ALTCOS_IMAGE_KUBERNETES"
)

const (
	diskName   = "altcos.qcow2"
	digestName = diskName + ".sha256"
)

// Image is a disk image that hosts can start machines from.
type Image struct {
	// Path is a qcow2 file. Nobody writes to it.
	Path string
	// SHA256 of that file, in hexadecimal.
	SHA256 string
	// KubernetesVersion is the version of kubeadm and kubelet inside, with the leading v.
	KubernetesVersion string
}

// Ensure returns the image that $ALTCOS_IMAGE names or, without it, the stand-in, which is built when the store does not
// have it. Building needs root and, the first time, a quarter of an hour.
func Ensure(ctx context.Context, store *artifact.Store) (Image, error) {
	if path := os.Getenv(ImageEnv); path != "" {
		return replacement(ctx, store, path)
	}
	if err := packages.Ensure(ctx, buildPackages...); err != nil {
		return Image{}, err
	}
	p, err := ensureParts(ctx, store)
	if err != nil {
		return Image{}, err
	}
	key, err := p.key()
	if err != nil {
		return Image{}, err
	}
	dir, err := store.Ensure(ctx, "guest-disk", key, p.build)
	if err != nil {
		return Image{}, err
	}
	digest, err := readDigest(filepath.Join(dir, digestName))
	if err != nil {
		return Image{}, err
	}
	return Image{Path: filepath.Join(dir, diskName), SHA256: digest, KubernetesVersion: binaries.KubernetesVersion}, nil
}

func ensureParts(ctx context.Context, store *artifact.Store) (p parts, err error) {
	if p.base, err = ensureBase(ctx, store); err != nil {
		return parts{}, err
	}
	if p.initramfs, err = ensureInitramfs(ctx, store, p.base); err != nil {
		return parts{}, err
	}
	if p.programs, err = ensurePrograms(ctx, store); err != nil {
		return parts{}, err
	}
	images, err := ensureImages(ctx, store, p.programs)
	if err != nil {
		return parts{}, err
	}
	p.containers, err = ensureContainers(ctx, store, images)
	return p, err
}

// key covers everything that the disk depends on. Products of other stages are named after their own keys.
func (p parts) key() (artifact.Key, error) {
	menu, err := file("grub.cfg")
	if err != nil {
		return nil, err
	}
	files, err := embeddedKey()
	if err != nil {
		return nil, err
	}
	return append(artifact.Key{"1", p.base, p.initramfs, p.containers, p.programs.kubernetes, p.programs.runtime, menu}, files...), nil
}

func (p parts) build(ctx context.Context, dir string) error {
	work := filepath.Join(dir, "work")
	root := filepath.Join(work, "root")
	if err := p.assemble(ctx, root); err != nil {
		return err
	}
	disk := filepath.Join(dir, diskName)
	if err := makeDisk(ctx, root, work, disk); err != nil {
		return err
	}
	digest, err := digestFile(disk)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, digestName), []byte(digest+"  "+diskName+"\n"), 0o644); err != nil {
		return fmt.Errorf("write digest: %w", err)
	}
	return os.RemoveAll(work)
}

// replacement describes an image of the user. Its digest is computed once as long as the file does not change.
func replacement(ctx context.Context, store *artifact.Store, path string) (Image, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Image{}, fmt.Errorf("find image %q: %w", path, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return Image{}, fmt.Errorf("find image of %s: %w", ImageEnv, err)
	}
	key := artifact.Key{path, fmt.Sprint(info.Size()), info.ModTime().UTC().String()}
	dir, err := store.Ensure(ctx, "guest-replacement", key, func(_ context.Context, dir string) error {
		digest, err := digestFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, digestName), []byte(digest+"  "+filepath.Base(path)+"\n"), 0o644)
	})
	if err != nil {
		return Image{}, err
	}
	digest, err := readDigest(filepath.Join(dir, digestName))
	if err != nil {
		return Image{}, err
	}
	version := os.Getenv(KubernetesEnv)
	if version == "" {
		version = binaries.KubernetesVersion
	}
	return Image{Path: path, SHA256: digest, KubernetesVersion: version}, nil
}

func readDigest(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read digest: %w", err)
	}
	digest, _, _ := strings.Cut(string(content), " ")
	return digest, nil
}
