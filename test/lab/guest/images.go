// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/binaries"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/guest/archive"
)

// Images of the network plug-in, as the guest's kube-flannel.yml names them.
const (
	flannelImage       = "ghcr.io/flannel-io/flannel:" + binaries.FlannelVersion
	flannelPluginImage = "ghcr.io/flannel-io/flannel-cni-plugin:v0.9.1"
)

// programs are the directories of the sets that go into the guest or its images.
type programs struct {
	kubernetes, etcd, coreDNS, flannel, runtime string
}

func ensurePrograms(ctx context.Context, store *artifact.Store) (programs, error) {
	var p programs
	for _, item := range []struct {
		set binaries.Set
		dir *string
	}{
		{binaries.Kubernetes, &p.kubernetes},
		{binaries.Etcd, &p.etcd},
		{binaries.CoreDNS, &p.coreDNS},
		{binaries.Flannel, &p.flannel},
		{binaries.Runtime, &p.runtime},
	} {
		dir, err := binaries.Ensure(ctx, store, item.set)
		if err != nil {
			return programs{}, err
		}
		*item.dir = dir
	}
	return p, nil
}

// images lists what kubeadm and the network plug-in start.
func images(p programs, pause string, tools archive.Layer) []archive.Image {
	kubernetes := func(image, program string, below ...archive.Layer) archive.Image {
		layer := archive.Layer{{Name: "usr/local/bin/" + program, Source: filepath.Join(p.kubernetes, program)}}
		return archive.Image{Name: image, Layers: append(below, layer)}
	}
	return []archive.Image{
		kubernetes(binaries.KubeAPIServerImage, "kube-apiserver"),
		kubernetes(binaries.KubeControllerManagerImage, "kube-controller-manager"),
		kubernetes(binaries.KubeSchedulerImage, "kube-scheduler"),
		kubernetes(binaries.KubeProxyImage, "kube-proxy", tools),
		{Name: binaries.EtcdImage, Layers: []archive.Layer{{
			{Name: "usr/local/bin/etcd", Source: filepath.Join(p.etcd, "etcd")},
			{Name: "usr/local/bin/etcdctl", Source: filepath.Join(p.etcd, "etcdctl")},
		}}},
		{Name: binaries.CoreDNSImage, Entrypoint: []string{"/coredns"}, Layers: []archive.Layer{{
			{Name: "coredns", Source: filepath.Join(p.coreDNS, "coredns")},
		}}},
		{Name: binaries.PauseImage, Entrypoint: []string{"/pause"}, Layers: []archive.Layer{{
			{Name: "pause", Source: pause},
		}}},
		{Name: flannelImage, Entrypoint: []string{"/opt/bin/flanneld"}, Layers: []archive.Layer{tools, {
			{Name: "opt/bin/flanneld", Source: filepath.Join(p.flannel, "flanneld")},
		}}},
		{Name: flannelPluginImage, Layers: []archive.Layer{tools, {
			{Name: "flannel", Source: filepath.Join(p.flannel, "flannel")},
		}}},
	}
}

// ensureImages writes one docker-archive per image, named by archiveName.
func ensureImages(ctx context.Context, store *artifact.Store, p programs) (string, error) {
	root, err := ensureTools(ctx, store)
	if err != nil {
		return "", err
	}
	tools, err := archive.Tree(root)
	if err != nil {
		return "", err
	}
	pauseSource, err := file("pause.c")
	if err != nil {
		return "", err
	}
	key := artifact.Key{"1", root, p.kubernetes, p.etcd, p.coreDNS, p.flannel, pauseSource, flannelImage, flannelPluginImage}
	return store.Ensure(ctx, "guest-images", key, func(ctx context.Context, dir string) error {
		work, err := os.MkdirTemp("", "pause")
		if err != nil {
			return fmt.Errorf("create work directory: %w", err)
		}
		defer os.RemoveAll(work)
		source, err := writeScript(work, "pause.c")
		if err != nil {
			return err
		}
		pause := filepath.Join(work, "pause")
		if err := run(ctx, "gcc", "-Os", "-s", "-static", "-Wall", "-Werror", "-o", pause, source); err != nil {
			return err
		}
		for _, image := range images(p, pause, tools) {
			if err := writeImage(filepath.Join(dir, archiveName(image.Name)), image); err != nil {
				return err
			}
		}
		return nil
	})
}

func writeImage(path string, image archive.Image) error {
	output, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("create image archive: %w", err)
	}
	if err := image.Write(output); err != nil {
		_ = output.Close()
		return err
	}
	return output.Close()
}
