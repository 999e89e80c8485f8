// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package rollout tests how a KubeadmControlPlane is scaled and upgraded, that no rendered config changes meanwhile unless
// it has to, and how control planes without one share the authorities of their cluster. Cluster API's own managers run as
// processes against a real API server, our controllers in the test's process, on hypervisors in memory. A machine that is
// started there reads its Ignition config and does what kubeadm would do, in a workload cluster in memory.
package rollout
