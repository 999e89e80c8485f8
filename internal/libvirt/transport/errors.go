// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"slices"
	"syscall"

	rpc "github.com/digitalocean/go-libvirt"

	"github.com/altcos/cluster-api-provider-altcos/internal/sshexec"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// kinds is the classification of libvirt's error codes. Codes that are not here, above all "internal error" and
// "operation failed", do not tell callers what to do; they stay as they are and are retried.
var kinds = map[rpc.ErrorNumber]error{ //nolint:gochecknoglobals // a table that nobody writes
	rpc.ErrNoDomain:         virt.ErrNotFound,
	rpc.ErrNoStoragePool:    virt.ErrNoPool,
	rpc.ErrNoStorageVol:     virt.ErrNotFound,
	rpc.ErrNoInterface:      virt.ErrNotFound,
	rpc.ErrNoNetwork:        virt.ErrNotFound,
	rpc.ErrNoDomainMetadata: virt.ErrNotFound,

	rpc.ErrDomExist:        virt.ErrExists,
	rpc.ErrStorageVolExist: virt.ErrExists,

	// The state of the object does not allow it at the moment: a volume is being allocated, a domain changes state.
	rpc.ErrOperationInvalid: virt.ErrBusy,
	rpc.ErrOperationTimeout: virt.ErrBusy,
	rpc.ErrResourceBusy:     virt.ErrBusy,
	rpc.ErrBlockCopyActive:  virt.ErrBusy,

	rpc.ErrXMLError:          virt.ErrInvalid,
	rpc.ErrXMLDetail:         virt.ErrInvalid,
	rpc.ErrXMLInvalidSchema:  virt.ErrInvalid,
	rpc.ErrInvalidArg:        virt.ErrInvalid,
	rpc.ErrInvalidMac:        virt.ErrInvalid,
	rpc.ErrConfigUnsupported: virt.ErrInvalid,
	rpc.ErrCPUIncompatible:   virt.ErrInvalid,
	rpc.ErrOsType:            virt.ErrInvalid,

	rpc.ErrNoSupport:            virt.ErrUnsupported,
	rpc.ErrArgumentUnsupported:  virt.ErrUnsupported,
	rpc.ErrOperationUnsupported: virt.ErrUnsupported,

	rpc.ErrAuthFailed:      virt.ErrAuthentication,
	rpc.ErrAuthCancelled:   virt.ErrAuthentication,
	rpc.ErrAuthUnavailable: virt.ErrAuthentication,
	rpc.ErrAccessDenied:    virt.ErrAuthentication,
	rpc.ErrOperationDenied: virt.ErrAuthentication,

	rpc.ErrRPC:         virt.ErrUnreachable,
	rpc.ErrNoConnect:   virt.ErrUnreachable,
	rpc.ErrInvalidConn: virt.ErrUnreachable,
	rpc.ErrNoServer:    virt.ErrUnreachable,
}

// words are the errors of package virt; what wraps one of them is classified already.
var words = []error{ //nolint:gochecknoglobals // a table that nobody writes
	virt.ErrNotFound, virt.ErrExists, virt.ErrNotOwned, virt.ErrUnreachable, virt.ErrAuthentication, virt.ErrBusy,
	virt.ErrInUse, virt.ErrInvalid, virt.ErrNoSpace, virt.ErrUnsupported,
}

// Classify adds to an error of the client library, of SSH, of the network or of a context the error of package virt that
// tells callers what to do. It is the one place that does so.
func Classify(err error) error {
	kind := kindOf(err)
	if kind == nil {
		return err
	}
	return fmt.Errorf("%w: %w", kind, err)
}

// IsClassified reports whether an error wraps one of package virt.
func IsClassified(err error) bool {
	return slices.ContainsFunc(words, func(word error) bool { return errors.Is(err, word) })
}

// kindOf is nil for an error that is classified already, that has no class, or that is nil.
func kindOf(err error) error {
	if err == nil || IsClassified(err) {
		return nil
	}
	if answer, ok := errors.AsType[rpc.Error](err); ok {
		return kinds[rpc.ErrorNumber(answer.Code)]
	}
	switch {
	case errors.Is(err, rpc.ErrUnsupported):
		return virt.ErrUnsupported
	case isRefusal(err):
		return virt.ErrAuthentication
	case errors.Is(err, sshexec.ErrInvalidTarget):
		return virt.ErrInvalid
	case isConnectionLoss(err):
		return virt.ErrUnreachable
	}
	return nil
}

// isRefusal reports whether the host or its identity was reached and did not fit our credentials.
func isRefusal(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return true
	}
	return errors.Is(err, sshexec.ErrAuthentication) || errors.Is(err, sshexec.ErrHostKeyMismatch) ||
		errors.Is(err, fs.ErrPermission)
}

// isConnectionLoss reports whether the connection, not the host, gave the error. The client library gives ErrInterrupted for a call
// whose connection was lost, and EINVAL for one on a lost connection.
func isConnectionLoss(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	for _, e := range []error{
		rpc.ErrInterrupted, syscall.EINVAL, syscall.EPIPE, syscall.ECONNRESET, syscall.ECONNREFUSED, fs.ErrNotExist,
		io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, context.Canceled, context.DeadlineExceeded,
		sshexec.ErrUnreachable, sshexec.ErrClosed,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
