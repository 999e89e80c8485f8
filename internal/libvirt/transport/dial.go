// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt/hosturi"
	"github.com/altcos/cluster-api-provider-altcos/internal/sshexec"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// dialer opens a byte stream to libvirtd. It ends with its context; the stream need not know deadlines.
type dialer func(ctx context.Context) (net.Conn, error)

// newDialer checks what can be checked without the host. Errors: virt.ErrInvalid.
func newDialer(target virt.Target, pool *sshexec.Pool) (dialer, error) {
	endpoint, err := hosturi.Parse(target.URI)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", virt.ErrInvalid, err)
	}
	switch endpoint.Transport {
	case hosturi.SSH:
		return newSSHDialer(target, endpoint, pool)
	case hosturi.TLS:
		return newTLSDialer(target.Credentials, endpoint)
	case hosturi.Unix:
		return func(ctx context.Context) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", endpoint.Socket)
		}, nil
	}
	return nil, fmt.Errorf("%w: transport %q", virt.ErrInvalid, endpoint.Transport)
}

// newSSHTarget is the connection of a qemu+ssh target, which scripts and forwarded sockets share. Errors: virt.ErrInvalid.
func newSSHTarget(target virt.Target, endpoint hosturi.Endpoint) (sshexec.Target, error) {
	user := endpoint.User
	if target.Credentials.SSHUser != "" {
		user = target.Credentials.SSHUser
	}
	if user == "" {
		return sshexec.Target{}, fmt.Errorf("%w: neither the uri nor the credentials of host %q name a user", virt.ErrInvalid, target.Name)
	}
	return sshexec.Target{
		Key:        target.Name,
		Generation: target.Revision,
		Address:    net.JoinHostPort(endpoint.Host, strconv.Itoa(endpoint.Port)),
		User:       user,
		PrivateKey: target.Credentials.SSHPrivateKey,
		HostKeys:   target.Credentials.SSHKnownHosts,
		Sudo:       user != "root",
	}, nil
}

func newSSHDialer(target virt.Target, endpoint hosturi.Endpoint, pool *sshexec.Pool) (dialer, error) {
	sshTarget, err := newSSHTarget(target, endpoint)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (net.Conn, error) {
		connection, err := pool.Get(ctx, sshTarget)
		if err != nil {
			return nil, err
		}
		return connection.Dial(ctx, "unix", endpoint.Socket)
	}, nil
}

func newTLSDialer(credentials virt.Credentials, endpoint hosturi.Endpoint) (dialer, error) {
	certificate, err := tls.X509KeyPair(credentials.TLSCertificate, credentials.TLSPrivateKey)
	if err != nil {
		return nil, fmt.Errorf("%w: client certificate or private key is not usable PEM, or they do not match", virt.ErrInvalid)
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(credentials.TLSCA) {
		return nil, fmt.Errorf("%w: certificate authority is not usable PEM", virt.ErrInvalid)
	}
	d := &tls.Dialer{
		NetDialer: &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3,
		}},
		Config: &tls.Config{
			Certificates: []tls.Certificate{certificate},
			RootCAs:      authorities,
			ServerName:   endpoint.Host,
			MinVersion:   tls.VersionTLS12,
		},
	}
	address := net.JoinHostPort(endpoint.Host, strconv.Itoa(endpoint.Port))
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := d.DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		if err := awaitVerdict(ctx, conn); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return conn, nil
	}, nil
}

// awaitVerdict reads the one byte by which libvirtd answers, after the handshake, whether it accepts our certificate.
func awaitVerdict(ctx context.Context, conn net.Conn) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	verdict := make([]byte, 1)
	if _, err := conn.Read(verdict); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("await verdict on certificate: %w", context.Cause(ctx))
		}
		// TLS 1.3 servers refuse a client certificate only after the client thinks the handshake is over.
		return fmt.Errorf("await verdict on certificate: %w: %w", virt.ErrAuthentication, err)
	}
	if verdict[0] != 1 {
		return fmt.Errorf("%w: libvirtd does not accept our certificate", virt.ErrAuthentication)
	}
	return nil
}
