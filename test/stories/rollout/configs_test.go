// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/ignitiontest"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

var tokenLine = regexp.MustCompile(`token: [a-z0-9]{6}\.[a-z0-9]{16}`)

// blocks returns everything in a config, by a line that names it.
func blocks(t *testing.T, raw []byte) map[string]string {
	t.Helper()
	all := map[string]string{}
	text := "\n" + string(ignitiontest.Text(t, ignitiontest.Parse(t, raw)))
	for _, block := range strings.Split(text, "\n== ")[1:] {
		name, content, _ := strings.Cut(block, "\n")
		all[name] = content
	}
	return all
}

// appended returns what a config adds to a file of the image.
func appended(t *testing.T, raw []byte, path string) string {
	t.Helper()
	var all strings.Builder
	for _, f := range ignitiontest.Parse(t, raw).Storage.Files {
		if f.Path == path {
			for _, r := range f.Append {
				all.WriteString(ignitiontest.Contents(t, r))
			}
		}
	}
	return all.String()
}

// own replaces what is specific to a machine: its names, addresses and token.
func (s *story) own(l *life) func(string) string {
	c := s.read(l)
	pairs := []string{
		l.spec.Name, "<domain>", c.providerID, "<provider ID>", l.uuid, "<uuid>", c.hostname, "<hostname>", c.address, "<address>",
	}
	for _, nic := range l.spec.Interfaces {
		pairs = append(pairs, nic.MAC, "<mac>")
	}
	names := strings.NewReplacer(pairs...)
	return func(text string) string { return tokenLine.ReplaceAllString(names.Replace(text), "token: <token>") }
}

// expectSame fails for every block in which two machines differ besides what is specific to each, unless it may differ.
// The pairs of also are replaced, the first of each by the second.
func (s *story) expectSame(a, b *life, may func(block string) bool, also ...string) {
	s.t.Helper()
	one, other := s.general(a, also), s.general(b, also)
	names := maps.Clone(one)
	maps.Copy(names, other)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		x, inOne := one[name]
		y, inOther := other[name]
		if (inOne != inOther || x != y) && !may(name) {
			s.t.Errorf("the configs of %s and %s differ in %s:\n%s", a.name(), b.name(), name, secretless(cmp.Diff(x, y)))
		}
	}
	s.Expect(s.definition(a)).To(Equal(s.definition(b)), "the definitions of %s and %s", a.name(), b.name())
}

// general is a config by its blocks, without what is specific to the machine.
func (s *story) general(l *life, also []string) map[string]string {
	s.t.Helper()
	own, more := s.own(l), strings.NewReplacer(also...)
	all := map[string]string{}
	for name, content := range blocks(s.t, l.ignition) {
		all[more.Replace(own(name))] = more.Replace(own(content))
	}
	return all
}

// knowsOthers is what may differ between any two machines: they were created at different times.
func knowsOthers(block string) bool { return block == "file /etc/hosts -" }

// secretless keeps keys out of the log of a test.
func secretless(text string) string {
	if strings.Contains(text, "PRIVATE KEY") {
		return "(a private key)"
	}
	return text
}

// definition is a domain without what is specific to it.
func (s *story) definition(l *life) virt.DomainSpec {
	s.t.Helper()
	text, err := json.Marshal(l.spec)
	s.must(err)
	var general virt.DomainSpec
	s.must(json.Unmarshal([]byte(s.own(l)(string(text))), &general))
	return general
}
