// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package hypervisortest gives tests hypervisor hosts that go away when the test ends.
package hypervisortest
