#!/bin/sh
# Builds the initramfs of the root file system $1 with the Ignition engine $2 and dracut's configuration $3. The results
# are $1/boot/initramfs and $1/boot/vmlinuz. To be run in a mount namespace of its own.
set -eu
root=$1
engine=$root/usr/lib/dracut/modules.d/30ignition
cp "$2" "$engine/ignition"
sed -i 's/echo qemu systemd url-lib network/echo systemd/' "$engine/module-setup.sh"
cp "$3" "$root/etc/dracut.conf.d/"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --bind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
version=$(ls "$root/lib/modules")
chroot "$root" dracut --force --no-hostonly --tmpdir /var/tmp --kver "$version" /boot/initramfs
chmod 644 "$root/boot/initramfs"
cp "$root/boot/vmlinuz-$version" "$root/boot/vmlinuz"
