// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Command build fills the artifact store with sets of binaries and prints their directories, one a line:
//
//	go run ./test/lab/binaries/build kubernetes etcd
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/binaries"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, sets []string) error {
	if len(sets) == 0 {
		return fmt.Errorf("name at least one set of %v: %w", binaries.Sets(), errors.ErrUnsupported)
	}
	store, err := artifact.Open()
	if err != nil {
		return err
	}
	store.Progress = func(message string) { fmt.Fprintln(os.Stderr, message) }
	for _, set := range sets {
		dir, err := binaries.Ensure(ctx, store, binaries.Set(set))
		if err != nil {
			return err
		}
		fmt.Println(dir)
	}
	return nil
}
