// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fakevirt

import (
	"context"
	"fmt"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Method names a call for faults and counts.
type Method string

// Methods of virt.Connector, virt.Host and virt.Shell. MethodAny stands for each of them.
const (
	MethodAny                  Method = "*"
	MethodConnect              Method = "Connect"
	MethodFacts                Method = "Facts"
	MethodPool                 Method = "Pool"
	MethodHasInterface         Method = "HasInterface"
	MethodDomain               Method = "Domain"
	MethodListDomains          Method = "ListDomains"
	MethodDefineDomain         Method = "DefineDomain"
	MethodStartDomain          Method = "StartDomain"
	MethodRemoveFirmwareConfig Method = "RemoveFirmwareConfig"
	MethodRemoveDomain         Method = "RemoveDomain"
	MethodVolume               Method = "Volume"
	MethodListVolumes          Method = "ListVolumes"
	MethodCreateVolume         Method = "CreateVolume"
	MethodWriteVolume          Method = "WriteVolume"
	MethodReadVolume           Method = "ReadVolume"
	MethodDeleteVolume         Method = "DeleteVolume"
	MethodShell                Method = "Shell"
	MethodRunScript            Method = "RunScript"
)

// Fault is what goes wrong with a call.
type Fault struct {
	// Err is returned in place of the call's result; nil only delays the call.
	Err error
	// Times is how many calls are hit, 0 for all until ClearFaults.
	Times int
	// AfterEffect lets the call take effect before Err is returned, like a connection that breaks before the answer.
	AfterEffect bool
	// Delay passes before the call begins, or until the context of the call ends.
	Delay time.Duration
	// Gate holds the call until it is closed, or until the context of the call ends.
	Gate <-chan struct{}
}

type pendingFault struct {
	Fault
	method Method
	left   int
}

// Inject makes the next calls of the method go wrong. Faults of one method are used up in the order they came.
func (h *Host) Inject(method Method, fault Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = append(h.faults, &pendingFault{Fault: fault, method: method, left: fault.Times})
}

// FailNext makes the next times calls of the method fail with err without any effect.
func (h *Host) FailNext(method Method, times int, err error) {
	h.Inject(method, Fault{Err: err, Times: times})
}

// ClearFaults removes all faults.
func (h *Host) ClearFaults() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = nil
}

// SetUnreachable makes all calls fail with virt.ErrUnreachable, as if the host had lost its network. Guests live on.
func (h *Host) SetUnreachable(unreachable bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unreachable = unreachable
}

// Calls counts how often the method was called, failed calls included; MethodAny counts all.
func (h *Host) Calls(method Method) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls[method]
}

// enter counts the call and applies faults. after is what the call must return once it took effect.
func (h *Host) enter(ctx context.Context, method Method) (after, err error) {
	h.mu.Lock()
	h.calls[method]++
	h.calls[MethodAny]++
	fault := h.takeFault(method)
	h.mu.Unlock()

	if err := fault.wait(ctx); err != nil {
		return nil, fmt.Errorf("%w: %w", virt.ErrUnreachable, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.unreachable {
		return nil, virt.ErrUnreachable
	}
	if fault.AfterEffect {
		return fault.Err, nil
	}
	return nil, fault.Err
}

func (h *Host) takeFault(method Method) Fault {
	for i, f := range h.faults {
		if f.method != method && f.method != MethodAny {
			continue
		}
		if f.Times > 0 {
			f.left--
			if f.left == 0 {
				h.faults = append(h.faults[:i:i], h.faults[i+1:]...)
			}
		}
		return f.Fault
	}
	return Fault{}
}

func (f Fault) wait(ctx context.Context) error {
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if f.Gate != nil {
		select {
		case <-f.Gate:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// call runs do under the lock of the host, around the faults of the method.
func call[T any](ctx context.Context, h *Host, method Method, do func() (T, error)) (T, error) {
	var zero T
	after, err := h.enter(ctx, method)
	if err != nil {
		return zero, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	result, err := do()
	if err == nil {
		err = after
	}
	if err != nil {
		return zero, err
	}
	return result, nil
}
