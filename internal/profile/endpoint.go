// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package profile

import "strings"

// EndpointName is the name of a cluster's endpoint in /etc/hosts of its machines: <cluster>-endpoint. A long name
// is truncated, since a label of a host name has at most 63 characters.
func EndpointName(cluster string) string {
	const suffix, longest = "-endpoint", 63
	label := cluster[strings.LastIndexByte(cluster, '.')+1:]
	if over := len(label) + len(suffix) - longest; over > 0 {
		cluster = strings.TrimRight(cluster[:len(cluster)-over], "-")
	}
	return cluster + suffix
}
