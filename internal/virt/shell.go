// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package virt

import "context"

// Shell runs scripts as root on one host.
type Shell interface {
	// Run runs a script and returns its standard output, also when the script fails. Errors: ErrUnreachable,
	// ErrAuthentication; an error of no other class is the script's own.
	Run(ctx context.Context, script Script) ([]byte, error)
}

// Script is a program for a POSIX shell.
type Script struct {
	// Body is the text of the program. It is constant: what differs from run to run are Variables and Stdin.
	Body string
	// Variables are set before the body runs. A value is never interpreted as code.
	Variables map[string]string
	// Stdin is the input of the program.
	Stdin []byte
}
