// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Command image builds the lab's guest image, or finds the one built earlier, and prints its path and SHA-256.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/guest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	store, err := artifact.Open()
	if err != nil {
		return err
	}
	store.Progress = func(message string) { fmt.Fprintln(os.Stderr, message) }
	image, err := guest.Ensure(ctx, store)
	if err != nil {
		return err
	}
	fmt.Println(image.Path, image.SHA256)
	return nil
}
