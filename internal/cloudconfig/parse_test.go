// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

const (
	header = "#cloud-config\n"
	jinja  = "## template: jinja\n#cloud-config\n"
)

func TestParse_refusesWithPathAndPosition(t *testing.T) {
	bomb := base64.StdEncoding.EncodeToString(zip(t, make([]byte, cloudconfig.MaxDecoded+1)))
	cases := map[string]struct{ in, want string }{
		"a document without the header":         {"users: []\n", `line 1 column 1: is not a cloud-config: it must begin with "#cloud-config", or with "## template: jinja" and then "#cloud-config"`},
		"an unknown section":                    {header + "packages: [a]\n", "line 2 column 1: has an unknown field; known are bootcmd, disk_setup, fs_setup, mounts, ntp, runcmd, users, write_files"},
		"an unknown field of a user":            {header + "users:\n- name: a\n  foo: b\n", "line 4 column 3: users[0]: has an unknown field; known are gecos, groups, homedir, inactive, lock_passwd, name, passwd, primary_group, shell, ssh_authorized_keys, sudo"},
		"a key that is there twice":             {header + "runcmd: []\nruncmd: [a]\n", "line 3 column 1: has a duplicated field"},
		"an alias":                              {header + "users:\n- &u {name: a}\n- *u\n", "line 4 column 3: users[1]: must be a mapping"},
		"a marked device":                       {header + "disk_setup:\n  &x /dev/a:\n    overwrite: true\n", "line 3 column 3: disk_setup: keys must be plain names on one line, merges, tags, anchors and aliases are not accepted"},
		"a device on two lines":                 {header + "disk_setup:\n  ? /dev/a\n    b\n  : {overwrite: true}\n", "line 3 column 5: disk_setup: keys must be plain names on one line, merges, tags, anchors and aliases are not accepted"},
		"a merge key":                           {header + "users:\n- <<: {name: a}\n", "line 3 column 3: users[0]: keys must be plain names on one line, merges, tags, anchors and aliases are not accepted"},
		"a second document":                     {header + "runcmd: [a]\n---\nruncmd: [b]\n", "must be one YAML document, but more follows"},
		"a command that is a list":              {header + "runcmd:\n- [ls, -l]\n", "line 3 column 3: runcmd[0]: must be a string"},
		"a relative path":                       {header + "write_files:\n- path: etc/x\n", "line 3 column 3: write_files[0].path: must be an absolute path"},
		"permissions that are not octal":        {header + "write_files:\n- path: /x\n  permissions: 'rw'\n", "line 3 column 3: write_files[0].permissions: must be octal permissions such as '0640'"},
		"an unknown encoding":                   {header + "write_files:\n- path: /x\n  encoding: rot13\n  content: x\n", "line 5 column 12: write_files[0].content: has an unknown encoding, known are base64, gzip and gzip+base64"},
		"content that is not valid base64":      {header + "write_files:\n- path: /x\n  encoding: base64\n  content: '*'\n", "line 5 column 12: write_files[0].content: is not valid base64: illegal base64 data at input byte 0"},
		"content that is no gzip":               {header + "write_files:\n- path: /x\n  encoding: gzip\n  content: abc\n", "line 5 column 12: write_files[0].content: is not gzip data: unexpected EOF"},
		"content that unpacks to too much":      {header + "write_files:\n- path: /x\n  encoding: gz+b64\n  content: " + bomb + "\n", "line 5 column 12: write_files[0].content: unpacks to more than 4194304 bytes together with the files before it"},
		"a value that YAML takes for a tag":     {header + "users:\n- name: a\n  passwd: !$6$x\n", `line 4 column 11: users[0].passwd: begins with what YAML reads as a tag or an anchor ("!" or "&"); put the whole value in single quotes`},
		"a value that YAML takes for an anchor": {header + "users:\n- name: a\n  gecos: &b c\n", `line 4 column 10: users[0].gecos: begins with what YAML reads as a tag or an anchor ("!" or "&"); put the whole value in single quotes`},
		"content that YAML takes for a tag":     {header + "write_files:\n- path: /x\n  content: !y z\n", `line 4 column 12: write_files[0].content: begins with what YAML reads as a tag or an anchor ("!" or "&"); put the whole value in single quotes`},
		"a flag that is a word":                 {header + "ntp: {enabled: maybe}\n", "line 2 column 16: ntp.enabled: must be true or false"},
		"a percentage beyond the disk":          {header + "disk_setup:\n  /dev/vdb: {layout: [[200, 83]]}\n", "line 3 column 24: disk_setup[0].layout[0]: must be a percentage between 1 and 100"},
		"a mount without mount point":           {header + "mounts:\n- [/dev/vdb]\n", "line 3 column 3: mounts[0]: must list source and mount point, then at most type, options, frequency and pass"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := cloudconfig.Parse([]byte(tc.in), cloudconfig.InstanceData{})
			assert.Problem(t, err, tc.want)
		})
	}
}

func TestParse_neverRepeatsContentInErrors(t *testing.T) {
	for name, in := range map[string]string{
		"content that is not valid base64": header + "write_files:\n- path: /x\n  encoding: base64\n  content: 's3cr3t*'\n",
		"the value of unknown field":       header + "foo: s3cr3t\n",
		"an unknown field":                 header + "users:\n- s3cr3t: a\n",
		"a field that is there twice":      header + "users:\n- s3cr3t: a\n  s3cr3t: b\n",
		"a disk":                           header + "disk_setup:\n  s3cr3t: {layout: 1}\n  s3cr3t: {}\n",
		"an anchor":                        header + "runcmd: [*s3cr3t]\n",
		"an odd anchor":                    header + "runcmd: [*s3cr3t'x]\n",
		"broken YAML":                      header + "runcmd: [ s3cr3t\n  s3cr3t: }\n",
		"a tag":                            header + "runcmd: !s3cr3t!x [ ]\n",
		"an encoding":                      header + "write_files:\n- {path: /x, encoding: s3cr3t, content: x}\n",
		"permissions":                      header + "write_files:\n- {path: s3cr3t, permissions: s3cr3t}\n",
		"a tag instead of a value":         header + "users:\n- {name: a, passwd: !s3cr3t x}\n",
		"an anchor before a value":         header + "users:\n- {name: a, passwd: &s3cr3t x}\n",
		"a Jinja name":                     jinja + "runcmd: ['{{ s3cr3t }}', '{{ s3cr3t | b64 }}', '{% s3cr3t %}']\n",
		"Jinja in an odd place":            jinja + "disk_setup: {'s3cr3t {{ x }}': {}}\ns3cr3t: {s3cr3t: '{{ x }}'}\nwrite_files: [{path: /x, content: 's3cr3t: {s3cr3t: \"{{ x }}\"}'}]\n",
		"a mount":                          header + "mounts: [s3cr3t, [s3cr3t]]\n",
		"a header":                         "#s3cr3t\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := cloudconfig.Parse([]byte(in), cloudconfig.InstanceData{})
			if err == nil || strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestParse_refusesTooMuchInput(t *testing.T) {
	_, err := cloudconfig.Parse([]byte(header+strings.Repeat("#", cloudconfig.MaxInput)), cloudconfig.InstanceData{})
	var p *problem.Problem
	if !errors.As(err, &p) {
		t.Errorf("got %v, want a problem", err)
	}
}

func TestParse_takesTimeInProportionToItsInput(t *testing.T) {
	for name, in := range map[string]string{
		"many names":          jinja + "runcmd:\n" + strings.Repeat("- '{{ v1.instance_id }}'\n", 20000),
		"many open names":     jinja + strings.Repeat("{{ ", 300000),
		"many open raw texts": jinja + strings.Repeat("{% raw %}", 100000),
		"many braces":         jinja + "runcmd: ['" + strings.Repeat("{ ", 400000) + "']\n",
		"many keys":           header + strings.Repeat("? a\n", 200000),
		"deep lists":          header + strings.Repeat("[", 900000),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			if _, err := cloudconfig.Parse([]byte(in), cloudconfig.InstanceData{InstanceID: "i"}); err != nil && len(problem.All(err)) == 0 {
				t.Errorf("got %v", err)
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

// Inputs on which looking at the text again for each value would not end.
func TestParse_endsOnLongLines(t *testing.T) {
	fill := func(head, item, tail string) string {
		return head + strings.Repeat(item, (cloudconfig.MaxInput-len(head)-len(tail))/len(item)) + tail
	}
	blanks := strings.Repeat("\n", cloudconfig.MaxInput/2)
	for name, in := range map[string]string{
		"texts without line feeds": fill(header+"write_files:\r", "-   content: |\r", ""),
		"texts":                    fill(header+"write_files:\n", "-   content: |\n", ""),
		"a list on one line":       fill(jinja+"runcmd: [", "é, ", "x]"+blanks),
		"files on one line":        fill(jinja+"write_files: [", "{content: é, path: /é}, ", "]"),
	} {
		if _, err := cloudconfig.Parse([]byte(in), cloudconfig.InstanceData{}); err != nil && len(problem.All(err)) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// YAML leaves no trace of "!" before a value, so the text itself is looked at, whatever ends the lines before.
func TestParse_findsTagsBehindEveryLineBreak(t *testing.T) {
	for _, lineBreak := range []string{"\n", "\n\n", "\r\n", "\r", "\u0085", "\u2028", "\u2029", "é"} {
		in := header + "runcmd: ['a" + lineBreak + "b']\nusers:\n- name: x\n  gecos: ! y\n"
		_, err := cloudconfig.Parse([]byte(in), cloudconfig.InstanceData{})
		if found := problem.All(err); len(found) != 1 || found[0].Path != "users[0].gecos" || !strings.Contains(found[0].Reason, "as a tag") {
			t.Errorf("behind %q: got %v", lineBreak, err)
		}
	}
	if _, err := cloudconfig.Parse([]byte(header+"runcmd: ['! a', \"!\", a !, 'é!']\nusers:\n- name: x\n  gecos: é ! y\n"), cloudconfig.InstanceData{}); err != nil {
		t.Errorf("exclamation marks that are no tags: %v", err)
	}
}
