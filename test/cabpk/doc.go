// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cabpk makes bootstrap data with the code of Cluster API's kubeadm bootstrap provider, for tests only.
package cabpk
