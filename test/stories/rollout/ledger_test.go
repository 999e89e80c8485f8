// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
)

// act is what was done to a host, or by a machine on it.
type act string

const (
	created      act = "created"
	wrote        act = "wrote"
	deleted      act = "deleted"
	defined      act = "defined"
	started      act = "started"
	joined       act = "joined"
	unconfigured act = "unconfigured"
	removed      act = "removed"
)

// ignition is the kind of volume that holds a machine's config.
const ignition = ".ign"

// entry is one line of the ledger.
type entry struct {
	act  act
	host *fakevirt.Host
	// uuid is that of the machine, volume the rest of the volume's name.
	uuid, volume string
	content      []byte
	spec         virt.DomainSpec
	// failed means that the host refused.
	failed bool
}

// ledger is the cloud with a record of all changes that our controllers make on its hosts, in order.
type ledger struct {
	*fakevirt.Cloud
	// ended is called for every domain that was removed.
	ended func(uuid string)

	mutex   sync.Mutex
	hosts   map[string]*fakevirt.Host
	entries []entry
	looks   map[string]int
}

func newLedger() *ledger {
	return &ledger{Cloud: fakevirt.NewCloud(), hosts: map[string]*fakevirt.Host{}, looks: map[string]int{}}
}

func (l *ledger) addHost(name string) *fakevirt.Host {
	host := l.AddHost(name)
	l.hosts[name] = host
	return host
}

// Host implements virt.Connector.
func (l *ledger) Host(ctx context.Context, target virt.Target) (virt.Host, error) {
	if _, err := l.Cloud.Host(ctx, target); err != nil {
		return nil, err
	}
	return &account{Host: l.hosts[target.Name], ledger: l}, nil
}

func (l *ledger) note(e entry, err error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	e.failed = err != nil
	l.entries = append(l.entries, e)
}

// join records that a machine has become a node.
func (l *ledger) join(host *fakevirt.Host, uuid string) {
	l.note(entry{act: joined, host: host, uuid: uuid}, nil)
}

// all returns the entries so far.
func (l *ledger) all() []entry {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return slices.Clone(l.entries)
}

// looked returns how often our controllers have looked up the machine's domain.
func (l *ledger) looked(uuid string) int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.looks[uuid]
}

// account is a host whose changes are recorded.
type account struct {
	*fakevirt.Host
	ledger *ledger
}

var _ virt.Host = &account{}

// Domain implements virt.Domains.
func (a *account) Domain(ctx context.Context, uuid string) (virt.Domain, error) {
	a.ledger.mutex.Lock()
	a.ledger.looks[uuid]++
	a.ledger.mutex.Unlock()
	return a.Host.Domain(ctx, uuid)
}

// CreateVolume implements virt.Volumes.
func (a *account) CreateVolume(ctx context.Context, spec virt.VolumeSpec) (virt.Volume, error) {
	v, err := a.Host.CreateVolume(ctx, spec)
	uuid, volume := machineOf(spec.Name)
	a.ledger.note(entry{act: created, host: a.Host, uuid: uuid, volume: volume}, err)
	return v, err
}

// WriteVolume implements virt.Volumes.
func (a *account) WriteVolume(ctx context.Context, spec virt.VolumeSpec, content io.Reader, size int64) (virt.Volume, error) {
	var copied bytes.Buffer
	v, err := a.Host.WriteVolume(ctx, spec, io.TeeReader(content, &copied), size)
	uuid, volume := machineOf(spec.Name)
	a.ledger.note(entry{act: wrote, host: a.Host, uuid: uuid, volume: volume, content: copied.Bytes()}, err)
	return v, err
}

// DeleteVolume implements virt.Volumes. Deleting an absent one is not a change.
func (a *account) DeleteVolume(ctx context.Context, ref virt.VolumeRef) error {
	_, there := a.Content(ref)
	err := a.Host.DeleteVolume(ctx, ref)
	if there {
		uuid, volume := machineOf(ref.Name)
		a.ledger.note(entry{act: deleted, host: a.Host, uuid: uuid, volume: volume}, err)
	}
	return err
}

// DefineDomain implements virt.Domains.
func (a *account) DefineDomain(ctx context.Context, spec virt.DomainSpec) (virt.Domain, error) {
	d, err := a.Host.DefineDomain(ctx, spec)
	a.ledger.note(entry{act: defined, host: a.Host, uuid: spec.UUID, spec: spec}, err)
	return d, err
}

// StartDomain implements virt.Domains.
func (a *account) StartDomain(ctx context.Context, uuid string, owner virt.Owner) error {
	err := a.Host.StartDomain(ctx, uuid, owner)
	a.ledger.note(entry{act: started, host: a.Host, uuid: uuid}, err)
	return err
}

// RemoveFirmwareConfig implements virt.Domains.
func (a *account) RemoveFirmwareConfig(ctx context.Context, uuid string, owner virt.Owner) error {
	err := a.Host.RemoveFirmwareConfig(ctx, uuid, owner)
	a.ledger.note(entry{act: unconfigured, host: a.Host, uuid: uuid}, err)
	return err
}

// RemoveDomain implements virt.Domains. Removing an absent one is not a change.
func (a *account) RemoveDomain(ctx context.Context, uuid string, owner virt.Owner) error {
	_, there := a.DomainSpec(uuid)
	err := a.Host.RemoveDomain(ctx, uuid, owner)
	if !there {
		return err
	}
	a.ledger.note(entry{act: removed, host: a.Host, uuid: uuid}, err)
	if err == nil {
		a.ledger.ended(uuid)
	}
	return err
}

// uuidLength is that of the text form.
const uuidLength = 36

// machineOf splits the name of a machine's volume.
func machineOf(volume string) (uuid, rest string) {
	if len(volume) < uuidLength || strings.Count(volume[:uuidLength], "-") != 4 {
		return "", volume
	}
	return volume[:uuidLength], volume[uuidLength:]
}
