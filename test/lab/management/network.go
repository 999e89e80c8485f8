// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package management

import (
	"context"
	"fmt"
	"net"
	"os/exec"
)

// Network is where the processes live and where they can be reached.
type Network interface {
	// Command prepares a program; the PID of the started command must be the program's own.
	Command(ctx context.Context, name string, arguments ...string) *exec.Cmd
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
	Listen(ctx context.Context, network, address string) (net.Listener, error)
}

// machine is the network of this process.
type machine struct{}

func (machine) Command(ctx context.Context, name string, arguments ...string) *exec.Cmd {
	return exec.CommandContext(ctx, name, arguments...)
}

func (machine) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

func (machine) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(ctx, network, address)
}

// ports gives every server a port of its own and remembers it in a file, so that URLs survive restarts.
type ports struct {
	path    string
	network Network
	host    string
	byName  map[string]int
}

func openPorts(path string, network Network, host string) (*ports, error) {
	p := &ports{path: path, network: network, host: host, byName: map[string]int{}}
	if err := readJSON(path, &p.byName); err != nil {
		return nil, fmt.Errorf("read ports: %w", err)
	}
	return p, nil
}

// of returns the port of the server called name. A new one is free at this moment.
func (p *ports) of(ctx context.Context, name string) (int, error) {
	if port, known := p.byName[name]; known {
		return port, nil
	}
	listener, err := p.network.Listen(ctx, "tcp", net.JoinHostPort(p.host, "0"))
	if err != nil {
		return 0, fmt.Errorf("find free port for %s: %w", name, err)
	}
	defer listener.Close()
	address, isTCP := listener.Addr().(*net.TCPAddr)
	if !isTCP {
		return 0, fmt.Errorf("find free port for %s: got address %v", name, listener.Addr())
	}
	return address.Port, p.set(name, address.Port)
}

func (p *ports) set(name string, port int) error {
	p.byName[name] = port
	if err := writeJSON(p.path, p.byName); err != nil {
		return fmt.Errorf("remember port of %s: %w", name, err)
	}
	return nil
}
