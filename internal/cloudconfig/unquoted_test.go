// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig_test

import (
	"crypto/ed25519"
	"path"
	"strings"
	"testing"
	"unicode"

	"github.com/blang/semver/v4"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
)

// unquoted are the values that CABPK writes without quotes, by name: how one gets into a spec and what is read of it.
var unquoted = map[string]struct {
	set func(*bootstrapv1.KubeadmConfigSpec, string)
	get func(*cloudconfig.Config) string
}{
	"path":   {func(s *bootstrapv1.KubeadmConfigSpec, v string) { s.Files[0].Path = v }, func(c *cloudconfig.Config) string { return c.WriteFiles[0].Path }},
	"owner":  {func(s *bootstrapv1.KubeadmConfigSpec, v string) { s.Files[0].Owner = v }, func(c *cloudconfig.Config) string { return c.WriteFiles[0].Owner }},
	"name":   {func(s *bootstrapv1.KubeadmConfigSpec, v string) { s.Users[0].Name = v }, func(c *cloudconfig.Config) string { return c.Users[0].Name }},
	"passwd": {func(s *bootstrapv1.KubeadmConfigSpec, v string) { s.Users[0].Passwd = v }, func(c *cloudconfig.Config) string { return c.Users[0].PasswordHash }},
	"gecos":  {func(s *bootstrapv1.KubeadmConfigSpec, v string) { s.Users[0].Gecos = v }, func(c *cloudconfig.Config) string { return c.Users[0].Gecos }},
	"groups": {func(s *bootstrapv1.KubeadmConfigSpec, v string) { s.Users[0].Groups = v }, func(c *cloudconfig.Config) string { return strings.Join(c.Users[0].Groups, "") }},
	"home":   {func(s *bootstrapv1.KubeadmConfigSpec, v string) { s.Users[0].HomeDir = v }, func(c *cloudconfig.Config) string { return c.Users[0].HomeDir }},
	"shell":  {func(s *bootstrapv1.KubeadmConfigSpec, v string) { s.Users[0].Shell = v }, func(c *cloudconfig.Config) string { return c.Users[0].Shell }},
	"group":  {func(s *bootstrapv1.KubeadmConfigSpec, v string) { s.Users[0].PrimaryGroup = v }, func(c *cloudconfig.Config) string { return c.Users[0].PrimaryGroup }},
	"sudo":   {func(s *bootstrapv1.KubeadmConfigSpec, v string) { s.Users[0].Sudo = v }, func(c *cloudconfig.Config) string { return c.Users[0].Sudo }},
	"key":    {func(s *bootstrapv1.KubeadmConfigSpec, v string) { s.Users[0].SSHAuthorizedKeys[0] = v }, func(c *cloudconfig.Config) string { return c.Users[0].SSHAuthorizedKeys[0] }},
	"server": {func(s *bootstrapv1.KubeadmConfigSpec, v string) { s.NTP.Servers[0] = v }, func(c *cloudconfig.Config) string { return c.NTP.Servers[0] }},
	"label":  {func(s *bootstrapv1.KubeadmConfigSpec, v string) { s.DiskSetup.Filesystems[0].Label = v }, func(c *cloudconfig.Config) string { return c.Filesystems[0].Label }},
	"format": {func(s *bootstrapv1.KubeadmConfigSpec, v string) { s.DiskSetup.Filesystems[0].Filesystem = v }, func(c *cloudconfig.Config) string { return c.Filesystems[0].Format }},
	"device": {func(s *bootstrapv1.KubeadmConfigSpec, v string) { s.DiskSetup.Filesystems[0].Device = v }, func(c *cloudconfig.Config) string { return c.Filesystems[0].Device }},
	"part":   {func(s *bootstrapv1.KubeadmConfigSpec, v string) { s.DiskSetup.Filesystems[0].Partition = v }, func(c *cloudconfig.Config) string { return c.Filesystems[0].Partition }},
	"extra":  {func(s *bootstrapv1.KubeadmConfigSpec, v string) { s.DiskSetup.Filesystems[0].ExtraOpts[1] = v }, func(c *cloudconfig.Config) string { return c.Filesystems[0].Options[1] }},
	"source": {func(s *bootstrapv1.KubeadmConfigSpec, v string) { s.Mounts[0][0] = v }, func(c *cloudconfig.Config) string { return c.Mounts[0][0] }},
	"option": {func(s *bootstrapv1.KubeadmConfigSpec, v string) { s.Mounts[0][3] = v }, func(c *cloudconfig.Config) string { return c.Mounts[0][3] }},
}

func withValue(field, value string) cabpk.Machine {
	m := cabpk.Machine{Kind: cabpk.Worker, Version: semver.MustParse("1.34.3")}
	m.Spec = bootstrapv1.KubeadmConfigSpec{
		Files: []bootstrapv1.File{{Path: "/etc/x", Owner: "root"}}, Mounts: []bootstrapv1.MountPoints{{"/dev/vdb", "/var/x", "ext4", "defaults"}},
		Users: []bootstrapv1.User{{Name: "a", SSHAuthorizedKeys: []string{"k", "l"}}}, NTP: bootstrapv1.NTP{Servers: []string{"a", "b"}},
		DiskSetup: bootstrapv1.DiskSetup{Filesystems: []bootstrapv1.Filesystem{{Device: "/dev/vdb", Filesystem: "ext4", ExtraOpts: []string{"-E", "x"}}}},
	}
	m.Spec.JoinConfiguration.Discovery.BootstrapToken = bootstrapv1.BootstrapTokenDiscovery{Token: "abcdef.0123456789abcdef", APIServerEndpoint: "10.0.0.1:6443"}
	unquoted[field].set(&m.Spec, value)
	return m
}

// checkValue: a value is read exactly as it is in the spec, or refused. One that begins with a quote is YAML
// that its author meant.
func checkValue(t *testing.T, field, value string) (refused bool) {
	t.Helper()
	odd := func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\r' }
	if value == "" || strings.ContainsFunc(value, odd) || strings.TrimSpace(value) != value || strings.ContainsAny(value, "{,") || strings.ContainsAny(value[:1], `"'`) {
		return false
	}
	want := value
	if field == "path" {
		want = path.Clean(value)
	}
	got, err := cloudconfig.Parse(withValue(field, value).CloudConfig(t), cloudconfig.InstanceData{})
	if err != nil {
		return true
	}
	if diff := cmp.Diff(want, unquoted[field].get(got)); diff != "" {
		t.Errorf("%s (-in the spec +read)\n%s", field, diff)
	}
	return false
}

func TestParse_readsUnquotedValuesWholeOrRefusesThem(t *testing.T) {
	values := map[string]bool{ // whether YAML reads them as something else
		"/a b": false, "/a#b": false, "/a:b": false, "/true": false, "/a #b": true, "/a\u00a0#b": false, "/a: b": true,
		"/a\nb": true, "/a\n      b": true, "/a\n\n      b": true, "/a\r      b": true, "/a\n# b": true, "/a\n\n      # b": true, "/a\r# b": true, "|\n      a": true, ">\n      a": true, "#\n      a": true, "/a é\n      b": true,
		"#a": true, "|": true, ">": true, "|-": true, "~": true, "null": true, "!": true, "! a": true, "!a": true, "&a": true, "&a b": true, "*a": true, "- a": true, "%a": true, "@a": true,
	}
	for field := range unquoted {
		for value, want := range values {
			if refused := checkValue(t, field, value); refused != (want || field == "path" && value[0] != '/') {
				t.Errorf("%s %q is refused: %t", field, value, refused)
			}
		}
	}
}

// Remarks behind keys are as people write them; options before keys must not be lost.
func TestParse_readsKeysWithRemarks(t *testing.T) {
	public, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public())
	assert.NoError(t, err)
	key := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
	for value, refused := range map[string]bool{
		key + " # laptop": false, key + " me@home #2 ": false, `from="10.0.0.1" ` + key + " #1": false,
		`command="echo #1" ` + key: false, `command="echo #1 #2" ` + key: false,
		`command="echo #1" ` + key + " # x": false, "# " + key: true, key[:40] + " # cut": true, "ssh-ed25519 #" + key: true,
	} {
		got, err := cloudconfig.Parse(withValue("key", value).CloudConfig(t), cloudconfig.InstanceData{})
		switch {
		case (err != nil) != refused:
			t.Errorf("%q: %v", value, err)
		case err == nil && got.Users[0].SSHAuthorizedKeys[0] != strings.TrimSpace(value):
			t.Errorf("%q became %q", value, got.Users[0].SSHAuthorizedKeys[0])
		}
	}
}

// FuzzParse_readsUnquotedValues is the same with any value.
func FuzzParse_readsUnquotedValues(f *testing.F) {
	for _, value := range []string{`command="echo #1" ssh-ed25519 AAAA`, "Bob # room 5", "/etc/a #b", "|", "a: b", "0x1", "? a", "<<", "--- a", "./ /0"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for field := range unquoted {
			checkValue(t, field, value)
		}
	})
}
