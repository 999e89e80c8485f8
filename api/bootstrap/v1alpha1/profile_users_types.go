// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// AltcosUser is the system's user altcos.
// +kubebuilder:validation:MinProperties=1
type AltcosUser struct {
	// passwordHash as mkpasswd --method=yescrypt creates it; the password is locked when empty.
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

// User describes a user to create.
type User struct {
	// name of the user.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[a-z_][a-z0-9_-]*$`
	// +kubebuilder:validation:XValidation:rule="self != 'altcos' && self != 'root'",message="altcos is configured by altcosUser, and root is not configurable"
	Name string `json:"name,omitempty"`

	// passwordHash as mkpasswd creates it; the password is locked when empty.
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
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[^=#\r\n\x00]+=[^\r\n\x00]*[^\s\\,=():!\x00]$')`,message="must be one line of sudoers without the user's name, such as ALL=(ALL) NOPASSWD: ALL"
	Sudo string `json:"sudo,omitempty"`
}

// ShellProfile defines how shells are set up.
// +kubebuilder:validation:Enum=Kubeconfig;None
type ShellProfile string

// ShellProfile values.
const (
	ShellProfileKubeconfig ShellProfile = "Kubeconfig"
	ShellProfileNone       ShellProfile = "None"
)

// ClusterSSH defines from where altcos may log in to the machines of its cluster.
// +kubebuilder:validation:Enum=None;ControlPlanes
type ClusterSSH string

// ClusterSSH values.
const (
	ClusterSSHNone          ClusterSSH = "None"
	ClusterSSHControlPlanes ClusterSSH = "ControlPlanes"
)
