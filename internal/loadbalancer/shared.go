// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	_ "embed"
	"fmt"
	"path"
	"strings"
)

// sharedRevision is the version of the files that all clusters of a host share. A manager replaces older revisions,
// repairs its own and leaves newer ones alone, so that two managers never overwrite each other's.
const sharedRevision = 1

// SharedFile is one file outside the trees of the clusters.
type SharedFile struct {
	// Name is a short word for messages and scripts.
	Name string
	// Path is absolute.
	Path    string
	Mode    uint32
	Content []byte
}

// RenderShared returns what a host needs once, whatever the number of clusters.
func RenderShared(layout Layout) ([]SharedFile, error) {
	main, err := renderKeepalivedMain(layout)
	if err != nil {
		return nil, fmt.Errorf("render keepalived.conf: %w", err)
	}
	head := fmt.Sprintf("# Managed by cluster-api-provider-altcos, shared by all clusters; do not edit. revision=%d\n", sharedRevision)
	shebang, check, _ := strings.Cut(checkScript, "\n")
	return []SharedFile{
		{Name: "check", Path: layout.checkScript(), Mode: 0o755, Content: []byte(shebang + "\n" + head + check)},
		{Name: "keepalived", Path: layout.KeepalivedConfig(), Mode: 0o644, Content: append([]byte(head), main...)},
		{Name: "haproxy-unit", Path: layout.unit(HAProxyUnit("")), Mode: 0o644, Content: []byte(head + haproxyUnitBody(layout))},
		{Name: "keepalived-unit", Path: layout.unit(KeepalivedUnit), Mode: 0o644, Content: []byte(head + keepalivedUnitBody(layout))},
	}, nil
}

// checkScript asks the local haproxy for monitorPath over HTTP: a hung process keeps its pid and its socket, but does not
// answer. bash opens the connection itself, so that no other program has to be installed.
//
//go:embed scripts/check-haproxy.sh
var checkScript string

// haproxyUnitBody gives each instance a user of its own with the two capabilities that it needs: to bind low ports, and to
// bind an address that the host does not hold.
func haproxyUnitBody(layout Layout) string {
	current := layout.Current("%i")
	config := path.Join(current, haproxyFile)
	return "[Unit]\n" +
		"Description=Load balancer of the Kubernetes cluster %i\n" +
		"After=network-online.target\nWants=network-online.target\n" +
		"ConditionPathExists=" + config + "\nStartLimitIntervalSec=0\n" +
		"\n[Service]\nType=notify\nDynamicUser=yes\n" +
		"AmbientCapabilities=CAP_NET_BIND_SERVICE CAP_NET_RAW\n" +
		"CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_NET_RAW\n" +
		"RuntimeDirectory=altcos-haproxy/%i\nRuntimeDirectoryMode=0750\n" +
		"ExecStart=/usr/sbin/haproxy -Ws -C " + current + " -f " + config + "\n" +
		"ExecReload=/usr/sbin/haproxy -c -q -C " + current + " -f " + config + "\n" +
		"ExecReload=/bin/kill -USR2 $MAINPID\n" +
		"KillMode=mixed\nTimeoutStopSec=10\nRestart=always\nRestartSec=1\nSuccessExitStatus=143\n" +
		"LimitNOFILE=65536\nOOMScoreAdjust=-500\n" +
		"\n[Install]\nWantedBy=multi-user.target\n"
}

// keepalivedUnitBody keeps pid files apart from those of the distribution's keepalived, which may run too. After start and
// reload it records what was loaded, so that a process with an older configuration is detected.
func keepalivedUnitBody(layout Layout) string {
	config, runtime := layout.KeepalivedConfig(), layout.keepalivedRuntime()
	record := "/bin/sh -c 'cat " + config + " " + layout.fragments() + " 2>/dev/null | grep -v ^# | sha256sum > " + layout.KeepalivedLoaded() + "'\n"
	return "[Unit]\n" +
		"Description=VRRP addresses of Kubernetes clusters\n" +
		"After=network-online.target\nWants=network-online.target\n" +
		"ConditionPathExists=" + config + "\nStartLimitIntervalSec=0\n" +
		"\n[Service]\nType=simple\nEnvironment=LC_ALL=C\n" +
		"RuntimeDirectory=altcos-keepalived\nRuntimeDirectoryMode=0755\n" +
		"ExecStart=/usr/sbin/keepalived --dont-fork --vrrp --log-console --no-syslog --use-file=" + config +
		" --pid=" + path.Join(runtime, "keepalived.pid") + " --vrrp_pid=" + path.Join(runtime, "vrrp.pid") +
		" --checkers_pid=" + path.Join(runtime, "checkers.pid") + "\n" +
		"ExecStartPost=" + record +
		"ExecReload=/usr/sbin/keepalived --config-test --use-file=" + config + "\n" +
		"ExecReload=/bin/kill -HUP $MAINPID\n" +
		"ExecReload=" + record +
		"KillMode=mixed\nTimeoutStopSec=10\nRestart=always\nRestartSec=1\n" +
		"\n[Install]\nWantedBy=multi-user.target\n"
}
