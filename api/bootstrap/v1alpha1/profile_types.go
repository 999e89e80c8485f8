// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// AltcosProfile is what a node of ALT Container OS is set up with besides kubeadm.
//
// +kubebuilder:validation:XValidation:rule="(has(self.osUpdates) && self.osUpdates == 'Periodic') == has(self.osUpdateWindows)",message="osUpdateWindows are needed with osUpdates Periodic, and only then"
// +kubebuilder:validation:XValidation:rule="!has(self.osUpdateTimeZone) || has(self.osUpdateWindows)",message="osUpdateTimeZone needs osUpdateWindows"
// +kubebuilder:validation:XValidation:rule="(has(self.osUpdates) && self.osUpdates == 'FleetLock') == has(self.osUpdateLockURL)",message="osUpdateLockURL is needed with osUpdates FleetLock, and only then"
type AltcosProfile struct {
	// altcosUser configures the system's user altcos.
	// +optional
	AltcosUser AltcosUser `json:"altcosUser,omitempty,omitzero"`

	// users besides altcos.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Users []User `json:"users,omitempty"`

	// hosts are added to /etc/hosts, besides the node itself and the API server's endpoint.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Hosts []HostsEntry `json:"hosts,omitempty"`

	// containerStorage puts images and containers on a disk of their own. When empty they stay on the root disk.
	// +optional
	ContainerStorage ContainerStorage `json:"containerStorage,omitempty,omitzero"`

	// imagePreload is Archives to load the image archives that the OS image carries before kubeadm runs; None when
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

	// osUpdates says when the OS updates itself; Disabled when empty, since an update reboots the node.
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
	// when empty. The key pair is one for the cluster, made by the provider in the Secret <cluster>-altcos-ssh.
	// +optional
	ClusterSSH ClusterSSH `json:"clusterSSH,omitempty"`

	// butaneFrom are configs like butane in Secrets and ConfigMaps of the same namespace, merged in their order and before
	// butane. The provider sees only those that carry the label cluster.x-k8s.io/cluster-name, with any value. They are
	// read when a machine is made; a machine that exists never changes.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	ButaneFrom []ButaneSource `json:"butaneFrom,omitempty"`

	// butane is a Butane config (variant fcos) or an Ignition config of spec 3.0 to 3.2, merged last, so that it wins. It
	// may disable units, but not replace the whole config.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=131072
	Butane string `json:"butane,omitempty"`
}

// AltcosUser is the system's user altcos.
// +kubebuilder:validation:MinProperties=1
type AltcosUser struct {
	// passwordHash as mkpasswd --method=yescrypt makes it; the password is locked when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^[!*$./0-9A-Za-z=,]+$`
	PasswordHash string `json:"passwordHash,omitempty"`

	// sshAuthorizedKeys may log in as altcos.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=8192
	SSHAuthorizedKeys []string `json:"sshAuthorizedKeys,omitempty"`

	// groups that altcos belongs to; wheel and docker when empty.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=32
	// +kubebuilder:validation:items:Pattern=`^[a-z_][a-z0-9_-]*$`
	Groups []string `json:"groups,omitempty"`
}

// User is a user to be made.
type User struct {
	// name of the user.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[a-z_][a-z0-9_-]*$`
	// +kubebuilder:validation:XValidation:rule="self != 'altcos' && self != 'root'",message="altcos is configured by altcosUser, and root is not configurable"
	Name string `json:"name,omitempty"`

	// passwordHash as mkpasswd makes it; the password is locked when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^[!*$./0-9A-Za-z=,]+$`
	PasswordHash string `json:"passwordHash,omitempty"`

	// sshAuthorizedKeys may log in as the user.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=8192
	SSHAuthorizedKeys []string `json:"sshAuthorizedKeys,omitempty"`

	// groups that the user belongs to.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=32
	// +kubebuilder:validation:items:Pattern=`^[a-z_][a-z0-9_-]*$`
	Groups []string `json:"groups,omitempty"`

	// primaryGroup of the user, which must exist; one of the user's own name when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[a-z_][a-z0-9_-]*$`
	PrimaryGroup string `json:"primaryGroup,omitempty"`

	// uid of the user; the system chooses when empty.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2147483647
	UID int32 `json:"uid,omitempty"`

	// gecos is the user's full name.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^[^:\n\r]*$`
	Gecos string `json:"gecos,omitempty"`

	// homeDir of the user; below /var/home when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^/[^:\s]*$`
	HomeDir string `json:"homeDir,omitempty"`

	// shell of the user; the system's when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^/[^:\s]*$`
	Shell string `json:"shell,omitempty"`

	// sudo is a rule such as "ALL=(ALL) NOPASSWD: ALL"; none when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^[^\n\r]*$`
	Sudo string `json:"sudo,omitempty"`
}

// HostsEntry is a line of /etc/hosts.
type HostsEntry struct {
	// address that the names lead to.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=45
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="must be an IP address"
	Address string `json:"address,omitempty"`

	// names of the host.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?)*$`
	Names []string `json:"names,omitempty"`
}

// StorageDriver is the driver of the container storage.
// +kubebuilder:validation:Enum=Btrfs;Overlay
type StorageDriver string

// StorageDriver values.
const (
	StorageDriverBtrfs   StorageDriver = "Btrfs"
	StorageDriverOverlay StorageDriver = "Overlay"
)

// ContainerStorage is one btrfs file system for the storage of CRI-O, podman and docker.
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!(has(self.dataDisk) && has(self.device))",message="dataDisk and device exclude each other"
// +kubebuilder:validation:XValidation:rule="!has(self.driver) || self.driver != 'Btrfs' || has(self.dataDisk) || has(self.device)",message="Btrfs needs dataDisk or device, since the root disk is ext4"
type ContainerStorage struct {
	// dataDisk is the name of a data disk of the LibvirtMachine.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	DataDisk string `json:"dataDisk,omitempty"`

	// device is the path of a disk in the machine; everything on it is lost.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^/dev/[A-Za-z0-9/_.:+-]+$`
	Device string `json:"device,omitempty"`

	// driver of the storage; Btrfs when empty and there is a disk, Overlay without one.
	// +optional
	Driver StorageDriver `json:"driver,omitempty"`

	// additionalImageStores are directories of the OS image with images that need no loading. They only work with the
	// driver that made them.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	// +kubebuilder:validation:items:Pattern=`^/[A-Za-z0-9/_.-]+$`
	AdditionalImageStores []string `json:"additionalImageStores,omitempty"`
}

// ImagePreload says whether images are loaded from archives.
// +kubebuilder:validation:Enum=None;Archives
type ImagePreload string

// ImagePreload values.
const (
	ImagePreloadNone     ImagePreload = "None"
	ImagePreloadArchives ImagePreload = "Archives"
)

// NetworkPluginType says which network plugin is applied.
// +kubebuilder:validation:Enum=Flannel;None;Manifest
type NetworkPluginType string

// NetworkPluginType values.
const (
	// NetworkPluginFlannel applies the manifest that the OS image carries.
	NetworkPluginFlannel NetworkPluginType = "Flannel"
	// NetworkPluginNone leaves the network plugin to the user.
	NetworkPluginNone NetworkPluginType = "None"
	// NetworkPluginManifest applies a manifest of the user.
	NetworkPluginManifest NetworkPluginType = "Manifest"
)

// NetworkPlugin of the cluster.
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="(has(self.type) && self.type == 'Manifest') == (has(self.manifest) || has(self.manifestPath))",message="manifest or manifestPath is needed with type Manifest, and only then"
// +kubebuilder:validation:XValidation:rule="!(has(self.manifest) && has(self.manifestPath))",message="manifest and manifestPath exclude each other"
type NetworkPlugin struct {
	// type of the plugin; Flannel when empty, which needs spec.clusterNetwork.pods.cidrBlocks of the Cluster: one address
	// range, or one of each family.
	// +optional
	Type NetworkPluginType `json:"type,omitempty"`

	// manifest to apply.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=131072
	Manifest string `json:"manifest,omitempty"`

	// manifestPath is a file of the OS image.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^/[A-Za-z0-9/_.-]+$`
	ManifestPath string `json:"manifestPath,omitempty"`
}

// ShellProfile says what people find in their shell.
// +kubebuilder:validation:Enum=Kubeconfig;None
type ShellProfile string

// ShellProfile values.
const (
	ShellProfileKubeconfig ShellProfile = "Kubeconfig"
	ShellProfileNone       ShellProfile = "None"
)

// OSUpdates says when the OS updates itself.
// +kubebuilder:validation:Enum=Disabled;Immediate;Periodic;FleetLock
type OSUpdates string

// OSUpdates values.
const (
	OSUpdatesDisabled  OSUpdates = "Disabled"
	OSUpdatesImmediate OSUpdates = "Immediate"
	// OSUpdatesPeriodic updates within osUpdateWindows.
	OSUpdatesPeriodic OSUpdates = "Periodic"
	// OSUpdatesFleetLock asks the server at osUpdateLockURL first.
	OSUpdatesFleetLock OSUpdates = "FleetLock"
)

// Weekday is a day of the week.
// +kubebuilder:validation:Enum=Mon;Tue;Wed;Thu;Fri;Sat;Sun
type Weekday string

// OSUpdateWindow is a time of the week.
type OSUpdateWindow struct {
	// days on which the window begins.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=7
	Days []Weekday `json:"days,omitempty"`

	// start of the window, as HH:MM.
	// +required
	// +kubebuilder:validation:MinLength=5
	// +kubebuilder:validation:MaxLength=5
	// +kubebuilder:validation:Pattern=`^([01][0-9]|2[0-3]):[0-5][0-9]$`
	Start string `json:"start,omitempty"`

	// minutes that the window lasts.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10080
	Minutes int32 `json:"minutes,omitempty"`
}

// ClusterSSH says from where altcos may log in to the machines of its cluster.
// +kubebuilder:validation:Enum=None;ControlPlanes
type ClusterSSH string

// ClusterSSH values.
const (
	ClusterSSHNone          ClusterSSH = "None"
	ClusterSSHControlPlanes ClusterSSH = "ControlPlanes"
)

// ButaneSourceKind is the kind of an object that holds a config.
// +kubebuilder:validation:Enum=Secret;ConfigMap
type ButaneSourceKind string

// ButaneSourceKind values.
const (
	ButaneSourceSecret    ButaneSourceKind = "Secret"
	ButaneSourceConfigMap ButaneSourceKind = "ConfigMap"
)

// ButaneSource is a config in an object.
type ButaneSource struct {
	// kind of the object. Errors in a Secret are reported by line and column only.
	// +required
	Kind ButaneSourceKind `json:"kind,omitempty"`

	// name of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// key in the object's data.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key,omitempty"`
}
