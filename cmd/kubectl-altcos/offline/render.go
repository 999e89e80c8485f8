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
	ctrl "sigs.k8s.io/controller-runtime"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/cmd/kubectl-altcos/offline/manifest"
	"github.com/altcos/cluster-api-provider-altcos/cmd/kubectl-altcos/offline/objects"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
	"github.com/altcos/cluster-api-provider-altcos/internal/manager"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
)

// Input is what is rendered.
type Input struct {
	Manifests []manifest.File
	// BootstrapData is what the kubeadm bootstrap provider would write for every machine without a Secret in the
	// manifests: a cloud-config, or an Ignition config. A placeholder without secrets when empty.
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

// Render runs the controllers on the manifests. Errors in the manifests name file, document, object and field; all are
// joined.
func Render(ctx context.Context, in Input) (Output, error) {
	out := Output{}
	ctx = ctrl.LoggerInto(ctx, logr.Discard()) // warnings and errors are clearer than logs
	scheme, err := manager.NewScheme()
	if err != nil {
		return out, err
	}
	found, err := manifest.Read(scheme, in.Manifests)
	if err != nil {
		return out, err
	}
	set, err := objects.Complete(scheme, found)
	if err == nil {
		run := newRun(scheme, set, in.BootstrapData)
		if err = run.all(ctx); err == nil {
			out.Files, err = run.files(in.MachineType)
		}
	}
	out.Warnings = set.Warnings()
	return out, err
}

// files collects what the hosts would get.
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
		xml, err := domainXML(boot, accelerator(r.objects, boot.Host.Name()), machineType)
		if err := errors.Join(render.UnknownDisks(boot.FirmwareConfig, serials(boot)), err); err != nil {
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

func accelerator(set *objects.Set, host string) virt.Accelerator {
	if h, ok := objects.Named[*infrav1.LibvirtHost](set, "", host); ok && h.Spec.Accelerator == infrav1.AcceleratorTCG {
		return virt.AcceleratorTCG
	}
	return virt.AcceleratorKVM
}
