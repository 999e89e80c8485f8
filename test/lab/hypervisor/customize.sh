#!/bin/sh
# Copyright The cluster-api-provider-altcos Authors.
# SPDX-License-Identifier: Apache-2.0
#
# customize.sh ROOT: makes a hypervisor host of a fresh Debian root. Runs in the machine, as mmdebstrap's last hook.
set -eu
root=$1

# Identity is given to each host when it starts.
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/hostname" "$root/var/lib/dbus/machine-id"
: >"$root/etc/machine-id"
printf '# The lab has no name service.\n' >"$root/etc/resolv.conf"

chroot "$root" useradd --create-home --shell /bin/bash --groups libvirt altcos-capi

# Installed, as on a host of the manual, but with nothing to do until an administrator writes a configuration.
# libvirt-guests would suspend guests at shutdown, getty has no terminal, the others need the internet or a disk.
SYSTEMD_OFFLINE=1 chroot "$root" systemctl --quiet disable haproxy.service keepalived.service libvirt-guests.service \
	getty@tty1.service e2scrub_reap.service systemd-pstore.service remote-fs.target \
	apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer
# The machine's audit stream, debug file systems and huge pages are not the host's.
SYSTEMD_OFFLINE=1 chroot "$root" systemctl --quiet mask systemd-journald-audit.socket dev-hugepages.mount \
	sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount
