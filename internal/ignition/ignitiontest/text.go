// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package ignitiontest

import (
	"bytes"
	"fmt"
	"testing"

	v3 "github.com/coreos/ignition/v2/config/v3_2"
	"github.com/coreos/ignition/v2/config/v3_2/types"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
)

// Parse reads a rendered config and fails the test when Ignition has anything to say about it, warnings included.
func Parse(tb testing.TB, raw []byte) types.Config {
	tb.Helper()
	cfg, rpt, err := v3.Parse(raw)
	if err != nil || len(rpt.Entries) > 0 {
		tb.Fatalf("Ignition does not like the config: %v %s", err, rpt.String())
	}
	return cfg
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

// Text lists everything in c, one block for each node and contents unpacked.
func Text(tb testing.TB, c types.Config) []byte {
	tb.Helper()
	var b bytes.Buffer
	for _, m := range c.Ignition.Config.Merge {
		fmt.Fprintf(&b, "== merged config\n%s\n", Contents(tb, m))
	}
	for _, g := range c.Passwd.Groups {
		fmt.Fprintf(&b, "== group %s\n", g.Name)
	}
	for _, u := range c.Passwd.Users {
		fmt.Fprintf(&b, "== user %s hash=%s groups=%v keys=%v\n", u.Name, text(u.PasswordHash), u.Groups, u.SSHAuthorizedKeys)
	}
	for _, d := range c.Storage.Disks {
		fmt.Fprintf(&b, "== disk %s wipe=%t\n", d.Device, d.WipeTable != nil && *d.WipeTable)
		for _, p := range d.Partitions {
			fmt.Fprintf(&b, "partition %d label=%s\n", p.Number, text(p.Label))
		}
	}
	for _, f := range c.Storage.Filesystems {
		fmt.Fprintf(&b, "== filesystem %s %s label=%s wipe=%t\n", f.Device, text(f.Format), text(f.Label), f.WipeFilesystem != nil && *f.WipeFilesystem)
	}
	for _, d := range c.Storage.Directories {
		fmt.Fprintf(&b, "== directory %s %s\n", d.Path, mode(d.Mode))
	}
	for _, l := range c.Storage.Links {
		fmt.Fprintf(&b, "== link %s -> %s\n", l.Path, l.Target)
	}
	for _, f := range c.Storage.Files {
		fmt.Fprintf(&b, "== file %s %s\n%s", f.Path, mode(f.Mode), Contents(tb, f.Contents))
		for _, r := range f.Append {
			fmt.Fprintf(&b, "-- append\n%s", Contents(tb, r))
		}
	}
	for _, u := range c.Systemd.Units {
		unit(&b, u)
	}
	return b.Bytes()
}

func unit(b *bytes.Buffer, u types.Unit) {
	state := ""
	if u.Enabled != nil && *u.Enabled {
		state += " enabled"
	}
	if u.Mask != nil && *u.Mask {
		state += " masked"
	}
	fmt.Fprintf(b, "== unit %s%s\n%s", u.Name, state, text(u.Contents))
	for _, d := range u.Dropins {
		fmt.Fprintf(b, "-- %s\n%s", d.Name, text(d.Contents))
	}
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
