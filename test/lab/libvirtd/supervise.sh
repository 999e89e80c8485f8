# PID 1 of the namespaces. It takes orders on its standard input, one a line, and answers each with a line. When the
# input ends, because the test is over or has died, it leaves, and the kernel ends everything in the namespaces.
set -eu
root=$1
mount --make-rprivate /
mount -t proc proc /proc
# The interface driver reads /sys/class/net, which shows the network of whoever mounted it.
mount -t sysfs sysfs /sys
mount --bind "$root/etc" /etc/libvirt
mount --bind "$root/lib" /var/lib/libvirt
mkdir /var/lib/libvirt/small
mount -t tmpfs -o size=16m tmpfs /var/lib/libvirt/small
mount --bind "$root/cache" /var/cache/libvirt
mount --bind "$root/log" /var/log/libvirt
mount --bind "$root/run" /run/libvirt
# swtpm_setup keeps the authority of its certificates here.
mkdir -p /var/lib/swtpm-localca
mount -t tmpfs tmpfs /var/lib/swtpm-localca
# libvirtd insists on the users that the packages with systemd units would make.
for file in passwd group; do
	grep -v '^libvirt' /etc/$file >"$root/$file"
done
echo 'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin' >>"$root/passwd"
echo 'libvirt-qemu:x:64055:' >>"$root/group"
mount --bind "$root/passwd" /etc/passwd
mount --bind "$root/group" /etc/group
ip link set lo up
ip link add br0 type bridge forward_delay 0
ip link add up0 type veth peer name up1
ip link set up0 master br0
ip link set up0 up
ip link set up1 up
ip link set br0 up
echo ready
pid=
while read -r order argument; do
	case $order in
	start)
		rm -f /run/libvirt/libvirt-sock
		/usr/sbin/libvirtd --pid-file "$root/libvirtd.pid" >"$root/libvirtd.out" 2>&1 </dev/null &
		pid=$!
		;;
	signal)
		kill -s "$argument" "$pid" || true
		;;
	await)
		wait "$pid" || true
		;;
	esac
	echo "done"
done
