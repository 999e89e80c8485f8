// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig

import (
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// maxRefused is how many refused Jinja tags are reported; the rest of the document is then left as it is.
const maxRefused = 32

var (
	fileContent = regexp.MustCompile(`^write_files\[\d+\]\.content$`)
	markText    = regexp.MustCompile("\ue000(\\d+)\ue001")
	// fieldName matches the names that a path may repeat: those of a cloud-config and those of kubeadm's configuration
	// where Jinja is common. Any other text may be a secret in the wrong place.
	fieldName = regexp.MustCompile(`^(write_files|path|encoding|owner|permissions|append|content|bootcmd|runcmd|ntp|enabled|` +
		`servers|users|name|passwd|gecos|groups|homedir|inactive|lock_passwd|shell|primary_group|sudo|ssh_authorized_keys|` +
		`disk_setup|table_type|layout|overwrite|fs_setup|label|filesystem|device|partition|replace_fs|extra_opts|mounts|` +
		`nodeRegistration|kubeletExtraArgs|value|taints|key|localAPIEndpoint|advertiseAddress|controlPlane|` +
		`controlPlaneEndpoint|discovery|apiServer|extraArgs|certSANs|networking|clusterName|etcd|local)$`)
)

// mark takes the place of the refused tag number i in the document. Its characters are for private use: YAML accepts them
// everywhere, and documents do not have them.
func mark(i int) []byte { return []byte("\ue000" + strconv.Itoa(i) + "\ue001") }

// inFields returns what was refused as an error, each with the field that has its mark. Where the marked document
// is not valid YAML, line and column must do.
func inFields(marked []byte, refused []*problem.Problem) error {
	if root, err := loadYAML(marked); err == nil && root != nil {
		locator{problems: refused}.visit(root, "")
	}
	var l problem.List
	l.Append(refused...)
	return l.Err()
}

// locator sets the paths of its problems.
type locator struct {
	problems []*problem.Problem
	// insideFile is true in the content of a file, which is not looked into again.
	insideFile bool
}

func (l locator) visit(n *yaml.Node, path string) {
	switch n.Kind {
	case yaml.SequenceNode:
		for i, item := range n.Content {
			l.visit(item, at(path, i))
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			inner := fieldPath(path, n.Content[i].Value, i/2)
			l.visit(n.Content[i], inner)
			l.visit(n.Content[i+1], inner)
		}
	default:
		l.visitText(n.Value, path)
	}
}

// fieldPath is the path of the field key, the i-th of the mapping at path.
func fieldPath(path, key string, i int) string {
	switch {
	case path == "disk_setup": // its keys are devices
		return at(path, i)
	case fieldName.MatchString(key):
		return join(path, key)
	}
	return path
}

func (l locator) visitText(text, path string) {
	for _, m := range markText.FindAllStringSubmatch(text, -1) {
		if i, err := strconv.Atoi(m[1]); err == nil && i < len(l.problems) {
			l.problems[i].Path = path
		}
	}
	if !l.insideFile && fileContent.MatchString(path) {
		l.visitInside(text, path)
	}
}

// visitInside looks into a file that is YAML of mappings, as kubeadm's configuration is.
func (l locator) visitInside(content, path string) {
	l.insideFile = true
	dec := yaml.NewDecoder(strings.NewReader(content))
	for {
		doc := &yaml.Node{}
		if err := dec.Decode(doc); err != nil || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
			return // the end, or not YAML
		}
		l.visit(doc.Content[0], path)
	}
}
