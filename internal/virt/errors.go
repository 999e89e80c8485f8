// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package virt

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound means that the host answered and has no such object. Callers may create it, or treat it as removed.
	ErrNotFound = errors.New("not found")
	// ErrNoPool is the ErrNotFound of a storage pool: nothing is known about the volumes in it. Callers neither create what
	// they look for nor treat it as removed; they tell the user.
	ErrNoPool = fmt.Errorf("storage pool %w", ErrNotFound)
	// ErrExists means that another object already has the name. Callers check who owns it.
	ErrExists = errors.New("already exists")
	// ErrNotOwned means that the object belongs to somebody else. Callers must not change it, and tell the user.
	ErrNotOwned = errors.New("belongs to another owner")
	// ErrUnreachable means that the host did not answer; nothing is known about its objects. Callers retry.
	ErrUnreachable = errors.New("host is unreachable")
	// ErrAuthentication means that the host refused our credentials, or that its identity is not the pinned one. Callers
	// tell the user and retry when the credentials change.
	ErrAuthentication = errors.New("authentication with host failed")
	// ErrBusy means that the host works on the object at the moment. Callers retry.
	ErrBusy = errors.New("object is busy")
	// ErrInUse means that something depends on the object. Callers leave it.
	ErrInUse = errors.New("object is in use")
	// ErrInvalid means that the host can never do what was asked. Callers tell the user and do not retry.
	ErrInvalid = errors.New("request is invalid")
	// ErrNoSpace means that the storage pool is full. Callers tell the user and retry slowly.
	ErrNoSpace = errors.New("no space left in storage pool")
	// ErrUnsupported means that the hypervisor lacks the function. Callers do without, or tell the user.
	ErrUnsupported = errors.New("not supported by the hypervisor")
)
