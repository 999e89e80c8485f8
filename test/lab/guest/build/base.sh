#!/bin/sh
# Run by mmdebstrap on the finished root file system: turns Debian's layout into that of ALT Container OS.
set -eu
root=$1

for name in home opt srv mnt; do
	mv "$root/$name" "$root/var/$name"
	ln -s "var/$name" "$root/$name"
done
mv "$root/root" "$root/var/roothome"
ln -s var/roothome "$root/root"
mv "$root/usr/local" "$root/var/usrlocal"
ln -s ../var/usrlocal "$root/usr/local"
mkdir -p "$root/var/opt/cni/bin" "$root/var/libexec/kubernetes" "$root/var/mnt" "$root/usr/libexec"
ln -s ../../var/libexec/kubernetes "$root/usr/libexec/kubernetes"

chroot "$root" groupadd --system docker
chroot "$root" groupadd --system wheel
chroot "$root" useradd --create-home --home-dir /var/home/altcos --shell /bin/bash --groups docker,wheel altcos

# Each plug-in is a program of 3 MB: keep those that flannel and CRI-O use.
mkdir "$root/usr/libexec/cni"
for plugin in bandwidth bridge firewall host-local loopback portmap tuning; do
	mv "$root/usr/lib/cni/$plugin" "$root/usr/libexec/cni/"
done
rm -r "$root/usr/lib/cni"
rm -f "$root"/etc/cni/net.d/* "$root"/etc/ssh/ssh_host_* "$root"/boot/initrd.img-* "$root"/boot/System.map-*
rm -rf "$root"/usr/lib/systemd/user/podman* "$root"/var/log/* "$root"/var/cache/* "$root"/var/lib/apt/lists/*
mkdir -p "$root/var/log/journal" "$root/var/cache/ldconfig"

for unit in systemd-firstboot.service systemd-hwdb-update.service ldconfig.service systemd-journal-catalog-update.service \
	systemd-update-done.service systemd-sysusers.service systemd-pcrmachine.service e2scrub_reap.service getty@tty1.service \
	systemd-networkd-persistent-storage.service apt-daily.timer apt-daily-upgrade.timer; do
	ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
rm -f "$root/etc/hostname"
echo localhost >"$root/etc/hostname"
printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
echo uninitialized >"$root/etc/machine-id"
