# Copyright The cluster-api-provider-altcos Authors.
# SPDX-License-Identifier: Apache-2.0
# Set before: root, domain. Removes the logs of one virtual machine with what virtlogd (.0) and logrotate (.1.gz, -20260131)
# made of them. The names are whole: "a" must not take the logs of "a-1" along.
status=0
for log in "$root/libvirt/qemu/$domain.log" "$root/libvirt/qemu/$domain-console.log" "$root/swtpm/libvirt/qemu/$domain-swtpm.log"; do
	for packed in '' .gz .xz .bz2 .zst; do
		rm -f -- "$log$packed" "$log".[0-9]"$packed" "$log".[0-9][0-9]"$packed" \
			"$log"-[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]"$packed" || status=1
	done
done
exit $status
