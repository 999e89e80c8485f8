// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package vm makes, finds and removes the one virtual machine of a LibvirtMachine on its host: image, volumes, domain and
// logs. Each method observes first and can be repeated after a crash; what it returns are outcomes with the reasons of
// LibvirtMachine's conditions.
package vm
