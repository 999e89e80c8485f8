// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package packages installs the Debian packages that the lab needs on the machine it runs on.
package packages
