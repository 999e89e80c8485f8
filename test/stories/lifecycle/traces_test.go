// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build lab

package lifecycle_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/internal/providerid"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/hypervisor"
)

// imagePattern is a cached image or the marker that says that it is whole.
var imagePattern = regexp.MustCompile(`^img-[0-9a-f]{64}\.(qcow2|raw|ok)$`)

// expectVolumes wants a root disk and a data disk for each machine; what else is there must be a cached image.
func (s *story) expectVolumes(machines int) {
	s.Helper()
	disks := 0
	for _, host := range s.hosts() {
		for _, volume := range s.exec(host, "ls", "-A", "/var/lib/libvirt/images") {
			switch {
			case imagePattern.MatchString(volume):
			case strings.HasSuffix(volume, "-root.qcow2"), strings.HasSuffix(volume, "-containers.qcow2"):
				disks++
			default:
				s.Errorf("host %s has volume %s", host.Name, volume)
			}
		}
	}
	if disks != 2*machines {
		s.Errorf("%d disks on the hosts, want %d", disks, 2*machines)
	}
}

// expectCleanHosts wants nothing of the load balancer and of machines: no file, no unit, no process, no address. Volumes are
// counted by expectVolumes. The hosts have no other machines, so every log, NVRAM file and TPM would be ours.
func (s *story) expectCleanHosts() {
	s.Helper()
	const find = "for f in %s; do [ -e $f ] && find $f %s; done; true"
	for _, host := range s.hosts() {
		for what, command := range map[string]string{
			"file of a load balancer": "find /etc/altcos-capi /etc/systemd/system /run/systemd/system -name '*altcos*' 2>/dev/null; true",
			"process":                 "pgrep -a 'haproxy|keepalived|qemu-system|swtpm'; true",
			"address":                 "ip -o address | grep -F ' " + endpoint + "/'; true",
			"log":                     fmt.Sprintf(find, "/var/log/libvirt/qemu /var/log/swtpm/libvirt/qemu", "-type f -not -name .placeholder"), // Debian's
			"file of a firmware":      fmt.Sprintf(find, "/var/lib/libvirt/qemu/nvram", "-type f"),
			"TPM":                     fmt.Sprintf(find, "/var/lib/libvirt/swtpm", "-mindepth 1"),
			"Ignition config":         fmt.Sprintf(find, "/var/lib/libvirt /run/libvirt /tmp /var/tmp", "-name '*.ign*'"),
			"definition":              fmt.Sprintf(find, "/etc/libvirt/qemu /run/libvirt/qemu", "-name '"+namespace+"-demo-*'"),
		} {
			if left, err := host.Exec(s.ctx, "sh", "-c", command); err != nil || left != "" {
				s.Errorf("host %s still has a %s: %s %v", host.Name, what, left, err)
			}
		}
	}
}

// configs are the modes in which files of Ignition configs were seen on the hosts, by name.
type configs map[string]map[string]bool

// watchConfigs looks at the Ignition configs on the hosts, which are gone once their machines have joined, until the returned
// function is called for what was seen.
func (s *story) watchConfigs() (ended func() configs) {
	ctx, stop := context.WithCancel(s.ctx)
	hosts, seen, done := s.hosts(), configs{}, make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			for _, host := range hosts {
				seen.look(ctx, host)
			}
			select {
			case <-ctx.Done():
			case <-time.After(lookEvery):
			}
		}
	}()
	return func() configs {
		stop()
		<-done
		return seen
	}
}

// look leaves out what is removed under its eyes.
func (c configs) look(ctx context.Context, host *hypervisor.Host) {
	output, _ := host.Exec(ctx, "find", "/var/lib/libvirt/images", "-name", "*.ign*", "-printf", "%m %f\\n")
	for line := range strings.Lines(output) {
		mode, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if c[name] == nil {
			c[name] = map[string]bool{}
		}
		c[name][mode] = true
	}
}

// expectPrivateConfigs wants the config of each machine to have been on a host, and never to have been readable by others.
func (s *story) expectPrivateConfigs(seen configs) {
	s.Helper()
	for name, modes := range seen {
		for mode := range modes {
			if mode != "600" {
				s.Errorf("%s had mode %s, want 600", name, mode)
			}
		}
	}
	for _, machine := range s.machines() {
		uuid, err := providerid.Parse(machine.Spec.ProviderID)
		s.must(err)
		if seen[uuid+".ign"] == nil {
			s.Errorf("the Ignition config of %s was seen on no host, only %v", machine.Name, seen)
		}
	}
}
