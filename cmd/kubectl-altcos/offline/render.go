// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrl "sigs.k8s.io/controller-runtime"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
	"github.com/altcos/cluster-api-provider-altcos/internal/manager"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
)

// Input is what is rendered.
type Input struct {
	Manifests []Manifest
	// BootstrapData is what the kubeadm bootstrap provider would have written for every machine without a Secret of its
	// own: a cloud-config, or an Ignition config. A harmless placeholder when empty.
	BootstrapData []byte
	// MachineType of the virtual machines, with its version. Only a host knows its own.
	MachineType string
}

// File is a result.
type File struct {
	// Path is relative, with slashes.
	Path string
	// Mode is 0600 for what holds secrets.
	Mode    fs.FileMode
	Content []byte
}

// Output is what was rendered, by path.
type Output struct {
	Files    []File
	Warnings []string
}

// Render runs the controllers on the manifests. Errors of the manifests name file, document, object and field; all of
// them are joined.
func Render(ctx context.Context, in Input) (Output, error) {
	out := Output{}
	ctx = ctrl.LoggerInto(ctx, logr.Discard()) // the controllers' logs would say what warnings and errors say better
	scheme, err := manager.NewScheme()
	if err != nil {
		return out, err
	}
	decoder, err := newDecoder(scheme)
	if err != nil {
		return out, err
	}
	objects, err := decoder.all(in.Manifests)
	if err != nil {
		return out, err
	}
	warn := func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !slices.Contains(out.Warnings, text) {
			out.Warnings = append(out.Warnings, text)
		}
	}
	w := &world{scheme: scheme, objects: objects, warn: warn}
	w.ignored()
	w.unseen()
	if err := w.complete(); err != nil {
		return out, err
	}
	run := newRun(w, in.BootstrapData)
	if err := run.all(ctx); err != nil {
		return out, err
	}
	out.Files, err = run.files(in.MachineType)
	return out, err
}

// ignored warns about documents of kinds that mean nothing here.
func (w *world) ignored() {
	for _, o := range of[*unstructured.Unstructured](w) {
		if !slices.Contains([]string{"KubeadmControlPlane", "InClusterIPPool", "GlobalInClusterIPPool"}, o.GetKind()) {
			w.warn("%s %q is ignored: its kind means nothing here", o.GetKind(), o.GetName())
		}
	}
}

// files collects what the hosts were told.
func (r *run) files(machineType string) ([]File, error) {
	files, problems := r.machineFiles(machineType)
	files = append(files, r.balancerFiles()...)
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	for i := 1; i < len(files); i++ {
		if files[i].Path == files[i-1].Path {
			problems = append(problems, fmt.Errorf("two objects would be written to %s: render their namespaces one at a time", files[i].Path))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return files, nil
}

func (r *run) machineFiles(machineType string) (files []File, problems []error) {
	for _, m := range r.machines {
		boot := r.cloud.boots[m.uuid]
		problems = append(problems, missingDisks(m.name, render.UnknownDisks(boot.FirmwareConfig, serials(boot))))
		xml, err := domainXML(boot, accelerator(r.world, boot.Host.Name()), machineType)
		if err != nil {
			problems = append(problems, fmt.Errorf("LibvirtMachine %q: %w", m.name, err))
			continue
		}
		files = append(files,
			File{Path: m.name + ".ign", Mode: 0o600, Content: boot.FirmwareConfig},
			File{Path: m.name + ".xml", Mode: 0o644, Content: []byte(xml + "\n")})
	}
	return files, problems
}

func (r *run) balancerFiles() (files []File) {
	for cluster, hosts := range r.balancer.trees {
		for host, tree := range hosts {
			dir := host
			if len(r.balancer.trees) > 1 {
				dir = path.Join(host, cluster)
			}
			for _, f := range tree.Files {
				if f.Name == "haproxy.cfg" || f.Name == "keepalived.conf" {
					files = append(files, File{Path: path.Join(dir, f.Name), Mode: 0o644, Content: f.Content})
				}
			}
		}
	}
	return files
}

func serials(boot fakevirt.Boot) []string {
	var out []string
	for _, disk := range boot.Spec.Disks {
		out = append(out, disk.Serial)
	}
	return out
}

func accelerator(w *world, host string) virt.Accelerator {
	if h, ok := named[*infrav1.LibvirtHost](w, "", host); ok && h.Spec.Accelerator == infrav1.AcceleratorTCG {
		return virt.AcceleratorTCG
	}
	return virt.AcceleratorKVM
}
