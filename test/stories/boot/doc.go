// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package boot tells how a machine boots: what the product renders from CABPK's bootstrap data becomes, by way of the
// product's own libvirt adapter on a private libvirtd, a guest of the lab's image, which reports over its serial console
// what it was turned into before kubeadm runs.
package boot
