// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package vm creates, finds and removes the virtual machine of a LibvirtMachine on its host: image, volumes, domain and
// logs. Each method observes the host first and can be repeated after a crash. It returns outcomes whose reasons are those
// of the LibvirtMachine's conditions.
package vm
