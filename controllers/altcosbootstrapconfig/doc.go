// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package altcosbootstrapconfig reconciles AltcosBootstrapConfigs: it lets the kubeadm bootstrap provider make the
// kubeadm part through a child KubeadmConfig, and turns the result into an Ignition config for ALT Container OS.
package altcosbootstrapconfig
