// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig_test

import (
	"strings"
	"testing"

	"github.com/blang/semver/v4"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
)

const beginsWithBlanks = "write_files[1].content: begins with blanks"

// A text keeps the blanks that it begins with, or is refused: by us, or as no YAML.
func TestParse_neverTakesBlanksFromTheBeginningOfAText(t *testing.T) {
	for text, refused := range map[string]string{
		"a\n":                       "",
		"a\n  b\n":                  "",
		"\n\na\n":                   "",
		"":                          "",
		"\n":                        "",
		"- a\n- b\n":                "",
		"  a\n  b\n":                beginsWithBlanks,
		" a":                        beginsWithBlanks,
		"\n\n  a\n    b":            beginsWithBlanks,
		" ":                         beginsWithBlanks,
		"\n  \n":                    beginsWithBlanks,
		"       |\n":                beginsWithBlanks,
		"  a\nb\n":                  "is not valid YAML",
		"   \na\n":                  "is not valid YAML",
		"\ta\n":                     "is not valid YAML",
		"  {{ 'a' }}\n":             beginsWithBlanks,
		"{{ 'a' }}\n  b":            "",
		"{{ '  ' }}a\n":             beginsWithBlanks,
		"{% raw %} a{% endraw %}\n": beginsWithBlanks,
	} {
		m := cabpk.Machine{Kind: cabpk.Worker, Version: semver.MustParse("1.34.3")}
		m.Spec.Files = []bootstrapv1.File{
			{Path: "/etc/before", Content: "x\n  y\n"}, {Path: "/etc/a", Owner: "root:root", Content: text}, {Path: "/etc/after", Content: "x"},
		}
		got, err := cloudconfig.Parse(m.CloudConfig(t), cloudconfig.InstanceData{})
		if refused != "" {
			if found := problem.All(err); len(found) != 1 || !strings.Contains(found[0].Error(), refused) {
				t.Errorf("%q: got %v, want %s", text, err, refused)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		want := strings.TrimRight(strings.ReplaceAll(text, "{{ 'a' }}", "a"), "\n") // YAML keeps one line break at the end
		if strings.TrimRight(string(got.WriteFiles[1].Content), "\n") != want {
			t.Errorf("%q became %q", text, got.WriteFiles[1].Content)
		}
	}
}

func TestParse_takesTextsAsDeepAsOthersWriteThem(t *testing.T) {
	for name, in := range map[string]string{
		"a list in the first column":        "write_files:\n- path: /x\n  content: |\n        a\n",
		"a list that is indented":           "write_files:\n  - path: /x\n    content: |\n        a\n",
		"a depth that is said":              "write_files:\n-   path: /x\n    content: |8\n            a\n",
		"a text in base64":                  "write_files:\n-   path: /x\n    encoding: base64\n    content: |\n        YQ==\n",
		"a text that is less deep":          "write_files:\n-   path: /x\n    content: |\n     a\n",
		"a text in one line":                "write_files:\n-   path: /x\n    content: '  a'\n",
		"a file that ends with the heading": "write_files:\n-   path: /x\n    content: \"\"",
	} {
		if _, err := cloudconfig.Parse([]byte(header+in), cloudconfig.InstanceData{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A text keeps its line ends, or is refused: YAML makes line feeds of some and takes the blanks after them away.
func TestParse_neverChangesLineEndsOfAText(t *testing.T) {
	parse := func(text string) (string, error) {
		m := cabpk.Machine{Kind: cabpk.Worker, Version: semver.MustParse("1.34.3")}
		m.Spec.Files = []bootstrapv1.File{{Path: "/etc/a", Content: text, Permissions: "0640"}, {Path: "/etc/after", Content: "x"}}
		got, err := cloudconfig.Parse(m.CloudConfig(t), cloudconfig.InstanceData{})
		if err != nil {
			return "", err
		}
		return string(got.WriteFiles[0].Content), nil
	}
	for _, text := range []string{"a\r\nb\r\n", "a\rb", "a\r      b", "a\r", "a\u0085b", "a\u2028      b", "a\u2029      b", "\r\na", "a\n\r\nb"} {
		_, err := parse(text)
		if found := problem.All(err); len(found) == 0 || !strings.Contains(found[0].Error(), "write_files[0].content: has line ends") && !strings.Contains(found[0].Error(), "is not valid YAML") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if got, err := parse("a\n\n é b\n"); err != nil || got != "a\n\n é b\n" {
		t.Errorf("plain text became %q: %v", got, err)
	}
	// by hand, where a mapping has an anchor or a header another end
	for _, text := range []string{"-         &a\n  path: /a\n  content: |\n   x\r   y\n", "- path: /a\n  content: |\r    x\r    y\n", "- path: /a\n  content: |\u0085    x\u2028       y\n"} {
		_, err := cloudconfig.Parse([]byte(header+"write_files:\n"+text), cloudconfig.InstanceData{})
		if found := problem.All(err); len(found) == 0 || !strings.Contains(found[0].Error(), "write_files[0].content: has line ends") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for encoded, content := range map[string]string{"aGVs\r\nbG8=\r\n": "hello", "aGVs\nbG8=": "hello"} {
		m := cabpk.Machine{Kind: cabpk.Worker, Version: semver.MustParse("1.34.3")}
		m.Spec.Files = []bootstrapv1.File{{Path: "/etc/a", Encoding: bootstrapv1.Base64, Content: encoded}}
		if got, err := cloudconfig.Parse(m.CloudConfig(t), cloudconfig.InstanceData{}); err != nil || string(got.WriteFiles[0].Content) != content {
			t.Errorf("base64 %q: %v", encoded, err)
		}
	}
	windows := strings.ReplaceAll(header+"write_files:\n- path: /a\n  content: |\n    a\n\n    b\n- {path: /b, content: c}\n", "\n", "\r\n")
	got, err := cloudconfig.Parse([]byte(windows), cloudconfig.InstanceData{})
	if err != nil || string(got.WriteFiles[0].Content) != "a\n\nb\n" {
		t.Errorf("a document with carriage returns throughout: %v %v", got, err)
	}
}
