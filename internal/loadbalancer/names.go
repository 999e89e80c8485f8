// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

// APIBackend is the name under which haproxy reports the API servers, as in Server.Backend.
const APIBackend = "api"

// lastResort has the same servers, unchecked.
const lastResort = "api-unready"
