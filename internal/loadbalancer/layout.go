// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import "path"

// Layout is where our files live on a host; only tests use another than DefaultLayout.
type Layout struct {
	// Config is the root of our configuration.
	Config string
	// Units is where systemd reads the administrator's units.
	Units string
	// Runtime holds sockets and pid files; it is empty after a reboot.
	Runtime string
}

// DefaultLayout is the layout of every real host.
func DefaultLayout() Layout {
	return Layout{Config: "/etc/altcos-capi", Units: "/etc/systemd/system", Runtime: "/run"}
}

// KeepalivedUnit is the unit that holds the VIPs of all clusters on a host.
const KeepalivedUnit = "altcos-keepalived.service"

// HAProxyUnit returns the unit that balances for a cluster; without an ID it is the template of all of them.
func HAProxyUnit(clusterID string) string { return "altcos-haproxy@" + clusterID + ".service" }

// Clusters is the directory that has one directory per cluster.
func (l Layout) Clusters() string { return path.Join(l.Config, "clusters") }

// Current is the symlink to the tree in use; replacing it is what makes a change atomic.
func (l Layout) Current(clusterID string) string {
	return path.Join(l.Clusters(), clusterID, "current")
}

// AdminSocket is where the cluster's haproxy answers questions.
func (l Layout) AdminSocket(clusterID string) string {
	return path.Join(l.Runtime, "altcos-haproxy", clusterID, "admin.sock")
}

// KeepalivedConfig is the file that includes the fragments of all clusters.
func (l Layout) KeepalivedConfig() string {
	return path.Join(l.Config, "keepalived", "keepalived.conf")
}

// KeepalivedLoaded is where keepalived's unit records the digest of what keepalived has loaded.
func (l Layout) KeepalivedLoaded() string { return path.Join(l.keepalivedRuntime(), "loaded") }

func (l Layout) keepalivedRuntime() string { return path.Join(l.Runtime, "altcos-keepalived") }
func (l Layout) checkScript() string       { return path.Join(l.Config, "bin", "check-haproxy") }
func (l Layout) fragments() string         { return path.Join(l.Current("*"), fragmentFile) }
func (l Layout) unit(name string) string   { return path.Join(l.Units, name) }
