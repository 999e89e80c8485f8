// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package butane_test

import (
	"strings"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/butane"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

const head = "variant: fcos\nversion: 1.3.0\n"

func TestTranslate_acceptsButaneAndIgnition(t *testing.T) {
	cases := map[string]string{
		"Butane of fcos 1.3.0": head + "storage:\n  files:\n  - path: /etc/x\n    contents:\n      inline: hello\n",
		"Butane of fcos 1.0.0": "variant: fcos\nversion: 1.0.0\nstorage:\n  files:\n  - path: /etc/x\n",
		"Ignition 3.2.0":       `{"ignition":{"version":"3.2.0"},"storage":{"files":[{"path":"/etc/x"}]}}`,
		"Ignition 3.0.0":       ` {"ignition":{"version":"3.0.0"},"storage":{"files":[{"path":"/etc/x"}]}}`,
	}
	for name, in := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := butane.Translate([]byte(in))
			assert.NoError(t, err)
			if len(got.Storage.Files) != 1 || got.Storage.Files[0].Path != "/etc/x" {
				t.Errorf("got %+v", got.Storage.Files)
			}
		})
	}
}

func TestTranslate_refusesWithPosition(t *testing.T) {
	cases := map[string]struct{ in, want string }{
		"an unknown key":                   {head + "storage:\n  fils: []\n", "line 4 column 3: $.storage.fils: unused key fils"},
		"a file of the manager's own disk": {head + "storage:\n  files:\n  - path: /x\n    contents:\n      local: etc/passwd\n", "line 7 column 14: $.storage.files.0.contents.local: local file paths are relative to a files directory that must be specified with -d/--files-dir"},
		"a decimal mode":                   {head + "storage:\n  files:\n  - path: /x\n    mode: 644\n", "line 6 column 11: $.storage.files.0.mode: unreasonable mode would be reasonable if specified in octal; remember to add a leading zero"},
		"a key that is there twice":        {head + "passwd:\n  users:\n  - name: a\n    ssh_authorized_keys: [x, x]\n", "line 6 column 30: $.passwd.users.0.ssh_authorized_keys.1: duplicate entry defined"},
		"an alias":                         {head + "passwd:\n  users:\n  - &u {name: a}\n  - *u\n", `line 6 column 5: an alias is refused, write the value out`},
		"an unknown variant":               {"variant: altcos\nversion: 1.0.0\n", "is not valid Butane: no translator exists for variant altcos with version 1.0.0"},
		"a Butane that is too new":         {"variant: fcos\nversion: 1.5.0\n", "ignition.version: must be between 3.0.0 and 3.2.0 (Butane: variant fcos, version 1.0.0 to 1.3.0), the newest that every ALT Container OS accepts"},
		"Ignition 2":                       {`{"ignition":{"version":"2.3.0"}}`, "ignition.version: must be between 3.0.0 and 3.2.0 (Butane: variant fcos, version 1.0.0 to 1.3.0), the newest that every ALT Container OS accepts"},
		"a replacement":                    {head + "ignition:\n  config:\n    replace:\n      source: http://x/\n", "ignition.config.replace: would drop what makes this machine a node: use ignition.config.merge"},
		"a bad config inside":              {`{"ignition":{"version":"3.2.0","config":{"merge":[{"source":"data:,%7B%22ignition%22:%7B%22version%22:%223.2.0%22%7D,%0A%22x%22:1%7D"}]}}}`, "ignition.config.merge[0]: line 2 column 1: $.x: unused key x"},
		"Ignition with a bad path":         {`{"ignition":{"version":"3.2.0"},"storage":{"files":[{"path":"x"}]}}`, "line 1 column 61: $.storage.files.0.path: path not absolute"},
		"nothing":                          {" \n", "is empty"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := butane.Translate([]byte(tc.in))
			found := problem.All(err)
			if len(found) == 0 {
				t.Fatalf("got %v, want a problem", err)
			}
			if got := found[0].Error(); !strings.EqualFold(got, tc.want) {
				t.Errorf("\n got %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestTranslate_refusesWhatWouldTakeLong(t *testing.T) {
	for name, in := range map[string]string{
		"many keys":  head + strings.Repeat("? a\n", butane.MaxInput/5),
		"deep lists": head + "storage: " + strings.Repeat("[", butane.MaxInput/2),
		"many files": head + "storage: {files: [" + strings.Repeat("{},", 100000) + "{}]}",
		"much text":  strings.Repeat("a", butane.MaxInput+1),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := butane.Translate([]byte(in)); len(problem.All(err)) == 0 {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTranslate_neverRepeatsValues(t *testing.T) {
	for _, in := range []string{head + "storage: s3cr3t\n", head + "passwd:\n  users: s3cr3t\n", `{"ignition":{"version":"3.2.0"},"storage":"s3cr3t"}`} {
		_, err := butane.Translate([]byte(in))
		if err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("got %v", err)
		}
	}
}

func TestTranslate_compressesWhatShrinks(t *testing.T) {
	for name, lines := range map[string]int{"a small text": 500, "a large text": 20000} {
		t.Run(name, func(t *testing.T) {
			got, err := butane.Translate([]byte(head + "storage:\n  files:\n  - path: /x\n    contents:\n      inline: |\n" + strings.Repeat("        again and again\n", lines)))
			assert.NoError(t, err)
			r := got.Storage.Files[0].Contents
			if r.Compression == nil || *r.Compression != "gzip" || len(*r.Source) > 8<<10 {
				t.Errorf("it is %d bytes", len(*r.Source))
			}
			if text, err := ignition.Contents(r, 1<<20); err != nil || string(text) != strings.Repeat("again and again\n", lines) {
				t.Errorf("it is another text: %v", err)
			}
		})
	}
}
