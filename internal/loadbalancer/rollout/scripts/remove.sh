# Copyright The cluster-api-provider-altcos Authors.
# SPDX-License-Identifier: Apache-2.0
# Set before: owner vip.
lock
found=$(owner)
[ -z "$found" ] || [ "$found" = "$owner" ] || finish not-owned "$found"
drop_cluster >/dev/null 2>&1
[ ! -e "$cluster" ] || finish remove "$cluster is still there"
! active "$haproxy" || finish remove "$haproxy is still active"
tries=0
while [ -n "$vip" ] && [ -n "$(ip -o addr show to "$vip" 2>/dev/null)" ]; do
	tries=$((tries + 1))
	[ $tries -lt 10 ] || finish remove "the host still holds $vip"
	sleep 0.5
done
finish 'done' ''
