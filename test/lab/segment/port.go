// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package segment

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
)

// Port is where one hypervisor host is connected to the segment.
type Port struct {
	// Name is the name of the host, at most 13 characters.
	Name string
	// Address is the host's address on its bridge br0.
	Address netip.Addr
}

// EnsurePort creates the network namespace of a host: a bridge br0 with the host's address, connected to the segment. It
// returns the name of the namespace. A link that was cut stays cut.
func (s *Segment) EnsurePort(ctx context.Context, port Port) (namespace string, err error) {
	if !portName.MatchString(port.Name) || port.Name == lanName {
		return "", fmt.Errorf("name of host %q: want %s, and not %q", port.Name, portName, lanName)
	}
	if !Prefix.Contains(port.Address) {
		return "", fmt.Errorf("address %s of host %q is not in %s", port.Address, port.Name, Prefix)
	}
	unlock, err := s.lock()
	if err != nil {
		return "", err
	}
	defer unlock()
	if err := s.ensureNamespace(ctx, port.Name); err != nil {
		return "", err
	}
	if !s.hasLink(ctx, port.Name, hostBridge) {
		if err := s.ip(ctx, port.Name, "link", "add", hostBridge, "address", hardwareAddress(port.Address),
			"type", "bridge", "forward_delay", "0", "mcast_snooping", "0"); err != nil {
			return "", err
		}
	}
	if !s.hasLink(ctx, port.Name, uplink) {
		if err := s.connect(ctx, port.Name); err != nil {
			return "", err
		}
	}
	return s.namespace(port.Name), s.each(ctx, port.Name,
		[]string{"address", "replace", netip.PrefixFrom(port.Address, Prefix.Bits()).String(), "dev", hostBridge},
		[]string{"link", "set", uplink, "master", hostBridge, "up"},
		[]string{"link", "set", hostBridge, "up"},
		[]string{"route", "replace", "default", "via", Gateway.String()},
	)
}

// connect lays the cable between a host's namespace and the segment's bridge.
func (s *Segment) connect(ctx context.Context, name string) error {
	return s.each(ctx, lanName,
		[]string{"link", "add", lanPort(name), "type", "veth", "peer", "name", uplink, "netns", s.namespace(name)},
		[]string{"link", "set", lanPort(name), "master", lanBridge, "up"},
	)
}

// PortNamespace returns the file of the network namespace of a host. It need not exist.
func (s *Segment) PortNamespace(name string) string {
	return filepath.Join(namespaceDir, s.namespace(name))
}

// RemovePort removes a host's namespace; its address does not answer from then on, even when a process still holds the
// namespace. A missing namespace is no error.
func (s *Segment) RemovePort(ctx context.Context, name string) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(filepath.Join(namespaceDir, s.Namespace())); err == nil && s.hasLink(ctx, lanName, lanPort(name)) {
		if err := s.ip(ctx, lanName, "link", "delete", lanPort(name)); err != nil {
			return err
		}
	}
	return s.removeNamespace(ctx, name)
}

// Cut pulls a host's network cable: the host's uplink loses its carrier. Its virtual machines still reach one another.
func (s *Segment) Cut(ctx context.Context, name string) error {
	return s.ip(ctx, lanName, "link", "set", lanPort(name), "down")
}

// Restore puts a host's network cable back.
func (s *Segment) Restore(ctx context.Context, name string) error {
	return s.ip(ctx, lanName, "link", "set", lanPort(name), "up")
}

func (s *Segment) each(ctx context.Context, name string, commands ...[]string) error {
	for _, command := range commands {
		if err := s.ip(ctx, name, command...); err != nil {
			return err
		}
	}
	return nil
}

func lanPort(name string) string { return "p-" + name }

// hardwareAddress returns a locally administered address that never changes, so that neighbours know a restarted host.
func hardwareAddress(address netip.Addr) string {
	ip := address.As4()
	return fmt.Sprintf("02:00:%02x:%02x:%02x:%02x", ip[0], ip[1], ip[2], ip[3])
}
