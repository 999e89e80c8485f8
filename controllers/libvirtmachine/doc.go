// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package libvirtmachine runs the virtual machine of each LibvirtMachine, and removes it completely. Phases run in this
// order and stop at the first that is not done; each decides a condition, which an earlier one may set when it fails:
//
//	awaitInputs                               InputsReady
//	identify, place                           HostAssigned
//	awaitSpecStored                           AddressesReady, until spec.providerID and spec.host are stored
//	findDomain                                DomainRunning, if the domain is lost or not ours
//	claimAddresses                            AddressesReady
//	checkBridges                              DomainRunning, if the domain could not start
//	renderBootstrap                           BootstrapDataRendered
//	ensureImage, ensureVolumes, ensureDomain  ImageReady, VolumesReady, DomainRunning
//	removeBootstrapData                       BootstrapDataRemoved
//
// What is already done is read from spec, Machine and host, never from a condition, so each phase can be repeated after a
// crash. Deletion runs cancelTasks, releaseBackend, removeMachine and releaseAddresses; Ready reports it.
package libvirtmachine
