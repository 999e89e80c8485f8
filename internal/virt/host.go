// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package virt

import "context"

// Credentials are what a connection needs besides its URI. They never appear in an error or a log.
type Credentials struct {
	// SSHUser overrides the user of the URI.
	SSHUser string
	// SSHPrivateKey is a private key in PEM or OpenSSH form without passphrase.
	SSHPrivateKey []byte
	// SSHKnownHosts pins the host's keys, in known_hosts form. Without it no ssh connection is made.
	SSHKnownHosts []byte
	// TLSCA, TLSCertificate and TLSPrivateKey are PEM, for qemu+tls.
	TLSCA, TLSCertificate, TLSPrivateKey []byte
}

// Accelerator is how guests run.
type Accelerator string

// Accelerators. The zero value lets the host decide.
const (
	AcceleratorAuto Accelerator = ""
	AcceleratorKVM  Accelerator = "KVM"
	AcceleratorTCG  Accelerator = "TCG"
)

// Target is how to reach one host. Name identifies it; a changed Revision makes a new connection.
type Target struct {
	Name        string
	Revision    string
	URI         string
	Accelerator Accelerator
	Credentials Credentials
}

// Connector opens hosts and keeps their connections.
type Connector interface {
	// Host returns the hypervisor of a host, connecting if there is no live connection of the same revision. Errors:
	// ErrUnreachable, ErrAuthentication, ErrInvalid (the URI or a key).
	Host(ctx context.Context, target Target) (Host, error)
	// Shell returns the shell of a host, over the same connection where there is one. Errors: those of Host, and
	// ErrUnsupported when the URI gives no shell.
	Shell(ctx context.Context, target Target) (Shell, error)
	// Forget closes the connections of a host that is no longer wanted.
	Forget(name string)
	// Events names the domains that changed. It is only a hint: events may be lost, and a receiver that is slow gets one
	// event without UUID in place of many.
	Events() <-chan Event
}

// Event means that the state of a domain changed, or, with an empty UUID, that anything on the host may have changed.
type Event struct {
	Host string
	UUID string
}

// Host is one hypervisor.
type Host interface {
	Inventory
	Domains
	Volumes
}

// Inventory is what a host has.
type Inventory interface {
	// Facts reads versions, CPU and memory.
	Facts(ctx context.Context) (Facts, error)
	// Pool reads a storage pool afresh. Errors: ErrNoPool; ErrInvalid when it is not active.
	Pool(ctx context.Context, name string) (Pool, error)
	// HasInterface reports whether a network interface (a bridge) is up on the host. Errors: ErrUnsupported.
	HasInterface(ctx context.Context, name string) (bool, error)
}

// Facts describe a host.
type Facts struct {
	Hostname          string
	LibvirtVersion    string
	HypervisorVersion string
	Architecture      string
	// CPUs is the number of logical processors.
	CPUs int
	// MemoryBytes is the memory that the kernel manages (NodeGetMemoryStats; NodeGetInfo misses hot-plugged memory).
	MemoryBytes int64
	// KVM means that the host offers hardware virtualization to guests.
	KVM bool
}

// Pool is a storage pool, sizes in bytes.
type Pool struct {
	Name           string
	Path           string
	CapacityBytes  int64
	AvailableBytes int64
}
