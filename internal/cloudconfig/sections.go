// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig

import (
	"path"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

func (d *decoder) config(root *yaml.Node) *Config {
	cfg := &Config{}
	if isNull(root) {
		return cfg
	}
	d.object(root, "", map[string]func(*yaml.Node, string){
		"write_files": d.files(cfg),
		"bootcmd":     d.commands(&cfg.BootCmd),
		"runcmd":      d.commands(&cfg.RunCmd),
		"ntp":         d.ntp(cfg),
		"users":       d.users(cfg),
		"disk_setup":  d.disks(cfg),
		"fs_setup":    d.filesystems(cfg),
		"mounts":      d.mounts(cfg),
	})
	return cfg
}

func (d *decoder) files(cfg *Config) func(*yaml.Node, string) {
	return func(n *yaml.Node, p string) {
		d.list(n, p, func(item *yaml.Node, p string) {
			var f File
			var mode, encoding string
			var add *bool
			var content *yaml.Node
			d.object(item, p, map[string]func(*yaml.Node, string){
				"path":        d.text(&f.Path),
				"encoding":    d.text(&encoding),
				"owner":       d.text(&f.Owner),
				"permissions": d.text(&mode),
				"append":      d.flag(&add),
				"content":     func(n *yaml.Node, _ string) { content = n },
			})
			f.Append = add != nil && *add
			if !path.IsAbs(f.Path) {
				d.addf(item, join(p, "path"), "must be an absolute path")
			} else {
				f.Path = path.Clean(f.Path)
			}
			f.Mode = d.mode(item, join(p, "permissions"), mode)
			switch {
			case d.hasOtherBreaks(item, content, encoding):
				d.addf(content, join(p, "content"), otherBreaks)
				content = nil
			case encoding == "" && d.isIndented(n, item, content):
				d.addf(content, join(p, "content"), indented)
				content = nil
			}
			f.Content = d.content(content, join(p, "content"), encoding)
			cfg.WriteFiles = append(cfg.WriteFiles, f)
		})
	}
}

// mode reads octal permissions such as '0640'; cloud-init reads them as octal with or without the leading zero.
func (d *decoder) mode(n *yaml.Node, p, s string) *int {
	if s == "" {
		return nil
	}
	v, err := strconv.ParseUint(strings.TrimPrefix(s, "0o"), 8, 32)
	if err != nil || v > 0o7777 {
		d.addf(n, p, "must be octal permissions such as '0640'")
		return nil
	}
	mode := int(v)
	return &mode
}

func (d *decoder) ntp(cfg *Config) func(*yaml.Node, string) {
	return func(n *yaml.Node, p string) {
		cfg.NTP = &NTP{}
		d.object(n, p, map[string]func(*yaml.Node, string){
			"enabled": d.flag(&cfg.NTP.Enabled),
			"servers": d.texts(&cfg.NTP.Servers),
		})
	}
}

func (d *decoder) users(cfg *Config) func(*yaml.Node, string) {
	return func(n *yaml.Node, p string) {
		d.list(n, p, func(item *yaml.Node, p string) {
			var u User
			var groups string
			d.object(item, p, map[string]func(*yaml.Node, string){
				"name":                d.text(&u.Name),
				"passwd":              d.text(&u.PasswordHash),
				"gecos":               d.text(&u.Gecos),
				"groups":              d.text(&groups),
				"homedir":             d.text(&u.HomeDir),
				"inactive":            d.flag(&u.Inactive),
				"lock_passwd":         d.flag(&u.LockPassword),
				"shell":               d.text(&u.Shell),
				"primary_group":       d.text(&u.PrimaryGroup),
				"sudo":                d.text(&u.Sudo),
				"ssh_authorized_keys": d.keys(&u.SSHAuthorizedKeys),
			})
			if u.Name == "" {
				d.addf(item, join(p, "name"), "must not be empty")
			}
			for g := range strings.SplitSeq(groups, ",") {
				if g = strings.TrimSpace(g); g != "" {
					u.Groups = append(u.Groups, g)
				}
			}
			cfg.Users = append(cfg.Users, u)
		})
	}
}

func (d *decoder) filesystems(cfg *Config) func(*yaml.Node, string) {
	return func(n *yaml.Node, p string) {
		d.list(n, p, func(item *yaml.Node, p string) {
			var f Filesystem
			label := func(n *yaml.Node, p string) {
				if !isNull(n) || n.Value != "" { // CABPK writes "label: " for a file system without one
					d.text(&f.Label)(n, p)
				}
			}
			d.object(item, p, map[string]func(*yaml.Node, string){
				"label":      label,
				"filesystem": d.text(&f.Format),
				"device":     d.text(&f.Device),
				"partition":  d.text(&f.Partition),
				"overwrite":  d.flag(&f.Overwrite),
				"replace_fs": d.text(&f.ReplaceFS),
				"extra_opts": d.texts(&f.Options),
			})
			cfg.Filesystems = append(cfg.Filesystems, f)
		})
	}
}

func (d *decoder) mounts(cfg *Config) func(*yaml.Node, string) {
	return func(n *yaml.Node, p string) {
		d.list(n, p, func(item *yaml.Node, p string) {
			var m []string
			d.texts(&m)(item, p)
			if len(m) < 2 || len(m) > 6 {
				d.addf(item, p, "must list source and mount point, then at most type, options, frequency and pass")
			}
			cfg.Mounts = append(cfg.Mounts, m)
		})
	}
}
