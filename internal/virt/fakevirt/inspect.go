// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fakevirt

import (
	"fmt"
	"slices"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// What follows looks at the host and changes it past all faults and checks. kubectl-altcos takes Volumes and PutVolume; the
// rest is for tests.

// Domains returns all domains in order of their names.
func (h *Host) Domains() []virt.Domain {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.list()
}

// DomainSpec returns the stored definition of a domain.
func (h *Host) DomainSpec(id string) (virt.DomainSpec, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d, ok := h.domains[id]
	if !ok {
		return virt.DomainSpec{}, false
	}
	return d.spec, true
}

// Volumes returns the volumes of a pool in order of their names.
func (h *Host) Volumes(pool string) []virt.Volume {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.volumesOf(pool)
}

// Content returns what was written to a volume.
func (h *Host) Content(ref virt.VolumeRef) ([]byte, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v, ok := h.volumes[ref]
	if !ok {
		return nil, false
	}
	return slices.Clone(v.content), true
}

// Private reports whether the volume was made readable by root and the hypervisor only.
func (h *Host) Private(ref virt.VolumeRef) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	v, ok := h.volumes[ref]
	return ok && v.private
}

// Allocated sums what the domains of the host may use at most, and what the volumes take, in bytes.
func (h *Host) Allocated() (vcpus int, memory, disk int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range h.domains {
		vcpus += d.spec.VCPUs
		memory += d.spec.MemoryBytes
	}
	for _, v := range h.volumes {
		disk += v.PhysicalBytes
	}
	return vcpus, memory, disk
}

// PutDomain adds a domain that somebody else made: with a zero Owner it has none of our metadata.
func (h *Host) PutDomain(d virt.Domain) {
	h.mu.Lock()
	h.domains[d.UUID] = &domain{
		spec: virt.DomainSpec{
			UUID: d.UUID, Name: d.Name, Owner: d.Owner, VCPUs: d.VCPUs, MemoryBytes: d.MemoryBytes,
		},
		state:     d.State,
		diskPaths: slices.Clone(d.DiskPaths),
	}
	h.mu.Unlock()
	h.cloud.emit(virt.Event{Host: h.name, UUID: d.UUID})
}

// PutVolume adds or replaces a volume with content, as a person or another manager would. Format qcow2 needs content
// that looks like it.
func (h *Host) PutVolume(ref virt.VolumeRef, format virt.VolumeFormat, content []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.volumes, ref)
	v, err := h.blank(virt.VolumeSpec{VolumeRef: ref, Format: format})
	if err != nil {
		return fmt.Errorf("put volume %q: %w", ref.Name, err)
	}
	v.content = slices.Clone(content)
	v.CapacityBytes, v.PhysicalBytes, v.AllocatedBytes = int64(len(content)), int64(len(content)), int64(len(content))
	v.probe()
	h.volumes[ref] = v
	return nil
}

// DropVolume removes a volume although something may depend on it.
func (h *Host) DropVolume(ref virt.VolumeRef) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.volumes, ref)
}

// DropDomain removes a domain as a person would, without any check.
func (h *Host) DropDomain(id string) {
	h.mu.Lock()
	delete(h.domains, id)
	h.mu.Unlock()
	h.cloud.emit(virt.Event{Host: h.name, UUID: id})
}

// SetState changes the state of a domain, as its guest or a person would.
func (h *Host) SetState(id string, state virt.DomainState) {
	h.mu.Lock()
	if d, ok := h.domains[id]; ok {
		d.state = state
	}
	h.mu.Unlock()
	h.cloud.emit(virt.Event{Host: h.name, UUID: id})
}

// PowerCycle ends all guests, as a power loss of the host would.
func (h *Host) PowerCycle() {
	h.mu.Lock()
	for _, d := range h.domains {
		d.state = virt.DomainShutOff
	}
	h.mu.Unlock()
	h.cloud.emit(virt.Event{Host: h.name})
}

// SetInterface changes whether a network interface is up.
func (h *Host) SetInterface(name string, up bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.interfaces[name] = up
}

// Apply changes the host as an option of AddHost would.
func (h *Host) Apply(opts ...HostOption) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, opt := range opts {
		opt(h)
	}
}
