// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package hosturi

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse_understands(t *testing.T) {
	for text, want := range map[string]Endpoint{
		"qemu+unix:///system":                    {Transport: Unix, Socket: defaultSocket},
		"qemu+unix:///system?socket=/run/l.s":    {Transport: Unix, Socket: "/run/l.s"},
		"qemu+ssh://root@h/system":               {Transport: SSH, User: "root", Host: "h", Port: 22, Socket: defaultSocket},
		"qemu+ssh://h:2222/system?socket=/a%20b": {Transport: SSH, Host: "h", Port: 2222, Socket: "/a b"},
		"qemu+ssh://u@[2001:db8::1]:22/system":   {Transport: SSH, User: "u", Host: "2001:db8::1", Port: 22, Socket: defaultSocket},
		"qemu+tls://h.example/system":            {Transport: TLS, Host: "h.example", Port: 16514},
		"qemu+tls://10.0.0.1:1/system":           {Transport: TLS, Host: "10.0.0.1", Port: 1},
	} {
		got, err := Parse(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestParse_refuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                       "",
		"no scheme":                     "//h/system",
		"another driver":                "xen+ssh://h/system",
		"plain tcp":                     "qemu+tcp://h/system",
		"libssh with its parameters":    "qemu+libssh://h/system",
		"a session daemon":              "qemu+ssh://h/session",
		"unchecked host keys":           "qemu+ssh://h/system?known_hosts_verify=ignore",
		"no_verify":                     "qemu+tls://h/system?no_verify=1",
		"a key on the manager's disk":   "qemu+ssh://h/system?keyfile=/etc/passwd",
		"a password":                    "qemu+ssh://u:secret@h/system",
		"no host":                       "qemu+ssh:///system",
		"a host for unix":               "qemu+unix://h/system",
		"a user for tls":                "qemu+tls://u@h/system",
		"port 0":                        "qemu+ssh://h:0/system",
		"a port beyond 65535":           "qemu+ssh://h:65536/system",
		"a relative socket":             "qemu+unix:///system?socket=x",
		"a socket with dots":            "qemu+unix:///system?socket=/run/../etc/x",
		"two sockets":                   "qemu+unix:///system?socket=/a&socket=/b",
		"a fragment":                    "qemu+unix:///system#x",
		"a user that looks like a flag": "qemu+ssh://-oProxyCommand=x@h/system",
		"too long":                      "qemu+ssh://" + strings.Repeat("h", maxURILength) + "/system",
	} {
		_, err := Parse(text)
		if err == nil {
			t.Errorf("%s: %q is accepted", name, text)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error shows the password: %v", name, err)
		}
	}
}

// FuzzParse checks that what is accepted is complete and safe to hand on, and survives being written again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"qemu+ssh://root@10.150.0.13/system", "qemu+tls://[::1]:16514/system", "qemu+unix:///system?socket=/run/x",
		"qemu+ssh://u:p@h/system", "qemu+ssh://%00@h/system", "qemu+ssh://h%25eth0/system?socket=%2f",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil {
			return
		}
		if e.Transport != Unix && (e.Host == "" || e.Port < 1 || e.Port > 65535) {
			t.Fatalf("%q: incomplete: %+v", text, e)
		}
		if e.Transport != TLS && (!path.IsAbs(e.Socket) || path.Clean(e.Socket) != e.Socket) {
			t.Fatalf("%q: unclean socket: %+v", text, e)
		}
		if strings.HasPrefix(e.User, "-") || strings.ContainsAny(e.User+e.Host, " \n\x00") {
			t.Fatalf("%q: unsafe: %+v", text, e)
		}
		u, err := url.Parse(text)
		if err != nil {
			t.Fatalf("%q: accepted, but not a URI", text)
		}
		again, err := Parse(u.String())
		if err != nil || again != e {
			t.Fatalf("%q: reads as %+v, then as %+v (%v)", text, e, again, err)
		}
	})
}
