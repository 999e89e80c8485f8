// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig_test

import (
	"strings"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

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
