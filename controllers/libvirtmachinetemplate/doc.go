// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package libvirtmachinetemplate tells the cluster autoscaler what a machine made from a LibvirtMachineTemplate offers,
// so that it can scale from zero. It looks at the spec only: a template may belong to no cluster yet.
package libvirtmachinetemplate
