// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_2/types"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	yaml "sigs.k8s.io/yaml/goyaml.v2"
)

const sentinel = " && echo success > /run/cluster-api/bootstrap-success.complete"

// skeleton is the part of the script that does not depend on the machine. It is cut out of the scripts of the smallest
// machines: what it does is the business of script_test.go, which runs it.
type skeleton struct{ head, joined, retry, tail string }

// newSkeleton cuts at the one step of each, which the model knows to the letter.
func newSkeleton(tb testing.TB) skeleton {
	tb.Helper()
	cut := func(command, step string) (before, after string) {
		for _, f := range layer(tb, "runcmd: ['"+command+"']").Storage.Files {
			if before, after, ok := strings.Cut(contents(tb, f.Contents), step); ok && f.Path == state+"/bootstrap.sh" {
				return before, after
			}
		}
		tb.Fatalf("there is no script with the step %q", step)
		return "", ""
	}
	var s skeleton
	s.head, s.tail = cut("x", "altcos_step 'command 1 of 1'\neval 'x'\n")
	initHead, initTail := cut("kubeadm init --config /x"+sentinel, "altcos_step 'command 1 of 1: kubeadm init'\neval 'kubeadm init --config /x'\n")
	joinHead, joinTail := cut("kubeadm join --config /x"+sentinel, "altcos_step 'command 1 of 1: kubeadm join'\naltcos_join 'kubeadm join --config /x'\n")
	s.joined = strings.TrimSuffix(initTail, s.tail)
	s.retry = strings.TrimPrefix(joinHead, s.head)
	if initHead != s.head || joinTail != initTail || s.joined+s.tail != initTail || s.head+s.retry != joinHead {
		tb.Fatal("the scripts have no common head and tail")
	}
	return s
}

func word(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// files are on the disk when the machine starts, except those of a tmpfs, which the script puts there.
func (m *model) files() {
	owners := map[string]string{}
	for _, f := range m.wish.files {
		f.Path = path.Clean(f.Path)
		content := decoded(f)
		switch {
		case f.Path == "/run/cluster-api/placeholder":
		case slices.ContainsFunc([]string{"/run/", "/var/run/", "/var/lock/", "/tmp/"}, func(dir string) bool { return strings.HasPrefix(f.Path, dir) }):
			m.stage(f, content)
		default:
			m.onDisk(f, content)
			if f.Owner != "" || !isTrue(f.Append) {
				owners[f.Path] = f.Owner
			}
		}
	}
	for i := range m.want.Storage.Files {
		m.own(&m.want.Storage.Files[i], owners)
	}
}

// own lets Ignition give a file to whom it can find in the image's own files and among the wish's users, and the script to
// anybody else.
func (m *model) own(file *types.File, owners map[string]string) {
	user, group, _ := strings.Cut(owners[file.Path], ":")
	users, groups := []string{"", "root", "altcos"}, []string{"", "root", "altcos", "wheel", "docker", "adm"}
	for _, u := range m.wish.users {
		users = append(users, u.Name)
		groups = append(groups, or(u.PrimaryGroup, u.Name))
		for g := range strings.SplitSeq(u.Groups, ",") {
			groups = append(groups, strings.TrimSpace(g))
		}
	}
	uid, uname := account(user)
	gid, gname := account(group)
	if uname != nil && !slices.Contains(users, user) || gname != nil && !slices.Contains(groups, group) {
		m.staged = append(m.staged, "altcos_step "+word("owner of "+file.Path)+"\nchown "+owners[file.Path]+" "+word(file.Path)+"\n")
		return
	}
	file.User.ID, file.User.Name, file.Group.ID, file.Group.Name = uid, uname, gid, gname
}

func octal(s string) *int {
	if s == "" {
		return nil
	}
	v, err := strconv.ParseInt(strings.TrimPrefix(s, "0o"), 8, 32)
	if err != nil {
		panic(err) // the model is asked about valid wishes only
	}
	return ptrTo(int(v))
}

func (m *model) onDisk(f bootstrapv1.File, content string) {
	files := &m.want.Storage.Files
	i := slices.IndexFunc(*files, func(have types.File) bool { return have.Path == f.Path })
	if i < 0 {
		i = len(*files)
		*files = append(*files, types.File{Node: types.Node{Path: f.Path}})
	}
	file := &(*files)[i]
	if !isTrue(f.Append) {
		*file = types.File{Node: types.Node{Path: f.Path, Overwrite: ptrTo(true)}, FileEmbedded1: types.FileEmbedded1{Mode: ptrTo(0o644), Contents: plain(content)}}
	} else {
		before := file.Contents.Source != nil
		for _, r := range file.Append {
			before = before || *r.Source != *plain("").Source
		}
		if content != "" && !before { // not glued to what the image has
			content = "\n" + content
		}
		file.Append = append(file.Append, plain(content))
	}
	if mode := octal(f.Permissions); mode != nil {
		file.Mode = mode
	}
}

func account(s string) (id *int, name *string) {
	if s == "root" {
		s = "0"
	}
	if n, err := strconv.Atoi(s); err == nil {
		return &n, nil
	}
	return nil, orNil(s)
}

func (m *model) stage(f bootstrapv1.File, content string) {
	base := []byte(path.Base(f.Path))
	for i, c := range base {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", rune(c)) {
			base[i] = '_'
		}
	}
	source := fmt.Sprintf("%s/stage/%02d-%s", state, len(m.staged), base)
	if f.Path == "/run/kubeadm/kubeadm.yaml" || f.Path == "/run/kubeadm/kubeadm-join-config.yaml" {
		var ok bool
		content, m.byMeaning[source], ok = withCRIO(content)
		m.unsure = m.unsure || !ok
	}
	m.file(source, 0o600, content)
	target := word(f.Path)
	step := "altcos_step " + word("file "+f.Path) + "\nmkdir -p " + word(path.Dir(f.Path)) + "\n"
	if isTrue(f.Append) {
		step += "cat " + source + " >> " + target + "\n"
	} else {
		step += "rm -f " + target + "\n(umask 077; cat " + source + " > " + target + ")\n"
		f.Owner, f.Permissions = or(f.Owner, "root:root"), or(f.Permissions, "0644")
	}
	if f.Owner != "" {
		step += "chown " + f.Owner + " " + target + "\n"
	}
	if mode := octal(f.Permissions); mode != nil {
		step += fmt.Sprintf("chmod %04o %s\n", *mode, target)
	}
	m.staged = append(m.staged, step)
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// withCRIO returns kubeadm's configuration with CRI-O's socket where it names none. Then only its meaning counts, and
// it comes as JSON.
func withCRIO(content string) (out string, changed, ok bool) {
	docs, ok := documents(content)
	for _, doc := range docs {
		if kind := doc["kind"]; kind != "InitConfiguration" && kind != "JoinConfiguration" {
			continue
		}
		registration, _ := doc["nodeRegistration"].(map[string]any)
		if registration == nil {
			registration = map[string]any{}
			doc["nodeRegistration"] = registration
		}
		if socket := registration["criSocket"]; socket == nil || socket == "" {
			registration["criSocket"] = "unix:///var/run/crio/crio.sock"
			changed = true
		}
	}
	if !changed {
		return content, false, ok
	}
	return asJSON(docs), true, ok
}

func asJSON(docs []map[string]any) string {
	out, err := json.Marshal(docs)
	if err != nil {
		panic(err)
	}
	return string(out)
}

// documents are the mappings of a YAML stream; ok is false when it is none.
func documents(content string) (docs []map[string]any, ok bool) {
	dec := yaml.NewDecoder(strings.NewReader(content))
	for {
		var doc any
		if err := dec.Decode(&doc); err != nil {
			return docs, errors.Is(err, io.EOF)
		}
		if tree, isMapping := withTextKeys(doc).(map[string]any); isMapping {
			docs = append(docs, tree)
		}
	}
}

func withTextKeys(v any) any {
	switch t := v.(type) {
	case map[any]any:
		out := map[string]any{}
		for k, inner := range t {
			out[fmt.Sprint(k)] = withTextKeys(inner)
		}
		return out
	case []any:
		for i := range t {
			t[i] = withTextKeys(t[i])
		}
	}
	return v
}

func (m *model) bootCommands() {
	if len(m.wish.boot) == 0 {
		return
	}
	text := "#!/bin/sh\n(umask 077; : >> " + state + "/bootstrap.log)\nexec >> " + state + "/bootstrap.log 2>&1\n"
	for _, command := range m.wish.boot {
		text += "set -e\neval " + word(command) + "\n"
	}
	m.file(state+"/bootcmd.sh", 0o600, text)
	m.started("altcos-bootcmd.service", `[Unit]
Description=Boot commands of the bootstrap data
Before=altcos-kubeadm.service

[Service]
Type=oneshot
RemainAfterExit=yes
UMask=0022
ExecStart=/bin/sh /var/lib/altcos-bootstrap/bootcmd.sh
`)
	m.hard = append(m.hard, "altcos-bootcmd.service")
}

// kubeadm is the script with all commands and the unit that runs it.
func (m *model) kubeadm() {
	if len(m.wish.run) == 0 && len(m.staged) == 0 && m.needed == "" {
		return
	}
	m.directory(state + "/stage")
	text := m.script.head + m.needed + strings.Join(m.staged, "")
	for i, command := range m.wish.run {
		name := fmt.Sprintf("command %d of %d", i+1, len(m.wish.run))
		kubeadm := word(strings.TrimSuffix(command, sentinel))
		switch {
		case i != m.wish.kubeadm:
			text += "altcos_step '" + name + "'\neval " + word(command) + "\n"
		case strings.HasPrefix(command, "kubeadm init "):
			text += "altcos_step '" + name + ": kubeadm init'\neval " + kubeadm + "\n" + m.script.joined
		default:
			text += m.script.retry + "altcos_step '" + name + ": kubeadm join'\naltcos_join " + kubeadm + "\n" + m.script.joined
		}
	}
	m.file(state+"/bootstrap.sh", 0o600, text+m.script.tail)
	needs := ""
	if len(m.hard) > 0 {
		needs = "Requires=" + strings.Join(m.hard, " ") + "\n"
	}
	after := "crio.service network-online.target systemd-networkd.service systemd-resolved.service time-sync.target"
	m.started("altcos-kubeadm.service", `[Unit]
Description=Make this machine a Kubernetes node, once
ConditionPathExists=!/var/lib/altcos-bootstrap/bootstrap.done
Wants=network-online.target crio.service
`+needs+"After="+strings.Join(slices.Concat([]string{after}, m.soft, m.hard), " ")+`

[Service]
Type=oneshot
RemainAfterExit=yes
Environment=HOME=/root
UMask=0022
TimeoutStartSec=infinity
StandardOutput=journal+console
StandardError=journal+console
ExecStart=/bin/sh /var/lib/altcos-bootstrap/bootstrap.sh
`)
}
