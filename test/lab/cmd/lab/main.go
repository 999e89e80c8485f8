// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// The program lab runs the demo: up, status, down, and a way into what runs.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/demo"
)

const usage = `usage: lab up [--manager FILE] [--control-planes N] [--workers N] [--limit DURATION]
       lab build | status | down
       lab kubectl ARGS... | workload-kubectl ARGS... | host NAME COMMAND...
The environment names the lab: ALTCOS_LAB (demo), ALTCOS_LAB_STATE (/var/tmp/altcos-lab/<name>)`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	if len(arguments) == 0 {
		return errors.New(usage)
	}
	options := demo.Options{Name: cmp.Or(os.Getenv("ALTCOS_LAB"), "demo"), Out: os.Stdout}
	var err error
	if options.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("find own program: %w", err)
	}
	klog.SetLogger(logr.Discard()) // libraries report there what Up retries
	options.StateDir = cmp.Or(os.Getenv("ALTCOS_LAB_STATE"), filepath.Join("/var/tmp/altcos-lab", options.Name))
	rest := arguments[1:]
	switch arguments[0] {
	case "up":
		flags := flag.NewFlagSet("up", flag.ContinueOnError)
		flags.StringVar(&options.Manager, "manager", "bin/manager", "the product's program")
		flags.IntVar(&options.ControlPlanes, "control-planes", 1, "number of control plane machines")
		flags.IntVar(&options.Workers, "workers", 1, "number of workers")
		flags.DurationVar(&options.Limit, "limit", 45*time.Minute, "how long the cluster may take")
		if err := flags.Parse(rest); err != nil {
			return err
		}
		return demo.Up(ctx, options)
	case "build":
		return demo.Build(ctx, options)
	case "status":
		return demo.Status(ctx, options)
	case "down":
		return demo.Down(ctx, options)
	case "kubectl":
		return demo.Kubectl(ctx, options, rest)
	case "workload-kubectl":
		return demo.WorkloadKubectl(ctx, options, rest)
	case "host":
		if len(rest) < 2 {
			return errors.New(usage)
		}
		return demo.Host(ctx, options, rest[0], rest[1:])
	case "serve":
		if len(rest) != 2 {
			return errors.New(usage)
		}
		return demo.Serve(ctx, rest[0], rest[1])
	default:
		return errors.New(usage)
	}
}
