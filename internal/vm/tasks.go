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

// progressInterval is how often the progress of a task is reported in the status. Its end sends an event.
const progressInterval = 15 * time.Second

// Tasks runs what takes longer than a Reconcile may; *async.Tasks implements it.
type Tasks interface {
	// Do joins or starts the task and returns its state.
	Do(task async.Task) async.State
	// Leave cancels tasks that only this owner waits for. It returns true until they have ended.
	Leave(owner types.NamespacedName) bool
	// Events wakes the owners of tasks that have ended.
	Events() <-chan event.GenericEvent
}

// importImage imports the image to the host. Machines that need the same image on the same host share the task.
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
	return notBeforeRetry(state, m.imageError(err))
}

// isFinal reports whether another run of a task would fail in the same way. Such errors become a Terminal.
func isFinal(err error) bool {
	return isHopeless(err) || errors.Is(err, virt.ErrInvalid) || errors.Is(err, virt.ErrUnsupported)
}

// imageKey includes the URL, since imports of one digest from two URLs may end differently; hashed, since a URL may hold
// secrets.
func imageKey(request imagecache.Request) string {
	location := sha256.Sum256([]byte(request.URL))
	return "image/" + request.Host + "/" + request.Pool + "/" + request.SHA256 + "/" + hex.EncodeToString(location[:])
}

// copyRoot makes a full copy of the image. A partial copy looks like a complete one, so a marker is written afterwards;
// without the marker the copy is repeated.
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
	return notBeforeRetry(state, m.hostError(err, infrav1.LibvirtMachineImageInvalidReason))
}

func copyVolume(ctx context.Context, volumes virt.Volumes, spec virt.VolumeSpec, marker virt.VolumeRef) error {
	if err := volumes.DeleteVolume(ctx, spec.VolumeRef); err != nil {
		return fmt.Errorf("remove partial root disk: %w", err)
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
		return outcome.Waitf(reason, progressInterval, "%s", describe(what, state))
	case errors.Is(state.Err, async.ErrCancelled), errors.Is(state.Err, context.Canceled):
		return outcome.Waitf(reason, retryBusy, "%s was interrupted and starts again", what)
	}
	return state.Err
}

// notBeforeRetry makes the outcome of a failed task wait at least until the task may be retried: asking earlier is useless.
func notBeforeRetry(state async.State, err error) error {
	if err == nil || state.Phase != async.Failed {
		return err
	}
	if outcome.KindOf(err) != outcome.KindFailed {
		return outcome.NotBefore(err, state.RetryIn)
	}
	return outcome.Blockedf(infrav1.LibvirtMachineFailedReason, max(state.RetryIn, retryBusy), "%s", err)
}

// describe returns the progress of a task in whole percents, so that the message does not change all the time.
func describe(what string, state async.State) string {
	p := state.Progress
	switch {
	case state.Phase == async.Pending:
		return what + " (queued)"
	case p.Stage == "" || p.Total <= 0:
		return what
	}
	return fmt.Sprintf("%s (%s: %d%%)", what, p.Stage, p.Done*100/p.Total)
}

// CancelTasks cancels the machine's background tasks, so that nothing is removed while one of them uses it.
func (m *Machine) CancelTasks() error {
	if m.Tasks.Leave(m.key()) {
		return outcome.Waitf(infrav1.LibvirtMachineDeletingReason, 0, "waiting for background tasks of the machine to be cancelled")
	}
	return nil
}
