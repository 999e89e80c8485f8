// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// InstanceData are the values of the instance-data names that a template may use. Empty means unknown: a template that uses
// it is refused.
type InstanceData struct {
	// Hostname answers hostname and local_hostname.
	Hostname string
	// InstanceID answers instance_id.
	InstanceID string
	// LocalIPv4 and LocalIPv6 are the node's first addresses, without prefix length.
	LocalIPv4, LocalIPv6 string
	// AvailabilityZone is the failure domain.
	AvailabilityZone string
}

// lookup accepts the spellings of cloud-init: ds.meta_data.X, the standardised v1.X and the bare alias of v1.X.
func (n InstanceData) lookup(name string) (value string, known bool) {
	key := strings.TrimPrefix(strings.TrimPrefix(name, "ds.meta_data."), "v1.")
	fromMetaData := strings.HasPrefix(name, "ds.meta_data.")
	switch strings.ReplaceAll(key, "-", "_") {
	case "local_hostname":
		return n.Hostname, true
	case "instance_id":
		return n.InstanceID, true
	case "availability_zone":
		return n.AvailabilityZone, true
	case "hostname":
		return n.Hostname, fromMetaData
	case "local_ipv4":
		return n.LocalIPv4, fromMetaData
	case "local_ipv6":
		return n.LocalIPv6, fromMetaData
	}
	return "", false
}

var (
	jinjaName    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*|\[("[A-Za-z0-9_-]+"|'[A-Za-z0-9_-]+')\])*$`)
	jinjaIndex   = regexp.MustCompile(`\[["']([A-Za-z0-9_-]+)["']\]`)
	jinjaLiteral = regexp.MustCompile(`^("[^"\\]*"|'[^'\\]*')$`)
	rawBegin     = regexp.MustCompile(`^\{%\s*raw\s*%\}`)
	rawEnd       = regexp.MustCompile(`\{%\s*endraw\s*%\}`)
	// safeValue keeps a value from changing the structure of the YAML around it.
	safeValue = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]*$`)
)

// expand resolves {{ name }}, {{ "literal" }} and {% raw %}. Everything else of Jinja is refused: a template that
// cloud-init would compute and we would not must never pass silently. A mark takes the place of what is refused (see inFields).
func expand(body []byte, instance InstanceData) (out []byte, refused []*problem.Problem) {
	var b bytes.Buffer
	rest := body
	for len(refused) < maxRefused {
		i := nextTag(rest)
		if i < 0 {
			break
		}
		b.Write(rest[:i])
		rest = rest[i:]
		text, length, reason := evaluate(rest, instance)
		if reason != "" {
			line, column := position(body, len(body)-len(rest))
			text = mark(len(refused))
			refused = append(refused, &problem.Problem{Line: line, Column: column, Reason: reason})
		}
		b.Write(text)
		rest = rest[length:]
	}
	b.Write(rest)
	return b.Bytes(), refused
}

// nextTag finds the next {{, {% or {#; -1 when there is none.
func nextTag(b []byte) int {
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], '{')
		if i < 0 || from+i+1 >= len(b) {
			return -1
		}
		from += i
		if next := b[from+1]; next == '{' || next == '%' || next == '#' {
			return from
		}
		from++
	}
}

// evaluate reads the tag that b begins with; length is how much of b it takes, at least 2.
func evaluate(b []byte, instance InstanceData) (text []byte, length int, reason string) {
	switch b[1] {
	case '#':
		return nil, 2, "Jinja comments are refused; write {% raw %} and {% endraw %} around text that contains {#"
	case '%':
		begin := rawBegin.FindIndex(b)
		if begin == nil {
			return nil, 2, "Jinja statements are refused, except {% raw %}"
		}
		if bytes.Contains(b, []byte("endraw")) { // faster than the expression, which may look through all of a long rest
			if end := rawEnd.FindIndex(b); end != nil {
				return b[begin[1]:end[0]], end[1], ""
			}
		}
		return nil, 2, "{% raw %} has no {% endraw %}"
	}
	end := bytes.Index(b, []byte("}}"))
	if end < 0 {
		return nil, 2, "{{ has no }}"
	}
	value, reason := resolve(strings.TrimSpace(string(b[2:end])), instance)
	return []byte(value), end + 2, reason
}

func resolve(expr string, instance InstanceData) (value, reason string) {
	if jinjaLiteral.MatchString(expr) {
		return expr[1 : len(expr)-1], ""
	}
	if !jinjaName.MatchString(expr) {
		return "", "a Jinja expression other than a plain name is refused; write {% raw %} and {% endraw %} around text that contains {{"
	}
	name := jinjaIndex.ReplaceAllString(expr, ".$1")
	value, known := instance.lookup(name)
	switch {
	case !known:
		return "", fmt.Sprintf("unknown Jinja name%s; known are %s", spelled(name), strings.Join(knownNames(), ", "))
	case value == "":
		return "", fmt.Sprintf("Jinja name %q is not known when this data is rendered; %s", name, instead(name))
	case !safeValue.MatchString(value):
		return "", fmt.Sprintf("the value of Jinja name %q has characters that a cloud-config cannot take", name)
	}
	return value, ""
}

// instead is what to do about a known name without a value: a machine may be rendered before it has addresses.
func instead(name string) string {
	switch name[strings.LastIndexByte(name, '.')+1:] {
	case "local_ipv4", "local_ipv6":
		return "leave it out, kubelet gets --node-ip from the provider"
	case "instance_id":
		return "leave it out, kubelet gets --provider-id from the provider"
	}
	return "write the value itself"
}

// spelled repeats a name only when it cannot be anything else: braces may be around a secret by mistake.
func spelled(name string) string {
	if strings.HasPrefix(name, "ds.") || strings.HasPrefix(name, "v1.") {
		return fmt.Sprintf(" %q", name)
	}
	return ""
}

func knownNames() []string {
	known := []string{"ds.meta_data.hostname", "ds.meta_data.local_hostname", "ds.meta_data.instance_id",
		"ds.meta_data.local_ipv4", "ds.meta_data.local_ipv6", "v1.local_hostname", "v1.instance_id", "v1.availability_zone"}
	slices.Sort(known)
	return known
}

func position(body []byte, offset int) (line, column int) {
	before := body[:offset]
	return 1 + bytes.Count(before, []byte("\n")), offset - bytes.LastIndexByte(before, '\n')
}
