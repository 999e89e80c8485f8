// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/binaries"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/guest"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/hypervisor"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/management"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/packages"
)

// products are what is built once and kept in the store.
type products struct {
	store    *artifact.Store
	binaries management.Binaries
	image    guest.Image
	kvm      bool
}

// Build builds what the lab consists of and starts nothing.
func Build(ctx context.Context, options Options) error {
	l, err := open(options)
	if err != nil {
		return err
	}
	_, err = l.prepare(ctx)
	return err
}

// prepare installs packages and takes what the lab consists of from the store, building what is missing.
func (l *lab) prepare(ctx context.Context) (products, error) {
	names := []string{"iproute2", "util-linux", "ca-certificates"}
	for _, set := range binaries.Sets() {
		names = append(names, set.BuildPackages()...)
	}
	l.say("installing packages of this machine that are missing")
	if err := packages.Ensure(ctx, names...); err != nil {
		return products{}, err
	}
	store, err := artifact.Open()
	if err != nil {
		return products{}, err
	}
	store.Progress = func(message string) { l.say("  %s", message) }
	p := products{store: store}
	l.say("management cluster's programs")
	if p.binaries, err = management.EnsureBinaries(ctx, store); err != nil {
		return products{}, err
	}
	l.say("root file system of the hypervisor hosts")
	if _, err = hypervisor.Base(ctx, store); err != nil {
		return products{}, err
	}
	l.say("disk image of the machines")
	if p.image, err = guest.Ensure(ctx, store); err != nil {
		return products{}, err
	}
	if p.kvm, err = guest.ProbeKVM(ctx, store); err != nil {
		return products{}, err
	}
	l.say("machines run with %s", accelerator(p.kvm))
	if wanted := 2 * l.ControlPlanes; !p.kvm && l.ControlPlanes > 1 && runtime.NumCPU() < wanted {
		l.say("%d emulated control planes on %d processors are likely to fail: kubeadm waits two seconds for an answer of etcd; use KVM or %d processors",
			l.ControlPlanes, runtime.NumCPU(), wanted)
	}
	return p, nil
}

// keepImage puts the image below the state directory, where the store's pruning does not reach it.
func (l *lab) keepImage(image guest.Image) (name string, err error) {
	name = image.SHA256 + ".qcow2"
	target := filepath.Join(l.imageDir(), name)
	if _, err := os.Stat(target); err == nil {
		return name, nil
	}
	if err := os.MkdirAll(l.imageDir(), 0o755); err != nil {
		return "", fmt.Errorf("create image directory: %w", err)
	}
	err = os.Link(image.Path, target)
	if errors.Is(err, unix.EXDEV) {
		err = copyFile(image.Path, target, 0o644)
	}
	if err != nil {
		return "", fmt.Errorf("keep image: %w", err)
	}
	return name, nil
}

// copyFile replaces target as a whole.
func copyFile(source, target string, mode os.FileMode) error {
	input, err := os.Open(source)
	if err != nil {
		return err
	}
	defer input.Close()
	output, err := os.OpenFile(target+".partial", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(output, input)
	if err := errors.Join(err, output.Close()); err != nil {
		return err
	}
	return os.Rename(target+".partial", target)
}

// isStandIn reports whether the image is the lab's own, which has its container images in a store of their own.
func isStandIn() bool { return strings.TrimSpace(os.Getenv(guest.ImageEnv)) == "" }

func accelerator(kvm bool) string {
	if kvm {
		return "KVM"
	}
	return "TCG"
}
