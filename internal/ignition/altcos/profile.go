// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos

import (
	"net/netip"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/problem"
)

// Directories and names that several layers agree upon.
const (
	// StateDir holds what the bootstrap needs and remembers, readable by root only.
	StateDir = "/var/lib/altcos-bootstrap"
	// InitDone exists once kubeadm init succeeded on this machine.
	InitDone = StateDir + "/kubeadm-init.done"
	// CRISocket is CRI-O's socket, as kubeadm wants it.
	CRISocket = "unix:///var/run/crio/crio.sock"
	// KubeadmUnit runs kubeadm once.
	KubeadmUnit = "altcos-kubeadm.service"
	// PreloadUnit loads the image archives of the OS image.
	PreloadUnit = "altcos-preload-images.service"
	// NetworkPluginUnit applies the network plugin after kubeadm init.
	NetworkPluginUnit = "altcos-network-plugin.service"
	adminUser         = "altcos"
)

// Profile is what a template says about all its machines.
type Profile struct {
	// Admin is the image's own user altcos.
	Admin Admin
	// Users are further users.
	Users []User
	// Hosts are lines for /etc/hosts.
	Hosts []HostEntry
	// ContainerDisk is the disk for container storage; nil keeps it on the root disk.
	ContainerDisk *ContainerDisk
	Runtime       Runtime
	Preload       Preload
	NetworkPlugin NetworkPlugin
	Shell         Shell
	Updates       Updates
	// ClusterSSH lets altcos log in from control planes to every node; nil does not.
	ClusterSSH *ClusterSSH
}

// Admin configures the user altcos.
type Admin struct {
	// PasswordHash is a crypt(5) hash; empty locks the password, because the image's own is public.
	PasswordHash string
	// SSHAuthorizedKeys are the keys that may log in.
	SSHAuthorizedKeys []string
	// Groups default to wheel and docker.
	Groups []string
	// Sudo defaults to SudoNoPassword.
	Sudo Sudo
}

// Sudo says how a user may become root.
type Sudo string

// What a user may do with sudo. The empty value means SudoNoPassword for Admin and SudoNone for a User.
const (
	SudoNoPassword Sudo = "NoPassword"
	SudoPassword   Sudo = "Password"
	SudoNone       Sudo = "None"
)

// User is one further user.
type User struct {
	Name string
	// PasswordHash is a crypt(5) hash; empty locks the password.
	PasswordHash                        string
	Gecos, HomeDir, Shell, PrimaryGroup string
	// UID is nil when the system chooses.
	UID               *int
	Groups            []string
	SSHAuthorizedKeys []string
	Sudo              Sudo
}

// HostEntry is one line of /etc/hosts.
type HostEntry struct {
	Address netip.Addr
	Names   []string
}

// ClusterSSH is the cluster's key pair for altcos.
type ClusterSSH struct {
	// PublicKey in authorized_keys form is accepted on every node.
	PublicKey string
	// PrivateKey in OpenSSH form is given to control planes only; empty elsewhere.
	PrivateKey []byte
}

// Preload says which images a machine loads before kubeadm runs.
type Preload string

// Where images come from. The empty value means PreloadArchives: the unit skips itself on an image without archives.
const (
	PreloadArchives Preload = "Archives"
	PreloadNone     Preload = "None"
)

// Shell says whether people who log in find kubectl configured.
type Shell string

// Shell profiles. The empty value means ShellKubectl.
const (
	ShellKubectl Shell = "Kubectl"
	ShellNone    Shell = "None"
)

// Layer validates p and returns its layer.
func (p *Profile) Layer() (ignition.Layer, error) {
	var problems problem.List
	b := &ignition.Builder{}
	b.Directory(StateDir, 0o700)
	p.users(b, &problems)
	p.clusterSSH(b, &problems)
	appendHosts(b, p.Hosts, "hosts", &problems)
	p.containerDisk(b, &problems)
	p.runtime(b, &problems)
	p.kubelet(b)
	p.preload(b, &problems)
	p.shell(b, &problems)
	p.updates(b, &problems)
	if err := problems.Err(); err != nil {
		return ignition.Layer{}, problem.In("profile", err)
	}
	return ignition.Layer{Name: "profile", Config: b.Config}, nil
}
