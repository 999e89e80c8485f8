# Copyright The cluster-api-provider-altcos Authors.
# SPDX-License-Identifier: Apache-2.0
# Set before: file content. Writes our own drop-in and sets what exists now.
PATH=$PATH:/usr/sbin:/sbin
export PATH LC_ALL=C
umask 022
if [ -e "$file" ] && ! head -n 1 "$file" | grep -q '^# Managed by cluster-api-provider-altcos'; then
	echo "$file is not ours" >&2
	exit 1
fi
mkdir -p "${file%/*}"
printf '%s' "$content" >"$file.new" && mv -f "$file.new" "$file" || exit 1
for key in call-iptables call-ip6tables call-arptables; do
	value=/proc/sys/net/bridge/bridge-nf-$key
	[ ! -e "$value" ] || echo 0 >"$value" || exit 1
done
