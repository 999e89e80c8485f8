# Copyright The cluster-api-provider-altcos Authors.
# SPDX-License-Identifier: Apache-2.0
# Set before: vip bridge. Does another machine answer for the address? Neighbour discovery decides, because a firewall may
# drop pings but not ARP; the ping only triggers it.
if [ -n "$(ip -o addr show to "$vip" 2>/dev/null)" ]; then
	finish held ''
fi
ip neigh del "$vip" dev "$bridge" 2>/dev/null
answer=no
case $vip in *:*) family=-6 ;; *) family=-4 ;; esac
ping $family -n -q -c 2 -i 0.5 -W 1 "$vip" >/dev/null 2>&1 && answer=yes
neighbour=$(ip neigh show to "$vip" dev "$bridge" 2>/dev/null)
case $neighbour in
*FAILED* | *INCOMPLETE*) ;;
*lladdr*) answer=yes ;;
esac
[ "$answer" = no ] || finish in-use "$neighbour"
finish free ''
