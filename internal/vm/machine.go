// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/nodenetwork"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Services are shared by all virtual machines.
type Services struct {
	// Hosts connects to the hosts.
	Hosts inventory.Access
	// Images imports images to hosts.
	Images Images
	// Tasks runs what takes longer than a Reconcile may.
	Tasks Tasks
	// Recorder of events.
	Recorder events.EventRecorder
}

// Machine is the virtual machine of a LibvirtMachine.
type Machine struct {
	Services
	// Object describes the virtual machine.
	Object *infrav1.LibvirtMachine
	// ClusterName is the Cluster it belongs to.
	ClusterName string
	// UUID is that of the domain; everything of the machine on the host is named after it.
	UUID string
	// Host runs the virtual machine.
	Host *infrav1.LibvirtHost
	// Interfaces are its network interfaces, in the order of the spec; empty until their addresses are known.
	Interfaces []nodenetwork.Interface
	// Ignition is the config that the guest reads on its first boot.
	Ignition []byte
	// Domain is the domain as observed on the host, nil if it has none.
	Domain *virt.Domain

	conn  virt.Host
	image virt.Volume
}

// connect connects to the machine's host.
func (m *Machine) connect(ctx context.Context) error {
	if m.conn != nil {
		return nil
	}
	conn, err := m.Hosts.Connect(ctx, m.Host)
	if errors.Is(err, virt.ErrInvalid) || errors.Is(err, virt.ErrUnsupported) {
		// An unusable URI or key is to be corrected in the LibvirtHost; the machine waits for that.
		return m.unusable(err)
	}
	if err != nil {
		return m.hostError(err)
	}
	m.conn = conn
	return nil
}

func (m *Machine) key() types.NamespacedName { return client.ObjectKeyFromObject(m.Object) }

// owner is stored in the metadata of the machine's domain.
func (m *Machine) owner() virt.Owner {
	return virt.Owner{UID: m.UUID, Cluster: m.ClusterName, Namespace: m.Object.Namespace, Name: m.Object.Name}
}

// pool is the storage pool of the machine's volumes. Placement stores it before any is created.
func (m *Machine) pool() string { return inventory.PoolOf(m.Object, m.Host) }

func (m *Machine) volume(name string) virt.VolumeRef {
	return virt.VolumeRef{Pool: m.pool(), Name: name}
}
