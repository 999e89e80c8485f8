// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package sshexectest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/altcos/cluster-api-provider-altcos/internal/sshexec"
)

// Server is an SSH server on the loopback that accepts one key for any user.
type Server struct {
	// Hang makes the server swallow new sessions without an answer, as a stopped sshd does.
	Hang atomic.Bool
	// Dials counts the TCP connections that came.
	Dials atomic.Int32

	target   sshexec.Target
	config   *ssh.ServerConfig
	listener net.Listener
	tasks    sync.WaitGroup

	mutex       sync.Mutex
	connections map[net.Conn]struct{}
}

// Start runs a server until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	hostKey, clientKey := NewKey(t), NewKey(t)
	s := &Server{connections: map[net.Conn]struct{}{}}
	accepted := clientKey.Signer.PublicKey().Marshal()
	s.config = &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(accepted) {
			return nil, errors.New("unknown key")
		}
		return &ssh.Permissions{}, nil
	}}
	s.config.AddHostKey(hostKey.Signer)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.listener = listener
	s.target = sshexec.Target{
		Key: "host", Address: listener.Addr().String(), User: "root",
		PrivateKey: clientKey.PEM, HostKeys: hostKey.AuthorizedLine(),
	}
	s.tasks.Go(s.accept)
	t.Cleanup(s.stop)
	return s
}

// Target reaches this server.
func (s *Server) Target() sshexec.Target { return s.target }

// DropConnections cuts every connection that is open now, as a reboot of the host would.
func (s *Server) DropConnections() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for conn := range s.connections {
		_ = conn.Close()
	}
}

func (s *Server) stop() {
	_ = s.listener.Close()
	s.DropConnections()
	s.tasks.Wait()
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.Dials.Add(1)
		s.mutex.Lock()
		s.connections[conn] = struct{}{}
		s.mutex.Unlock()
		s.tasks.Go(func() {
			s.serve(conn)
			s.mutex.Lock()
			delete(s.connections, conn)
			s.mutex.Unlock()
		})
	}
}

func (s *Server) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	_, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		return
	}
	s.tasks.Go(func() {
		for request := range requests {
			if request.WantReply && !s.Hang.Load() {
				_ = request.Reply(request.Type == "keepalive@openssh.com", nil)
			}
		}
	})
	for channel := range channels {
		if s.Hang.Load() {
			continue
		}
		switch channel.ChannelType() {
		case "session":
			s.tasks.Go(func() { serveSession(channel) })
		case "direct-streamlocal@openssh.com":
			s.tasks.Go(func() { serveSocket(channel) })
		default:
			_ = channel.Reject(ssh.UnknownChannelType, "not served here")
		}
	}
}

// serveSocket forwards one channel to a unix socket of this machine.
func serveSocket(newChannel ssh.NewChannel) {
	var request struct {
		SocketPath string
		Reserved0  string
		Reserved1  uint32
	}
	if err := ssh.Unmarshal(newChannel.ExtraData(), &request); err != nil {
		_ = newChannel.Reject(ssh.ConnectionFailed, "malformed request")
		return
	}
	socket, err := net.Dial("unix", request.SocketPath)
	if err != nil {
		_ = newChannel.Reject(ssh.ConnectionFailed, "no such socket")
		return
	}
	channel, requests, err := newChannel.Accept()
	if err != nil {
		_ = socket.Close()
		return
	}
	go ssh.DiscardRequests(requests)
	var copies sync.WaitGroup
	copies.Go(func() {
		_, _ = io.Copy(channel, socket)
		_ = channel.Close()
	})
	_, _ = io.Copy(socket, channel)
	_ = socket.Close()
	copies.Wait()
}

// Key is a fresh ed25519 key pair.
type Key struct {
	Signer ssh.Signer
	PEM    []byte
}

// NewKey makes a key pair.
func NewKey(t testing.TB) Key {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return Key{Signer: signer, PEM: pem.EncodeToMemory(block)}
}

// AuthorizedLine is the public half as a line of authorized_keys.
func (k Key) AuthorizedLine() []byte { return ssh.MarshalAuthorizedKey(k.Signer.PublicKey()) }
