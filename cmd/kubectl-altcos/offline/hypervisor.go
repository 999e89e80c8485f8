// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/altcos/cluster-api-provider-altcos/internal/async"
	"github.com/altcos/cluster-api-provider-altcos/internal/imagecache"
	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt/domainxml"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer/rollout"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
)

const (
	// plenty is the capacity of each host in memory: only real hosts can tell whether machines fit.
	plenty = int64(1) << 50
	// imageCapacity of images in memory is smaller than every root disk.
	imageCapacity = int64(1) << 20
)

// emptyImage is the header of a qcow2 file.
func emptyImage() []byte {
	header := make([]byte, 512)
	copy(header, "QFI\xfb\x00\x00\x00\x03")
	header[23] = 16 // cluster bits
	for i := range 8 {
		header[24+i] = byte(imageCapacity >> (56 - 8*i))
	}
	return header
}

// images has every image on every host.
type images struct{ cloud *cloud }

func (i images) Lookup(ctx context.Context, volumes virt.Volumes, request imagecache.Request) (virt.Volume, error) {
	ref := virt.VolumeRef{Pool: request.Pool, Name: "altcos-image-" + request.SHA256[:min(12, len(request.SHA256))] + ".qcow2"}
	if err := i.cloud.hosts[request.Host].PutVolume(ref, virt.VolumeQCOW2, emptyImage()); err != nil {
		return virt.Volume{}, fmt.Errorf("look up image: %w", err)
	}
	return volumes.Volume(ctx, ref)
}

func (i images) Ensure(ctx context.Context, volumes virt.Volumes, request imagecache.Request) (virt.Volume, error) {
	return i.Lookup(ctx, volumes, request)
}

// tasks runs at once what the manager runs in the background.
type tasks struct{}

func (tasks) Do(task async.Task) async.State {
	if err := task.Run(context.Background(), func(async.Progress) {}); err != nil {
		return async.State{Phase: async.Failed, Err: err}
	}
	return async.State{Phase: async.Succeeded}
}

func (tasks) Leave(types.NamespacedName) bool   { return false }
func (tasks) Events() <-chan event.GenericEvent { return nil }

// cloud is the hosts in memory, with the machines that booted on them.
type cloud struct {
	*fakevirt.Cloud
	hosts map[string]*fakevirt.Host
	// boots are the machines that were started, by UUID.
	boots map[string]fakevirt.Boot
}

func newCloud() *cloud {
	c := &cloud{Cloud: fakevirt.NewCloud(), hosts: map[string]*fakevirt.Host{}, boots: map[string]fakevirt.Boot{}}
	c.OnBoot(func(b fakevirt.Boot) { c.boots[b.Spec.UUID] = b })
	return c
}

func (c *cloud) addHost(name string, bridges, pools []string) {
	options := []fakevirt.HostOption{fakevirt.WithCPUs(1 << 20), fakevirt.WithMemory(plenty)}
	for _, bridge := range bridges {
		options = append(options, fakevirt.WithInterface(bridge, true))
	}
	for _, pool := range pools {
		options = append(options, fakevirt.WithPool(pool, plenty))
	}
	c.hosts[name] = c.AddHost(name, options...)
}

// domainXML returns the definition that a host would get, with the machine type given, which otherwise the host chooses.
func domainXML(boot fakevirt.Boot, accelerator virt.Accelerator, machineType string) (string, error) {
	resolved := domainxml.Resolved{Accelerator: accelerator, Machine: machineType}
	file := func(ref virt.VolumeRef) domainxml.DiskFile {
		for _, v := range boot.Host.Volumes(ref.Pool) {
			if v.Name == ref.Name {
				return domainxml.DiskFile{Path: v.Path, Format: v.Format}
			}
		}
		return domainxml.DiskFile{}
	}
	for _, disk := range boot.Spec.Disks {
		resolved.Disks = append(resolved.Disks, file(disk.Volume))
	}
	if boot.Spec.FirmwareConfig != nil {
		resolved.FirmwareConfigPath = file(*boot.Spec.FirmwareConfig).Path
	}
	domain, err := domainxml.Build(boot.Spec, resolved)
	if err != nil {
		return "", err
	}
	return domainxml.Marshal(domain)
}

// balancer records the load balancer of each cluster.
type balancer struct {
	// trees of the last call for a cluster, by the cluster's name and the host's.
	trees map[string]map[string]loadbalancer.Tree
}

func newBalancer() *balancer {
	return &balancer{trees: map[string]map[string]loadbalancer.Tree{}}
}

func (b *balancer) Ensure(_ context.Context, cluster loadbalancer.Cluster, hosts []rollout.Host) (rollout.Report, error) {
	trees, err := rollout.Trees(loadbalancer.DefaultLayout(), cluster, hosts)
	if err != nil {
		return rollout.Report{}, err
	}
	report := rollout.Report{Holder: hosts[0].Name}
	b.trees[cluster.Name] = map[string]loadbalancer.Tree{}
	for i, host := range hosts {
		b.trees[cluster.Name][host.Name] = trees[i]
		report.Hosts = append(report.Hosts, rollout.HostReport{Name: host.Name})
	}
	return report, nil
}

func (b *balancer) Release(context.Context, loadbalancer.Cluster, []rollout.Host) error {
	return nil
}
