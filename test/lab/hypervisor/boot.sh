#!/bin/sh
# Copyright The cluster-api-provider-altcos Authors.
# SPDX-License-Identifier: Apache-2.0
#
# First process of a lab host: turns namespaces of its own (mount, PID, UTS, IPC, cgroup, network) into a booted Debian
# system. Nothing that is mounted here is seen outside, and all of it goes away with the last process of the host.
#
#   BASE   read-only root file system that all hosts share      DISK  directory with what this host has written
#   NAME   host name                                            KVM   "yes" when /dev/kvm is to be given to the host
set -eu
mount --make-rprivate /
root=$DISK/root
mount -t overlay -o "lowerdir=$BASE,upperdir=$DISK/upper,workdir=$DISK/work" overlay "$root"

# Disk images lie directly on the machine's file system: the overlay would copy a whole image up at the first write.
mount --bind "$DISK/images" "$root/var/lib/libvirt/images"

mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
# Settings outside the network namespace are the machine's: the host's systemd-sysctl must not change them.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
mount -o remount,bind,ro "$root/proc/sys"
if [ -e "$root/proc/sysrq-trigger" ]; then
	mount --bind "$root/proc/sysrq-trigger" "$root/proc/sysrq-trigger"
	mount -o remount,bind,ro "$root/proc/sysrq-trigger"
fi

# A read-only /sys also tells systemd that it is in a container: no udev, no hardware units.
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"

mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"
mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/net" "$root/dev/mqueue"
device() {
	: >"$root/dev/$1"
	mount --bind "/dev/$1" "$root/dev/$1"
}
for node in null zero full random urandom tty net/tun; do
	device "$node"
done
for node in vhost-net loop-control; do
	[ ! -e "/dev/$node" ] || device "$node"
done
[ "$KVM" != yes ] || device kvm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"
mount -t mqueue mqueue "$root/dev/mqueue"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"

hostname "$NAME"
cd "$root"
pivot_root . mnt
umount -l /mnt
exec env -i container=lab PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	/lib/systemd/systemd --system --show-status=1 --unit=multi-user.target
