# Copyright The cluster-api-provider-altcos Authors.
# SPDX-License-Identifier: Apache-2.0
# Set before: packages programs (words) bridge. Prints facts, one a line; reads only.
PATH=$PATH:/usr/sbin:/sbin
export PATH LC_ALL=C
installed() {
	if command -v dpkg-query >/dev/null 2>&1; then
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
	else
		rpm -q "$1" >/dev/null 2>&1
	fi
}
for package in $packages; do
	installed "$package" || echo "package $package"
done
for program in $programs; do
	command -v "$program" >/dev/null 2>&1 || echo "program $program"
done
command -v apt-get >/dev/null 2>&1 && echo installer
if [ -n "$bridge" ]; then
	ip -o -d link show dev "$bridge" type bridge 2>/dev/null | grep -q . && echo bridge
	ip -o link show dev "$bridge" up 2>/dev/null | grep -q . && echo up
	ip -o addr show dev "$bridge" scope global 2>/dev/null | while read -r _ _ _ address _; do
		echo "address $address"
	done
fi
for key in call-iptables call-ip6tables call-arptables; do
	file=/proc/sys/net/bridge/bridge-nf-$key
	[ -e "$file" ] && echo "filter net.bridge.bridge-nf-$key $(cat "$file")"
done
echo end
