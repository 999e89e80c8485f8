// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudinit_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_2/types"
	"k8s.io/utils/ptr"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	"sigs.k8s.io/cluster-api/bootstrap/kubeadm/pkg/cloudinit"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/cabpktest"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/fromcloudinit"
)

// generator makes what a KubeadmConfigSpec may hold.
type generator struct{ *rand.Rand }

func (g generator) word() string {
	b := make([]byte, 1+g.IntN(8))
	for i := range b {
		b[i] = "abcdefghijklmnopqrstuvwxyz"[g.IntN(26)]
	}
	return string(b)
}

// command has everything that can break quoting, except what Jinja would read.
func (g generator) command() string {
	pieces := []string{"echo ", "'", `"`, `\`, "\n", "\t", "$(", ")", "é", "&&", "#", " ", ": ", "- ", "{", "%", "`"}
	var b strings.Builder
	for range 1 + g.IntN(8) {
		b.WriteString(pieces[g.IntN(len(pieces))])
		b.WriteString(g.word())
	}
	return b.String()
}

func some[T any](g generator, most int, one func(i int) T) []T {
	var out []T
	for i := range g.IntN(most + 1) {
		out = append(out, one(i))
	}
	return out
}

func (g generator) spec() cloudinit.BaseUserData {
	command := func(int) string { return g.command() }
	s := cloudinit.BaseUserData{
		BootCommands: some(g, 2, command), PreKubeadmCommands: some(g, 4, command), PostKubeadmCommands: some(g, 4, command),
		AdditionalFiles: some(g, 5, func(i int) bootstrapv1.File {
			f := bootstrapv1.File{Path: fmt.Sprintf("%s/f%d", []string{"/etc", "/opt/x", "/run/y", "/var/lib/z"}[g.IntN(4)], i), Content: g.word() + "\n" + g.command()}
			if g.IntN(2) == 0 {
				f.Owner, f.Permissions = "root:"+g.word(), "0640"
			}
			if g.IntN(3) == 0 {
				f.Append = ptr.To(true)
			}
			return f
		}),
		Users: some(g, 3, func(i int) bootstrapv1.User {
			return bootstrapv1.User{Name: fmt.Sprintf("%s%d", g.word(), i), Groups: g.word() + ", " + g.word(), SSHAuthorizedKeys: some(g, 3, func(i int) string { return fmt.Sprintf("ssh-rsa %s%d", g.word(), i) })}
		}),
		Mounts: some(g, 3, func(i int) bootstrapv1.MountPoints {
			return bootstrapv1.MountPoints{"LABEL=" + g.word(), fmt.Sprintf("/var/lib/%s%d", g.word(), i)}
		}),
	}
	if g.IntN(2) == 0 {
		s.NTP = &bootstrapv1.NTP{Enabled: ptr.To(true), Servers: []string{g.word() + ".example"}}
	}
	if g.IntN(2) == 0 {
		s.DiskSetup = &bootstrapv1.DiskSetup{
			Partitions:  []bootstrapv1.Partition{{Device: "/dev/vdb", TableType: "gpt", Layout: ptr.To(true)}},
			Filesystems: []bootstrapv1.Filesystem{{Device: "/dev/vdb", Filesystem: "ext4", Label: g.word()}},
		}
	}
	return s
}

// TestConvert_keepsEverythingOfCABPK: every file, user, command and mount of 300 generated machines is in the Ignition
// config, in order, and nothing else is.
func TestConvert_keepsEverythingOfCABPK(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(1, 2))}
	kinds := []cabpktest.Kind{cabpktest.Init, cabpktest.JoinCP, cabpktest.Worker}
	for i := range 300 {
		spec := g.spec()
		data := cabpktest.Render(t, kinds[i%3], spec, bootstrapv1.NodeRegistrationOptions{})
		cfg, err := cloudconfig.Parse(data, cloudconfig.Names{})
		if err != nil {
			t.Fatalf("machine %d: parse: %v\n%s", i, err, data)
		}
		got, err := fromcloudinit.Convert(cfg)
		if err != nil {
			t.Fatalf("machine %d: convert: %v\n%s", i, err, data)
		}
		if err := ignition.Check(got.Layer); err != nil {
			t.Fatalf("machine %d: Ignition says %v", i, err)
		}
		if missing := compare(t, spec, cfg, got.Layer.Config); missing != "" {
			t.Fatalf("machine %d: %s\n%s", i, missing, data)
		}
	}
}

// compare returns what is missing or too much.
func compare(t *testing.T, spec cloudinit.BaseUserData, cfg *cloudconfig.Config, got types.Config) string {
	t.Helper()
	files := map[string]types.File{}
	for _, f := range got.Storage.Files {
		files[f.Path] = f
	}
	script := contents(t, files[altcos.StateDir+"/bootstrap.sh"].Contents)
	delete(files, altcos.StateDir+"/bootstrap.sh")
	if why := inOrder(script, append(append(quoted(spec.PreKubeadmCommands), " 'kubeadm "), quoted(spec.PostKubeadmCommands)...)); why != "" {
		return why
	}
	if n := strings.Count(script, "\naltcos_step 'command "); n != len(spec.PreKubeadmCommands)+1+len(spec.PostKubeadmCommands) {
		return fmt.Sprintf("the script has %d commands", n)
	}
	if len(spec.BootCommands) > 0 {
		if why := inOrder(contents(t, files[altcos.StateDir+"/bootcmd.sh"].Contents), quoted(spec.BootCommands)); why != "" {
			return why
		}
		delete(files, altcos.StateDir+"/bootcmd.sh")
	}
	for _, f := range cfg.WriteFiles {
		if why := hasFile(t, files, script, f); why != "" {
			return why
		}
	}
	if spec.NTP != nil {
		delete(files, "/etc/systemd/timesyncd.conf.d/50-bootstrap.conf")
	}
	if len(files) > 0 {
		return fmt.Sprintf("%d files too much", len(files))
	}
	return compareRest(spec, got)
}

func compareRest(spec cloudinit.BaseUserData, got types.Config) string {
	if len(got.Passwd.Users) != len(spec.Users) {
		return fmt.Sprintf("%d users", len(got.Passwd.Users))
	}
	for i, u := range spec.Users {
		if have := got.Passwd.Users[i]; have.Name != u.Name || len(have.SSHAuthorizedKeys) != len(u.SSHAuthorizedKeys) {
			return "user " + u.Name
		}
	}
	units := 1 // kubeadm's
	for _, extra := range []bool{len(spec.BootCommands) > 0, spec.NTP != nil} {
		if extra {
			units++
		}
	}
	for _, m := range spec.Mounts {
		name := altcos.MountUnit(m[1])
		if !slices.ContainsFunc(got.Systemd.Units, func(u types.Unit) bool { return u.Name == name }) {
			return "no " + name
		}
		units++
	}
	if len(got.Systemd.Units) != units {
		return fmt.Sprintf("%d units, want %d", len(got.Systemd.Units), units)
	}
	if want := spec.DiskSetup != nil; (len(got.Storage.Disks) == 1 && len(got.Storage.Filesystems) == 1) != want {
		return "disks"
	}
	return ""
}

func hasFile(t *testing.T, files map[string]types.File, script string, f cloudconfig.File) string {
	t.Helper()
	if f.Path == "/run/cluster-api/placeholder" {
		return ""
	}
	if !strings.HasPrefix(f.Path, "/run/") {
		have, ok := files[f.Path]
		text := contents(t, have.Contents)
		for _, r := range have.Append {
			text += contents(t, r)
		}
		delete(files, f.Path)
		if !ok || text != string(f.Content) || (f.Mode != nil && *have.Mode != *f.Mode) {
			return "file " + f.Path
		}
		return ""
	}
	if strings.HasPrefix(f.Path, "/run/kubeadm/") && !bytes.Contains(f.Content, []byte("criSocket")) {
		f.Content = nil // changed; its own test compares it
	}
	for path, have := range files {
		moved := strings.HasPrefix(path, altcos.StateDir+"/stage/") && strings.Contains(script, path+" >")
		if text := contents(t, have.Contents); moved && strings.Contains(script, "'"+f.Path+"'") && (f.Content == nil && strings.Contains(text, "criSocket") || f.Content != nil && text == string(f.Content)) {
			delete(files, path)
			return ""
		}
	}
	return "staged file " + f.Path
}

func quoted(commands []string) []string {
	var out []string
	for _, c := range commands {
		out = append(out, "eval '"+strings.ReplaceAll(c, "'", `'\''`)+"'\n")
	}
	return out
}

func inOrder(text string, parts []string) string {
	for _, p := range parts {
		_, after, found := strings.Cut(text, p)
		if !found {
			return fmt.Sprintf("%q is missing or out of order", p)
		}
		text = after
	}
	return ""
}
