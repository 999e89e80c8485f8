// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	rpc "github.com/digitalocean/go-libvirt"

	"github.com/altcos/cluster-api-provider-altcos/internal/sshexec"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

func TestClassify_wrappedErrors(t *testing.T) {
	code := func(n rpc.ErrorNumber) error { return rpc.Error{Code: uint32(n), Message: "m"} }
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"no domain", code(rpc.ErrNoDomain), virt.ErrNotFound},
		{"no pool", code(rpc.ErrNoStoragePool), virt.ErrNotFound},
		{"no pool, said exactly", virt.ErrNoPool, virt.ErrNotFound},
		{"no volume", code(rpc.ErrNoStorageVol), virt.ErrNotFound},
		{"a volume that is there", code(rpc.ErrStorageVolExist), virt.ErrExists},
		{"a state that forbids it", code(rpc.ErrOperationInvalid), virt.ErrBusy},
		{"a lock that is held", code(rpc.ErrOperationTimeout), virt.ErrBusy},
		{"broken XML", code(rpc.ErrXMLError), virt.ErrInvalid},
		{"XML against the schema", code(rpc.ErrXMLInvalidSchema), virt.ErrInvalid},
		{"a configuration the host cannot do", code(rpc.ErrConfigUnsupported), virt.ErrInvalid},
		{"a driver without the function", code(rpc.ErrNoSupport), virt.ErrUnsupported},
		{"a procedure that libvirtd does not know", rpc.ErrUnsupported, virt.ErrUnsupported},
		{"polkit says no", code(rpc.ErrAuthFailed), virt.ErrAuthentication},
		{"read-only access", code(rpc.ErrOperationDenied), virt.ErrAuthentication},
		{"the socket may not be opened", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EACCES)}, virt.ErrAuthentication},
		{"a host key that is not pinned", sshexec.ErrHostKeyMismatch, virt.ErrAuthentication},
		{"a server certificate of another authority", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, virt.ErrAuthentication},
		{"a server that refuses ours", tls.AlertError(42), virt.ErrAuthentication},
		{"a private key that is none", sshexec.ErrInvalidTarget, virt.ErrInvalid},
		{"libvirtd lost its own connection", code(rpc.ErrRPC), virt.ErrUnreachable},
		{"a call that lost its connection", rpc.ErrInterrupted, virt.ErrUnreachable},
		{"a call on a lost connection", syscall.EINVAL, virt.ErrUnreachable},
		{"nobody listens", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, virt.ErrUnreachable},
		{"no socket", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENOENT)}, virt.ErrUnreachable},
		{"no such name", &net.DNSError{Err: "no such host", IsNotFound: true}, virt.ErrUnreachable},
		{"end of stream", io.EOF, virt.ErrUnreachable},
		{"a deadline", context.DeadlineExceeded, virt.ErrUnreachable},
		{"ssh is silent", sshexec.ErrUnreachable, virt.ErrUnreachable},
		{"what is classified stays", fmt.Errorf("%w: %w", virt.ErrNotOwned, code(rpc.ErrNoDomain)), virt.ErrNotOwned},
		{"an internal error says nothing", code(rpc.ErrInternalError), nil},
		{"a failed operation says nothing", code(rpc.ErrOperationFailed), nil},
		{"an error of our own says nothing", errors.New("x"), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			wrapped := fmt.Errorf("outer: %w", fmt.Errorf("inner: %w", c.err))
			got := Classify(wrapped)
			if !errors.Is(got, c.err) {
				t.Errorf("%v has lost its cause", got)
			}
			for _, word := range words {
				if errors.Is(got, word) != (word == c.want) {
					t.Errorf("%v: is %v = %t", got, word, errors.Is(got, word))
				}
			}
		})
	}
	if Classify(nil) != nil {
		t.Error("no error became one")
	}
}
