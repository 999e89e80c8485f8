// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig

import (
	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// Result is the layer and what the caller must know about it.
type Result struct {
	Layer ignition.Layer
	// Role is what kubeadm does on this machine.
	Role Role
}

// Role is what kubeadm does.
type Role string

// Roles. RoleNone is a cloud-config without a kubeadm command.
const (
	RoleInit Role = "init"
	RoleJoin Role = "join"
	RoleNone Role = ""
)

// Convert translates cfg. homes are directories that other layers fill and no mount may hide. Errors are problem.Problem
// values with the cloud-config's field paths.
func Convert(cfg *cloudconfig.Config, homes ...string) (Result, error) {
	c := &converter{cfg: cfg, homes: homes, b: &ignition.Builder{}}
	c.b.Directory(altcos.StateDir, 0o700)
	c.findKubeadm()
	c.files()
	c.users()
	c.ntp()
	c.disks()
	c.filesystems()
	c.mounts()
	c.bootCommands()
	c.script()
	if err := c.problems.Err(); err != nil {
		return Result{}, err
	}
	return Result{Layer: ignition.Layer{Name: "kubeadm", Config: c.b.Config}, Role: c.role}, nil
}

type converter struct {
	cfg      *cloudconfig.Config
	homes    []string
	b        *ignition.Builder
	problems problem.List

	role Role
	// kubeadm is the index of the kubeadm command in runcmd; -1 without one.
	kubeadm int
	// staged are the files that the script puts in place, in order.
	staged []stagedFile
	// lateOwners are for the script to set, then.
	lateOwners []lateOwner
	// mountUnits must be there before kubeadm runs; softMounts are only waited for.
	mountUnits, softMounts []string
	bootUnit               bool
	// imageUnits must come with the image: the script fails where one is missing, as enabling it does not.
	imageUnits []string
}
