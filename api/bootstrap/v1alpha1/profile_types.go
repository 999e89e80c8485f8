// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// AltcosProfile is the configuration of a node of ALT Container OS in addition to kubeadm.
//
// +kubebuilder:validation:XValidation:rule="(has(self.osUpdates) && self.osUpdates == 'Periodic') == has(self.osUpdateWindows)",message="osUpdateWindows are needed with osUpdates Periodic, and only then"
// +kubebuilder:validation:XValidation:rule="!has(self.osUpdateTimeZone) || has(self.osUpdateWindows)",message="osUpdateTimeZone needs osUpdateWindows"
// +kubebuilder:validation:XValidation:rule="(has(self.osUpdates) && self.osUpdates == 'FleetLock') == has(self.osUpdateLockURL)",message="osUpdateLockURL is needed with osUpdates FleetLock, and only then"
type AltcosProfile struct {
	// altcosUser configures the system's user altcos.
	// +optional
	AltcosUser AltcosUser `json:"altcosUser,omitempty,omitzero"`

	// users in addition to altcos.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Users []User `json:"users,omitempty"`

	// hosts are added to /etc/hosts, in addition to the node itself and the API server's endpoint.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Hosts []HostsEntry `json:"hosts,omitempty"`

	// containerStorage puts images and containers on a disk of their own. When empty they stay on the root disk.
	// +optional
	ContainerStorage ContainerStorage `json:"containerStorage,omitempty,omitzero"`

	// cniPluginDirs are where CRI-O looks for network plugins; /usr/libexec/cni and /opt/cni/bin when empty. Plugins that
	// install themselves write to the last of those two, since the first is read-only.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	// +kubebuilder:validation:items:Pattern=`^/[A-Za-z0-9/_.-]+$`
	CNIPluginDirs []string `json:"cniPluginDirs,omitempty"`

	// imagePreload is Archives to load the image archives of the OS image before kubeadm runs; None when
	// empty.
	// +optional
	ImagePreload ImagePreload `json:"imagePreload,omitempty"`

	// networkPlugin is applied once, by the first control plane machine.
	// +optional
	NetworkPlugin NetworkPlugin `json:"networkPlugin,omitempty,omitzero"`

	// shellProfile is Kubeconfig to give root and altcos a kubeconfig on control plane machines, or None; Kubeconfig
	// when empty.
	// +optional
	ShellProfile ShellProfile `json:"shellProfile,omitempty"`

	// osUpdates defines when the OS updates itself; Disabled when empty, since an update reboots the node.
	// +optional
	OSUpdates OSUpdates `json:"osUpdates,omitempty"`

	// osUpdateWindows are the times at which the OS may update itself and reboot.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	OSUpdateWindows []OSUpdateWindow `json:"osUpdateWindows,omitempty"`

	// osUpdateTimeZone of the windows, such as Europe/Moscow; UTC when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$`
	OSUpdateTimeZone string `json:"osUpdateTimeZone,omitempty"`

	// osUpdateLockURL is the server of the FleetLock protocol that is asked before each reboot.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.startsWith('http://') || self.startsWith('https://')",message="must be an http or https URL"
	OSUpdateLockURL string `json:"osUpdateLockURL,omitempty"`

	// clusterSSH is ControlPlanes to let altcos log in from control plane machines to every machine of the cluster; None
	// when empty. The key pair is one for the cluster, created by the provider in the Secret <cluster>-altcos-ssh.
	// +optional
	ClusterSSH ClusterSSH `json:"clusterSSH,omitempty"`

	// butaneFrom are configs like butane in Secrets and ConfigMaps of the same namespace, merged in their order and before
	// butane. The provider sees only those with the label cluster.x-k8s.io/cluster-name, with any value. They are
	// read when a machine is created; existing machines never change.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	ButaneFrom []ButaneSource `json:"butaneFrom,omitempty"`

	// butane is a Butane config (variant fcos) or an Ignition config of spec 3.0 to 3.2, merged last, so that it takes precedence. It
	// may disable units, but not replace the whole config.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=131072
	Butane string `json:"butane,omitempty"`
}
