// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
)

var names = cloudconfig.InstanceData{Hostname: "node-7", InstanceID: "6f1d3c3e-0000-4000-8000-000000000171", LocalIPv4: "10.150.0.171", LocalIPv6: "fd00::171", AvailabilityZone: "rack1"}

// tags are Jinja tags and their values on the machine of names.
var tags = map[string]string{
	"{{ ds.meta_data.hostname }}": "node-7", "{{ds.meta_data.local_hostname}}": "node-7", "{{ v1.local_hostname }}": "node-7",
	"{{ ds['meta_data']['instance_id'] }}": "6f1d3c3e-0000-4000-8000-000000000171", "{{ instance_id }}": "6f1d3c3e-0000-4000-8000-000000000171",
	"{{ ds.meta_data.local_ipv4 }}": "10.150.0.171", "{{ ds.meta_data.local_ipv6 }}": "fd00::171", "{{ v1.availability_zone }}": "rack1",
	"{% raw %}{{ .Go }} ${#a[@]}{% endraw %}": "{{ .Go }} ${#a[@]}",
}

func tagNames() []string {
	var all []string
	for tag := range tags {
		all = append(all, tag)
	}
	slices.Sort(all)
	return all
}

func withoutTags(s string) string {
	var pairs []string
	for tag, value := range tags {
		pairs = append(pairs, tag, value)
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

// wishOf is what the spec of a machine asks for, and what CABPK adds for its kind.
func wishOf(tb testing.TB, m cabpk.Machine) wish {
	tb.Helper()
	raw, err := json.Marshal(m.Spec)
	assert.NoError(tb, err)
	var s bootstrapv1.KubeadmConfigSpec
	assert.NoError(tb, json.Unmarshal([]byte(withoutTags(string(raw))), &s))
	w := wish{boot: s.BootCommands, users: s.Users, disks: s.DiskSetup.Partitions, filesystems: s.DiskSetup.Filesystems, mounts: s.Mounts, kubeadm: len(s.PreKubeadmCommands)}
	if s.NTP.Enabled != nil || len(s.NTP.Servers) > 0 {
		w.ntp = &s.NTP
	}
	verbosity := ""
	if s.Verbosity != nil {
		verbosity = "--v " + strconv.Itoa(int(*s.Verbosity))
	}
	command := "kubeadm join --config /run/kubeadm/kubeadm-join-config.yaml " + verbosity + sentinel
	if m.Kind == cabpk.Init {
		command = "kubeadm init --config /run/kubeadm/kubeadm.yaml " + verbosity + sentinel
	}
	w.run = slices.Concat(s.PreKubeadmCommands, []string{command}, s.PostKubeadmCommands)
	w.files = certificateFiles(m)
	files := s.Files
	if f := m.DiscoveryFile(tb); f != nil {
		f.Content = withoutTags(f.Content)
		files = append(files, *f)
	}
	for _, f := range append(files, kubeadmFile(tb, m)) {
		f.Content = blockScalar(f.Content)
		w.files = append(w.files, f)
	}
	return w
}

// certificateFiles are those that CABPK has for a control plane, in its order.
func certificateFiles(m cabpk.Machine) []bootstrapv1.File {
	if m.Kind == cabpk.Worker {
		return nil
	}
	c := m.Spec.ClusterConfiguration
	dir := or(c.CertificatesDir, "/etc/kubernetes/pki")
	etcd, client := [3]string{"etcd", dir + "/etcd/ca.crt", dir + "/etcd/ca.key"}, [3]string{"apiserver-etcd-client"}
	if external := c.Etcd.External; len(external.Endpoints) > 0 {
		etcd = [3]string{"etcd", external.CAFile}
		client[1], client[2] = external.CertFile, external.KeyFile
	}
	var files []bootstrapv1.File
	for _, c := range [][3]string{
		{"ca", dir + "/ca.crt", dir + "/ca.key"}, etcd, {"proxy", dir + "/front-proxy-ca.crt", dir + "/front-proxy-ca.key"},
		{"sa", dir + "/sa.pub", dir + "/sa.key"}, client,
	} {
		if c[1] != "" {
			files = append(files, bootstrapv1.File{Path: c[1], Owner: "root:root", Permissions: "0640", Content: "not the certificate " + c[0] + "\n"})
		}
		if c[2] != "" {
			files = append(files, bootstrapv1.File{Path: c[2], Owner: "root:root", Permissions: "0600", Content: "not the key " + c[0] + "\n"})
		}
	}
	return files
}

// kubeadmFile is where and how CABPK's templates write kubeadm's configuration.
func kubeadmFile(tb testing.TB, m cabpk.Machine) bootstrapv1.File {
	tb.Helper()
	cluster, own := m.Kubeadm(tb)
	f := bootstrapv1.File{Path: "/run/kubeadm/kubeadm-join-config.yaml", Owner: "root:root", Permissions: "0640"}
	switch m.Kind {
	case cabpk.Init:
		f.Path = "/run/kubeadm/kubeadm.yaml"
		f.Content = "---\n" + cluster + "\n---\n" + own
	case cabpk.JoinCP:
		f.Content = own
	default:
		f.Content = "---\n" + own
	}
	f.Content = withoutTags(f.Content)
	return f
}

// blockScalar is what is left of a text that CABPK writes after "content: |": YAML keeps one line break at the end.
func blockScalar(s string) string {
	if s = strings.TrimRight(s, "\n"); s == "" {
		return ""
	}
	return s + "\n"
}

// decoded undoes a file's encoding; a wish has no others than Cluster API's and cloud-init's short names.
func decoded(f bootstrapv1.File) string {
	if f.Content == "" {
		return "" // without content there is nothing to unpack
	}
	content := []byte(f.Content)
	if f.Encoding == "b64" || strings.HasSuffix(string(f.Encoding), "base64") || strings.HasSuffix(string(f.Encoding), "+b64") {
		compact := strings.Join(strings.Fields(f.Content), "")
		var err error
		if content, err = base64.StdEncoding.DecodeString(compact); err != nil {
			panic(err)
		}
	}
	if strings.HasPrefix(string(f.Encoding), "gz") {
		zr, err := gzip.NewReader(bytes.NewReader(content))
		if err != nil {
			panic(err)
		}
		if content, err = io.ReadAll(zr); err != nil {
			panic(err)
		}
	}
	return string(content)
}

// wishOfText is what a cloud-config asks for that another YAML library has read. The converter has accepted it, so its
// values are valid.
func wishOfText(p *cabpk.Plain) wish {
	w := wish{boot: p.BootCmd, run: p.RunCmd}
	w.kubeadm = slices.IndexFunc(p.RunCmd, func(c string) bool {
		return (strings.HasPrefix(c, "kubeadm init --config ") || strings.HasPrefix(c, "kubeadm join --config ")) && strings.HasSuffix(c, sentinel)
	})
	for _, f := range p.WriteFiles {
		w.files = append(w.files, bootstrapv1.File{Path: f.Path, Encoding: bootstrapv1.Encoding(f.Encoding), Owner: f.Owner, Permissions: f.Permissions, Content: f.Content, Append: new(f.Append)})
	}
	for _, u := range p.Users {
		w.users = append(w.users, bootstrapv1.User{Name: u.Name, Passwd: u.Passwd, Gecos: u.Gecos, Groups: u.Groups, HomeDir: u.Homedir, Shell: u.Shell,
			Sudo: u.Sudo, PrimaryGroup: u.PrimaryGroup, LockPassword: u.LockPasswd, SSHAuthorizedKeys: u.SSHAuthorizedKeys})
	}
	if p.NTP != nil {
		w.ntp = &bootstrapv1.NTP{Enabled: p.NTP.Enabled, Servers: p.NTP.Servers}
	}
	for _, d := range p.DiskSetup {
		disk := bootstrapv1.Partition{Device: d.Device, TableType: d.TableType, Overwrite: d.Overwrite, Layout: d.Layout.Whole}
		for _, part := range d.Layout.Partitions {
			spec := bootstrapv1.PartitionSpec{Percentage: 100} // it accepts no other
			if len(part) > 1 {
				spec.PartitionType = part[1]
			}
			disk.DiskLayout = append(disk.DiskLayout, spec)
		}
		w.disks = append(w.disks, disk)
	}
	for _, f := range p.FSSetup {
		w.filesystems = append(w.filesystems, bootstrapv1.Filesystem{Device: f.Device, Filesystem: f.Filesystem, Label: f.Label, Partition: f.Partition, Overwrite: f.Overwrite, ExtraOpts: f.ExtraOpts})
	}
	for _, m := range p.Mounts {
		w.mounts = append(w.mounts, m)
	}
	return w
}
