// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package demo is the program lab: it creates a management cluster and three hypervisor hosts on one machine, has Cluster API
// create a cluster on them, shows what happens, and removes everything.
//
// Everything it knows lies in one state directory, so that an interrupted "up" continues when it is run again.
package demo
