// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig_test

import (
	"strings"
	"testing"

	"github.com/blang/semver/v4"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/cabpktest"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/problem"
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
		"  a\nb\n":                  "is no YAML",
		"   \na\n":                  "is no YAML",
		"\ta\n":                     "is no YAML",
		"  {{ 'a' }}\n":             beginsWithBlanks,
		"{{ 'a' }}\n  b":            "",
		"{{ '  ' }}a\n":             beginsWithBlanks,
		"{% raw %} a{% endraw %}\n": beginsWithBlanks,
	} {
		m := cabpktest.Machine{Kind: cabpktest.Worker, Version: semver.MustParse("1.34.3")}
		m.Spec.Files = []bootstrapv1.File{
			{Path: "/etc/before", Content: "x\n  y\n"}, {Path: "/etc/a", Owner: "root:root", Content: text}, {Path: "/etc/after", Content: "x"},
		}
		got, err := cloudconfig.Parse(m.CloudConfig(t), cloudconfig.Names{})
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
		if _, err := cloudconfig.Parse([]byte(header+in), cloudconfig.Names{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
