// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package ignitiontest

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"

	v3 "github.com/coreos/ignition/v2/config/v3_2"
	"github.com/coreos/ignition/v2/config/v3_2/types"
	"github.com/coreos/ignition/v2/config/validate"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
)

// Parse reads a rendered config and fails the test unless Ignition accepts it without warnings.
func Parse(tb testing.TB, raw []byte) types.Config {
	tb.Helper()
	cfg, rpt, err := v3.Parse(raw)
	if err != nil || len(rpt.Entries) > 0 {
		tb.Fatalf("Ignition refuses the config: %v %s", err, rpt.String())
	}
	return cfg
}

// Check fails the test unless Ignition accepts a layer without warnings.
func Check(tb testing.TB, l ignition.Layer) {
	tb.Helper()
	cfg := l.Config
	cfg.Ignition.Version = types.MaxVersion.String()
	if err := ignition.FromReport(validate.ValidateWithContext(cfg, nil)); err != nil {
		tb.Fatalf("Ignition refuses layer %q: %v", l.Name, err)
	}
}

// Contents unpacks an inline resource.
func Contents(tb testing.TB, r types.Resource) string {
	tb.Helper()
	b, err := ignition.Contents(r, 1<<20)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// Text lists everything in c, one block for each node and contents unpacked. Owners, and the fields of users, partitions
// and file systems that are rarely set, are left to FullText.
func Text(tb testing.TB, c types.Config) []byte {
	tb.Helper()
	return (&printer{tb: tb}).config(c)
}

// FullText is Text with every field that is set.
func FullText(tb testing.TB, c types.Config) []byte {
	tb.Helper()
	return (&printer{tb: tb, full: true}).config(c)
}

type printer struct {
	tb   testing.TB
	b    bytes.Buffer
	full bool
}

func (p *printer) addf(format string, args ...any) { fmt.Fprintf(&p.b, format, args...) }

func (p *printer) config(c types.Config) []byte {
	p.tb.Helper()
	for _, m := range c.Ignition.Config.Merge {
		p.addf("== merged config\n%s\n", Contents(p.tb, m))
	}
	for _, g := range c.Passwd.Groups {
		p.addf("== group %s\n", g.Name)
	}
	for _, u := range c.Passwd.Users {
		p.addf("== user %s hash=%s groups=%v keys=%v%s%s%s%s\n", u.Name, text(u.PasswordHash), u.Groups, u.SSHAuthorizedKeys,
			p.given("gecos", u.Gecos), p.given("home", u.HomeDir), p.given("shell", u.Shell), p.given("primary", u.PrimaryGroup))
	}
	for _, d := range c.Storage.Disks {
		p.addf("== disk %s wipe=%t\n", d.Device, d.WipeTable != nil && *d.WipeTable)
		for _, part := range d.Partitions {
			p.addf("partition %d label=%s%s\n", part.Number, text(part.Label), p.given("type", part.TypeGUID))
		}
	}
	for _, f := range c.Storage.Filesystems {
		p.addf("== filesystem %s %s label=%s wipe=%t", f.Device, text(f.Format), text(f.Label), f.WipeFilesystem != nil && *f.WipeFilesystem)
		if p.full && len(f.Options) > 0 {
			p.addf(" options=%v", f.Options)
		}
		p.addf("\n")
	}
	for _, d := range c.Storage.Directories {
		p.addf("== directory %s %s%s\n", d.Path, mode(d.Mode), p.owner(d.Node))
	}
	for _, l := range c.Storage.Links {
		p.addf("== link %s -> %s\n", l.Path, l.Target)
	}
	for _, f := range c.Storage.Files {
		p.addf("== file %s %s%s\n%s", f.Path, mode(f.Mode), p.owner(f.Node), Contents(p.tb, f.Contents))
		for _, r := range f.Append {
			p.addf("-- append\n%s", Contents(p.tb, r))
		}
	}
	for _, u := range c.Systemd.Units {
		p.unit(u)
	}
	return p.b.Bytes()
}

func (p *printer) unit(u types.Unit) {
	state := ""
	if u.Enabled != nil && *u.Enabled {
		state += " enabled"
	}
	if u.Mask != nil && *u.Mask {
		state += " masked"
	}
	p.addf("== unit %s%s\n%s", u.Name, state, text(u.Contents))
	for _, d := range u.Dropins {
		p.addf("-- %s\n%s", d.Name, text(d.Contents))
	}
}

// given is the value of an optional field; empty without one.
func (p *printer) given(name string, s *string) string {
	if !p.full || s == nil {
		return ""
	}
	return fmt.Sprintf(" %s=%q", name, *s)
}

// owner is said when it is another than root, by number or by name.
func (p *printer) owner(n types.Node) string {
	user, group := account(n.User.ID, n.User.Name), account(n.Group.ID, n.Group.Name)
	if !p.full || user == "root" && group == "root" {
		return ""
	}
	return " owner=" + user + ":" + group
}

func account(id *int, name *string) string {
	switch {
	case id != nil && *id != 0:
		return strconv.Itoa(*id)
	case name != nil && *name != "":
		return *name
	}
	return "root"
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func mode(m *int) string {
	if m == nil {
		return "-"
	}
	return fmt.Sprintf("%04o", *m)
}
