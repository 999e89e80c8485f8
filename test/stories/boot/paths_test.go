// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package boot_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_2/types"
)

const unitDir = "/etc/systemd/system/"

// wanted is what a path of a config has to be in the guest. An empty field does not matter.
type wanted struct {
	kind, mode, owner, group, digest string
	// appended ends the file, after what the image had in it.
	appended string
}

// paths are all that a config makes, by path; written without the product's code.
func paths(t *testing.T, config types.Config) map[string]wanted {
	t.Helper()
	want := map[string]wanted{}
	for _, d := range config.Storage.Directories {
		w := wanted{kind: "directory", mode: octal(d.Mode, 0o755)}
		w.owner, w.group = owners(d.Node)
		want[d.Path] = w
	}
	for _, f := range config.Storage.Files {
		w := wanted{kind: "regular file", mode: octal(f.Mode, 0o644)}
		w.owner, w.group = owners(f.Node)
		for _, a := range f.Append {
			w.appended += contents(t, a)
		}
		if f.Contents.Source != nil {
			w.digest, w.appended = digest(contents(t, f.Contents)+w.appended), ""
		} else if f.Mode == nil {
			w.mode = "" // the image's
		}
		want[f.Path] = w
	}
	for _, u := range config.Systemd.Units {
		if u.Contents != nil && *u.Contents != "" {
			want[unitDir+u.Name] = unitFile(*u.Contents)
		}
		for _, d := range u.Dropins {
			want[unitDir+u.Name+".d/"+d.Name] = unitFile(*d.Contents)
		}
	}
	return want
}

func unitFile(text string) wanted {
	return wanted{kind: "regular file", mode: "644", owner: "0", group: "0", digest: digest(text)}
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func octal(mode *int, fallback int64) string {
	if mode != nil {
		fallback = int64(*mode)
	}
	return strconv.FormatInt(fallback, 8)
}

// owners are a number or a name each; nobody named means root.
func owners(n types.Node) (user, group string) {
	pick := func(id *int, name *string) string {
		switch {
		case id != nil:
			return strconv.Itoa(*id)
		case name != nil && *name != "":
			return *name
		}
		return "0"
	}
	return pick(n.User.ID, n.User.Name), pick(n.Group.ID, n.Group.Name)
}

func contents(t *testing.T, r types.Resource) string {
	t.Helper()
	if r.Source == nil {
		return ""
	}
	head, data, _ := strings.Cut(*r.Source, ",")
	text, err := url.PathUnescape(data)
	must(t, err)
	raw := []byte(text)
	if strings.HasSuffix(head, ";base64") {
		raw, err = base64.StdEncoding.DecodeString(text)
		must(t, err)
	}
	if r.Compression != nil && *r.Compression == "gzip" {
		stream, err := gzip.NewReader(bytes.NewReader(raw))
		must(t, err)
		raw, err = io.ReadAll(stream)
		must(t, err)
	}
	return string(raw)
}

// pathQuestions asks about every path. Answers are lines of path|kind|mode|uid|user|gid|group and of digest, blanks, path.
func pathQuestions(want map[string]wanted) []question {
	var all, files strings.Builder
	questions := []question{}
	for path, w := range want {
		fmt.Fprintf(&all, " '%s'", path)
		if w.digest != "" {
			fmt.Fprintf(&files, " '%s'", path)
		}
		if w.appended != "" {
			questions = append(questions, question{path, "cat '" + path + "'; echo ."})
		}
	}
	return append(questions, question{"stat", "stat -c '%n|%F|%a|%u|%U|%g|%G'" + all.String()},
		question{"sha256", "sha256sum" + files.String()})
}

// comparePaths says what of the config is not in the guest.
func comparePaths(t *testing.T, want map[string]wanted, got report) {
	t.Helper()
	stats, sums := map[string][]string{}, map[string]string{}
	for line := range strings.Lines(got["stat"]) {
		if fields := strings.Split(strings.TrimSpace(line), "|"); len(fields) == 7 {
			stats[fields[0]] = fields[1:]
		}
	}
	for line := range strings.Lines(got["sha256"]) {
		if sum, path, ok := strings.Cut(strings.TrimSpace(line), "  "); ok {
			sums[path] = sum
		}
	}
	for path, w := range want {
		s, there := stats[path]
		if !there {
			t.Errorf("%s is missing", path)
			continue
		}
		kind := strings.Replace(s[0], "regular empty file", "regular file", 1)
		if kind != w.kind || (w.mode != "" && s[1] != w.mode) || (s[2] != w.owner && s[3] != w.owner) || (s[4] != w.group && s[5] != w.group) {
			t.Errorf("%s is %v, want %+v", path, s, w)
		}
		if w.digest != "" && sums[path] != w.digest {
			t.Errorf("%s has other contents than rendered: sha256 %q, want %q", path, sums[path], w.digest)
		}
		if w.appended != "" && !strings.HasSuffix(got[path], w.appended+".") {
			t.Errorf("%s does not end with %q: %s", path, w.appended, got[path])
		}
	}
}
