// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/async"
	"github.com/altcos/cluster-api-provider-altcos/internal/imagecache"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// showProgress is how often the status tells how far a task is. Its end is an event.
const showProgress = 15 * time.Second

// Tasks runs what takes longer than a Reconcile may; *async.Tasks does.
type Tasks interface {
	// Do joins or begins the task and returns how it stands.
	Do(task async.Task) async.State
	// Leave cancels what only the owner waits for. It returns true as long as such a task has not returned.
	Leave(owner types.NamespacedName) bool
	// Events wakes owners of tasks that ended.
	Events() <-chan event.GenericEvent
}

// importImage brings the image to the host. Machines that need the same image on the same host share the task.
func (m *Machine) importImage(request imagecache.Request) error {
	volumes := m.conn
	state := m.Tasks.Do(async.Task{
		Key:   imageKey(request),
		Host:  request.Host,
		Owner: m.key(),
		Final: isFinal,
		Run: func(ctx context.Context, report func(async.Progress)) error {
			request.Progress = func(p imagecache.Progress) {
				report(async.Progress{Stage: string(p.Stage), Done: p.Done, Total: p.Total})
			}
			_, err := m.Images.Ensure(ctx, volumes, request)
			return err
		},
	})
	err := taskOutcome(state, infrav1.LibvirtMachineImageImportingReason, "importing the image to host "+request.Host)
	return settled(state, m.imageError(err))
}

// isFinal says of the error of a task that another run would end like this one: what becomes a Terminal.
func isFinal(err error) bool {
	return isHopeless(err) || errors.Is(err, virt.ErrInvalid) || errors.Is(err, virt.ErrUnsupported)
}

// imageKey tells apart what may end differently: two URLs of one digest do. A URL may hold secrets.
func imageKey(request imagecache.Request) string {
	location := sha256.Sum256([]byte(request.URL))
	return "image/" + request.Host + "/" + request.Pool + "/" + request.SHA256 + "/" + hex.EncodeToString(location[:])
}

// copyRoot makes a full copy of the image. A volume that was begun looks like one that is whole, so a marker is written
// behind it; without the marker the copy is made anew.
func (m *Machine) copyRoot(ctx context.Context, spec virt.VolumeSpec) error {
	marker := m.volume(rootMarker(m.UUID))
	switch _, err := m.conn.Volume(ctx, marker); {
	case err == nil:
		return nil
	case !isAbsent(err):
		return m.hostError(err)
	}
	volumes := m.conn
	state := m.Tasks.Do(async.Task{
		Key:   "copy/" + m.UUID,
		Host:  m.Object.Spec.Host,
		Owner: m.key(),
		Final: isFinal,
		Run: func(ctx context.Context, _ func(async.Progress)) error {
			return copyVolume(ctx, volumes, spec, marker)
		},
	})
	err := taskOutcome(state, infrav1.LibvirtMachineWaitingReason, "copying the image to the root disk")
	return settled(state, m.hostError(err, infrav1.LibvirtMachineImageInvalidReason))
}

func copyVolume(ctx context.Context, volumes virt.Volumes, spec virt.VolumeSpec, marker virt.VolumeRef) error {
	if err := volumes.DeleteVolume(ctx, spec.VolumeRef); err != nil {
		return fmt.Errorf("remove remains of root disk: %w", err)
	}
	if _, err := volumes.CreateVolume(ctx, spec); err != nil {
		return err
	}
	const text = "whole\n"
	_, err := volumes.WriteVolume(ctx, virt.VolumeSpec{VolumeRef: marker, Format: virt.VolumeRaw, CapacityBytes: int64(len(text))},
		strings.NewReader(text), int64(len(text)))
	return err
}

// taskOutcome is nil for a task that succeeded, and its error when it failed.
func taskOutcome(state async.State, reason, what string) error {
	switch {
	case !state.Finished():
		return outcome.Waitf(reason, showProgress, "%s", describe(what, state))
	case errors.Is(state.Err, async.ErrCancelled), errors.Is(state.Err, context.Canceled):
		return outcome.Waitf(reason, retryBusy, "%s was interrupted", what)
	}
	return state.Err
}

// settled makes the outcome of a failed task wait at least until the task may be begun anew: to ask earlier changes
// nothing.
func settled(state async.State, err error) error {
	if err == nil || state.Phase != async.Failed {
		return err
	}
	if outcome.KindOf(err) != outcome.KindFailed {
		return outcome.NotBefore(err, state.RetryIn)
	}
	return outcome.Blockedf(infrav1.LibvirtMachineFailedReason, max(state.RetryIn, retryBusy), "%s", err)
}

// describe tells how far a task is, in steps that do not change the message all the time.
func describe(what string, state async.State) string {
	p := state.Progress
	switch {
	case state.Phase == async.Pending:
		return what + " (waiting for its turn)"
	case p.Stage == "" || p.Total <= 0:
		return what
	}
	return fmt.Sprintf("%s (%s: %d%%)", what, p.Stage, p.Done*100/p.Total)
}

// CancelTasks ends what runs for the machine before anything is removed while it is used.
func (m *Machine) CancelTasks() error {
	if m.Tasks.Leave(m.key()) {
		return outcome.Waitf(infrav1.LibvirtMachineDeletingReason, 0, "background work for the machine is being cancelled")
	}
	return nil
}
