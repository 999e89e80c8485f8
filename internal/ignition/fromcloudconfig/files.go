// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_2/types"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
)

const (
	stageDir = altcos.StateDir + "/stage"
	// placeholder only exists to make its directory; the script makes that anyway.
	placeholder = "/run/cluster-api/placeholder"
)

// stagedFile is a file that must be written on the running system.
type stagedFile struct {
	source, target string
	// owner and mode are empty and nil when those of the existing file stay.
	owner string
	mode  *int
	add   bool
}

// ownerName is what chown accepts and what cannot end a shell word.
var ownerName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$`)

// directory matches paths that every system has as directories: a file there would stop the boot.
var directory = regexp.MustCompile(`^/(run|tmp|etc|var(/(run|lock|tmp|lib|log|opt|home|srv|mnt|roothome))?|opt|home|root|srv|mnt|boot|usr/local|usr/libexec/kubernetes)?$`)

func (c *converter) files() {
	index, owners := map[string]int{}, map[string]string{}
	for i, f := range c.cfg.WriteFiles {
		field := fmt.Sprintf("write_files[%d]", i)
		if f.Owner != "" && !ownerName.MatchString(f.Owner) {
			c.problems.Addf(field+".owner", "must be user or user:group")
			continue
		}
		if f.Mode != nil && *f.Mode&0o7000 != 0 {
			c.problems.Addf(field+".permissions", "must have no setuid, setgid and sticky bits, which Ignition 3.2.0 cannot set; set them in a command")
			continue
		}
		if directory.MatchString(f.Path) {
			c.problems.Addf(field+".path", "is a directory")
			continue
		}
		switch place(f.Path) {
		case onTmpfs:
			if f.Path != placeholder {
				c.stage(f, field)
			}
		case readOnly:
			c.problems.Addf(field+".path", "is on the read-only part of the system; /usr/local, /opt, /etc and /var are writable")
		case ours:
			c.problems.Addf(field+".path", "is in the provider's own directory %s; choose another place", altcos.StateDir)
		case nodes:
			c.problems.Addf(field+".path", "is written by the provider for each machine, and would be lost: set the LibvirtMachine's name and networkInterfaces, or overwrite the file in Butane")
		case virtual:
			c.problems.Addf(field+".path", "is not a place for files; write there in a command")
		case absent:
			c.problems.Addf(field+".path", "%s", notBelowRoot)
		default:
			c.diskFile(f, index)
			if !f.Append || f.Owner != "" {
				owners[f.Path] = f.Owner
			}
		}
	}
	c.setOwners(owners)
}

// diskFile adds an Ignition file. A path that comes again replaces or extends the earlier entry, as in cloud-init.
func (c *converter) diskFile(f cloudconfig.File, index map[string]int) {
	node := types.Node{Path: f.Path}
	files := &c.b.Config.Storage.Files
	i, again := index[f.Path]
	if !again {
		i = len(*files)
		index[f.Path] = i
		*files = append(*files, types.File{Node: node})
	}
	file := &(*files)[i]
	if f.Append {
		content := f.Content
		if file.Contents.Source == nil && len(content) > 0 && !slices.ContainsFunc(file.Append, hasText) {
			content = append([]byte("\n"), content...) // the image's file may end in an open line
		}
		file.Append = append(file.Append, ignition.Inline(content))
		if f.Mode != nil {
			file.Mode = f.Mode
		}
		return
	}
	mode := 0o644
	if f.Mode != nil {
		mode = *f.Mode
	}
	node.Overwrite = new(true)
	*file = types.File{Node: node, FileEmbedded1: types.FileEmbedded1{Mode: &mode, Contents: ignition.Inline(f.Content)}}
}

func hasText(r types.Resource) bool { return *r.Source != "data:," }

// stage keeps a file where root alone can read it, for the script to put in place.
func (c *converter) stage(f cloudconfig.File, field string) {
	s := stagedFile{source: fmt.Sprintf("%s/%02d-%s", stageDir, len(c.staged), safeBase(f.Path)), target: f.Path, owner: f.Owner, mode: f.Mode, add: f.Append}
	if s.owner == "" && !s.add {
		s.owner = "root:root"
	}
	if s.mode == nil && !s.add {
		s.mode = new(0o644)
	}
	content := f.Content
	if isKubeadmConfig(f.Path) {
		patched, err := withCRISocket(content)
		if err != nil {
			c.problems.Addf(field+".content", "%v", err)
			return
		}
		content = patched
	}
	c.staged = append(c.staged, s)
	c.b.File(s.source, 0o600, content)
}

func safeBase(p string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, path.Base(p))
}

type placement int

const (
	onDisk placement = iota
	onTmpfs
	readOnly
	virtual
	ours
	nodes
	absent
)

const notBelowRoot = "is below a directory that the image does not have and that cannot be made: the root of an ostree system is immutable; use /etc, /var, /opt, /srv or /usr/local"

// place tells what kind of place a path is on a booted ALT Container OS. Its /usr is read-only except for two links
// into /var, and nothing can be added beside the directories of its root.
func place(p string) placement {
	below := func(dirs ...string) bool {
		for _, d := range dirs {
			if p == d || strings.HasPrefix(p, d+"/") {
				return true
			}
		}
		return false
	}
	switch {
	case below("/run", "/var/run", "/var/lock", "/tmp"):
		return onTmpfs
	case below(altcos.StateDir):
		return ours
	case altcos.IsNodeFile(p):
		return nodes
	case below("/dev", "/proc", "/sys"):
		return virtual
	case below("/usr/local", "/usr/libexec/kubernetes"):
		return onDisk
	case below("/usr", "/bin", "/sbin", "/lib", "/lib64"):
		return readOnly
	case below("/etc", "/var", "/opt", "/home", "/root", "/srv", "/mnt", "/boot"):
		return onDisk
	}
	return absent
}
