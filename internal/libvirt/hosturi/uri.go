// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package hosturi

import (
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// Transport is how the RPC reaches libvirtd.
type Transport string

// Transports.
const (
	Unix Transport = "unix"
	SSH  Transport = "ssh"
	TLS  Transport = "tls"
)

const (
	defaultSocket  = "/var/run/libvirt/libvirt-sock"
	defaultSSHPort = 22
	defaultTLSPort = 16514
	// maxURILength bounds what is parsed and repeated in messages.
	maxURILength = 1024
)

// Endpoint is a parsed libvirt URI.
type Endpoint struct {
	Transport Transport
	// User is the SSH user, empty when the URI names none.
	User string
	// Host is a name or an IP address without brackets, empty for unix.
	Host string
	Port int
	// Socket is libvirtd's socket on the host, empty for TLS.
	Socket string
}

// Parse reads a connection URI: qemu+unix:///system[?socket=/path], qemu+ssh://[user@]host[:port]/system[?socket=/path]
// or qemu+tls://host[:port]/system. What libvirt's own client would also take (other drivers, paths to keys and
// certificates, known_hosts_verify=ignore, passwords) is refused: credentials come from a Secret and identities are
// always checked.
func Parse(text string) (Endpoint, error) {
	if len(text) > maxURILength {
		return Endpoint{}, fmt.Errorf("parse libvirt uri: longer than %d characters", maxURILength)
	}
	u, err := url.Parse(text)
	if err != nil {
		// The error of package url repeats the URI, in which a password may stand.
		return Endpoint{}, fmt.Errorf("parse libvirt uri: not a valid uri")
	}
	endpoint, err := parseEndpoint(u)
	if err != nil {
		return Endpoint{}, fmt.Errorf("parse libvirt uri %q: %w", u.Redacted(), err)
	}
	return endpoint, nil
}

func parseEndpoint(u *url.URL) (Endpoint, error) {
	if u.Path != "/system" || u.Opaque != "" || u.RawPath != "" || u.Fragment != "" {
		return Endpoint{}, fmt.Errorf("path must be /system, without a fragment")
	}
	if _, hasPassword := u.User.Password(); hasPassword {
		return Endpoint{}, fmt.Errorf("must not contain a password")
	}
	switch u.Scheme {
	case "qemu+unix":
		if u.Host != "" || u.User != nil {
			return Endpoint{}, fmt.Errorf("qemu+unix takes no host and no user")
		}
		socket, err := parseSocket(u)
		return Endpoint{Transport: Unix, Socket: socket}, err
	case "qemu+ssh":
		return parseRemote(u, SSH, defaultSSHPort)
	case "qemu+tls":
		if u.User != nil {
			return Endpoint{}, fmt.Errorf("qemu+tls takes no user")
		}
		return parseRemote(u, TLS, defaultTLSPort)
	}
	return Endpoint{}, fmt.Errorf("scheme %q is not qemu+ssh, qemu+tls or qemu+unix", u.Scheme)
}

func parseRemote(u *url.URL, transport Transport, port int) (Endpoint, error) {
	endpoint := Endpoint{Transport: transport, User: u.User.Username(), Host: u.Hostname(), Port: port}
	if endpoint.Host == "" || strings.ContainsAny(endpoint.Host, " /@\t\r\n\x00") {
		return Endpoint{}, fmt.Errorf("host is missing or malformed")
	}
	if strings.HasPrefix(endpoint.User, "-") || strings.ContainsAny(endpoint.User, " \t\r\n\x00") {
		return Endpoint{}, fmt.Errorf("user is malformed")
	}
	if text := u.Port(); text != "" {
		number, err := strconv.ParseUint(text, 10, 16)
		if err != nil || number == 0 {
			return Endpoint{}, fmt.Errorf("port %q is not between 1 and 65535", text)
		}
		endpoint.Port = int(number)
	}
	if transport == TLS {
		if u.RawQuery != "" || u.ForceQuery {
			return Endpoint{}, fmt.Errorf("qemu+tls takes no parameters")
		}
		return endpoint, nil
	}
	socket, err := parseSocket(u)
	endpoint.Socket = socket
	return endpoint, err
}

// parseSocket reads the only parameter that is understood.
func parseSocket(u *url.URL) (string, error) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", fmt.Errorf("parameters are malformed")
	}
	for name, given := range values {
		if name != "socket" || len(given) != 1 {
			return "", fmt.Errorf("parameter %q is not understood or given twice; only socket is", name)
		}
	}
	if !values.Has("socket") {
		return defaultSocket, nil
	}
	socket := values.Get("socket")
	if !path.IsAbs(socket) || path.Clean(socket) != socket || strings.ContainsAny(socket, "\n\r\x00") {
		return "", fmt.Errorf("socket %q is not a clean absolute path", socket)
	}
	return socket, nil
}
