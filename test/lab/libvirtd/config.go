// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtd

// The settings do without systemd, D-Bus, cgroups and virtlogd. QEMU runs as root because as another user every start
// of a guest takes seconds longer on machines whose /dev/kvm does not work.
const (
	libvirtdConf = `auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_group = "root"
unix_sock_rw_perms = "0700"
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
`
	qemuConf = `security_driver = "none"
user = "root"
group = "root"
dynamic_ownership = 1
remember_owner = 0
cgroup_controllers = [ ]
namespaces = [ ]
stdio_handler = "file"
swtpm_user = "root"
swtpm_group = "root"
`
)

func poolXML(name string) string {
	return "<pool type='dir'><name>" + name + "</name><target><path>/var/lib/libvirt/" + name + "</path></target></pool>\n"
}
