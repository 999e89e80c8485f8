// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package async runs slow work (image transfers, full copies of disks) beside reconciliation: one task per key, a bounded
// number per host and in total, and a wake-up of every waiting owner when it ends. Nothing survives the process, so a task
// must be as idempotent as a reconciliation: after a restart it is requested again.
//
//	tasks := async.New(async.Options{})
//	mgr.Add(tasks)
//	builder.WatchesRawSource(source.Channel(tasks.Events(), &handler.EnqueueRequestForObject{}))
//	…
//	switch state := tasks.Do(async.Task{Key: key, Host: host, Owner: name, Run: transfer}); {
//	case !state.Finished():   // wait for the event
//	case state.Err != nil:    // failed; after state.RetryIn the next Do tries again
//	}
package async
