// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import "path"

// Layout says where our files live on a host; only tests use another than DefaultLayout.
type Layout struct {
	// Config is the root of our configuration.
	Config string
	// Units is where systemd reads the administrator's units.
	Units string
	// Runtime holds sockets and pid files; it is gone after a reboot.
	Runtime string
}

// DefaultLayout is the layout of every real host.
func DefaultLayout() Layout {
	return Layout{Config: "/etc/altcos-capi", Units: "/etc/systemd/system", Runtime: "/run"}
}

// Names of units, without directories.
const (
	haproxyUnit    = "altcos-haproxy@.service"
	keepalivedUnit = "altcos-keepalived.service"
)

// HAProxyUnit is the unit that balances for a cluster.
func HAProxyUnit(clusterID string) string { return "altcos-haproxy@" + clusterID + ".service" }

// KeepalivedUnit is the unit that holds the VIPs of all clusters on a host.
func KeepalivedUnit() string { return keepalivedUnit }

func (l Layout) clusterDirectory(id string) string { return path.Join(l.Config, "clusters", id) }

// current is the symlink to the version in use; switching it is what makes a change atomic.
func (l Layout) current(id string) string { return path.Join(l.clusterDirectory(id), "current") }

func (l Layout) adminSocket(id string) string {
	return path.Join(l.Runtime, "altcos-haproxy", id, "admin.sock")
}

func (l Layout) checkScript() string { return path.Join(l.Config, "bin", "check-haproxy") }
func (l Layout) keepalivedConfig() string {
	return path.Join(l.Config, "keepalived", "keepalived.conf")
}
func (l Layout) keepalivedRuntime() string { return path.Join(l.Runtime, "altcos-keepalived") }
func (l Layout) keepalivedLoaded() string  { return path.Join(l.keepalivedRuntime(), "loaded") }
func (l Layout) fragments() string {
	return path.Join(l.Config, "clusters", "*", "current", fragmentFile)
}
func (l Layout) unit(name string) string { return path.Join(l.Units, name) }
