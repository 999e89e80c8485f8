# Copyright The cluster-api-provider-altcos Authors.
# SPDX-License-Identifier: Apache-2.0
# Set before: vip. Prints facts, one per line; changes nothing.
echo "haproxy-unit $(systemctl is-active "$haproxy" 2>/dev/null) $(systemctl is-enabled "$haproxy" 2>/dev/null)"
echo "keepalived-unit $(systemctl is-active "$keepalived" 2>/dev/null) $(systemctl is-enabled "$keepalived" 2>/dev/null)"
printf '%s\n' "$shared" | while IFS='|' read -r name path _; do
	if [ -z "$name" ] || [ ! -e "$path" ]; then
		continue
	fi
	revision=unmanaged
	managed "$path" && revision=$(sed -n 's/^# Managed by .* revision=\([0-9]*\)$/\1/p' "$path" | head -n 1)
	echo "shared $name ${revision:-unmanaged} $(sha256sum <"$path" | cut -d' ' -f1)"
done
if [ -e "$current" ]; then
	echo "owner $(owner)"
	sed -n 's/^/manifest /p' "$current/manifest" 2>/dev/null
	for file in "$current"/* "$current"/.[!.]*; do
		[ -f "$file" ] && echo "file $(sha256sum <"$file" | cut -d' ' -f1) ${file##*/}"
	done
fi
echo "description $(description)"
ask "$socket" 'show stat' | sed -n 's/^./stat &/p'
[ -e "$main" ] && echo "assembled $(assembled)"
[ -e "$loaded" ] && echo "loaded $(recorded)"
ip -o addr show to "$vip" 2>/dev/null | while read -r _ interface _ address _; do
	echo "held $interface $address"
done
echo end
