// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos

import (
	"net/netip"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// Directories and names that several layers agree upon.
const (
	// StateDir holds what the bootstrap needs and remembers, readable by root only.
	StateDir = "/var/lib/altcos-bootstrap"
	// KubeadmDone exists once kubeadm succeeded on this machine.
	KubeadmDone = StateDir + "/kubeadm.done"
	// CRISocket is CRI-O's socket in kubeadm's form.
	CRISocket = "unix:///var/run/crio/crio.sock"
	// KubeadmUnit runs kubeadm once.
	KubeadmUnit = "altcos-kubeadm.service"
	// PreloadUnit loads the image archives of the OS image.
	PreloadUnit = "altcos-preload-images.service"
	// NetworkPluginUnit applies the network plugin after kubeadm init, when NetworkPluginPathUnit sees KubeadmDone.
	NetworkPluginUnit     = "altcos-network-plugin.service"
	NetworkPluginPathUnit = "altcos-network-plugin.path"
)

// Profile is what all machines of a template have in common.
type Profile struct {
	// AltcosUser is the image's own user altcos.
	AltcosUser AltcosUser
	// Users are further users.
	Users []User
	// Hosts are lines for /etc/hosts.
	Hosts []HostEntry
	// ContainerStorage is where images and containers live; the zero value leaves the image's choice.
	ContainerStorage ContainerStorage
	// CNIPluginDirs default to /usr/libexec/cni and /opt/cni/bin. The first is read-only, so plugins that install
	// themselves write to the second.
	CNIPluginDirs []string
	ImagePreload  ImagePreload
	NetworkPlugin NetworkPlugin
	ShellProfile  ShellProfile
	OSUpdates     OSUpdates
	// ClusterSSH lets altcos log in from control planes to every node; nil does not.
	ClusterSSH *ClusterSSH
}

// AltcosUser configures the user altcos. It may always become root without a password: nodes are administered by key.
type AltcosUser struct { //nolint:revive // the name of the user, and of the field in the API
	// PasswordHash is a crypt(5) hash; empty locks the password, because the image's own is public.
	PasswordHash string
	// SSHAuthorizedKeys are the keys that may log in.
	SSHAuthorizedKeys []string
	// Groups default to wheel and docker.
	Groups []string
}

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
	// Sudo is a rule such as "ALL=(ALL) NOPASSWD: ALL"; empty means none.
	Sudo string
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

// ImagePreload is where a machine loads images from before kubeadm runs.
type ImagePreload string

// Where images come from. The empty value means PreloadNone.
const (
	PreloadArchives ImagePreload = "Archives"
	PreloadNone     ImagePreload = "None"
)

// ShellProfile is whether root and altcos find kubectl configured.
type ShellProfile string

// Shell profiles. The empty value means ShellKubeconfig.
const (
	ShellKubeconfig ShellProfile = "Kubeconfig"
	ShellNone       ShellProfile = "None"
)

// Layer validates p and returns its layer.
func (p *Profile) Layer() (ignition.Layer, error) {
	var problems problem.List
	b := &ignition.Builder{}
	b.Directory(StateDir, 0o700)
	p.users(b, &problems)
	p.clusterSSH(b, &problems)
	appendHosts(b, p.Hosts, "hosts", &problems)
	p.containerStorage(b, &problems)
	p.runtime(b, &problems)
	kubelet(b)
	// kubeadm runs kube-proxy as a DaemonSet; the image's service would run a second one
	b.Mask("kube-proxy.service")
	p.preload(b, &problems)
	p.shell(b, &problems)
	p.updates(b, &problems)
	if err := problems.Err(); err != nil {
		return ignition.Layer{}, problem.In("profile", err)
	}
	return ignition.Layer{Name: "profile", Config: b.Config}, nil
}
