// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package altcosbootstrapconfig renders the Ignition config of an AltcosBootstrapConfig into its data Secret. The kubeadm
// bootstrap provider makes the kubeadm part for a child KubeadmConfig. Phases run in this order, each decides a condition:
//
//	awaitCluster, ensureChild, awaitKubeadmData  KubeadmDataReady
//	render, writeDataSecret                      DataSecretAvailable
//
// Once the Machine refers to its data, that never changes again, and other phases run instead:
//
//	adoptDataSecret                              DataSecretAvailable
//	keepTokenAlive                               KubeadmDataReady, until the Machine has a node
//
// There is no deletion phase: whatever the config creates is owned by it and garbage collected.
package altcosbootstrapconfig
