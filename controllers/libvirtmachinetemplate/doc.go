// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package libvirtmachinetemplate writes the capacity of machines created from a LibvirtMachineTemplate into its status, so
// that the cluster autoscaler can scale from zero. It has no phases or conditions, and reads only the template: that may
// not belong to a cluster yet.
package libvirtmachinetemplate
