// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

// Trees returns what Ensure would carry to the hosts, in their order, without reaching any of them. Errors: ErrInvalid.
func (b *Balancer) Trees(cluster Cluster, hosts []Host) ([]Tree, error) {
	trees, _, err := b.render(cluster, hosts)
	return trees, err
}
