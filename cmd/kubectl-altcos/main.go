// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// kubectl-altcos is a plugin of kubectl for people who run clusters with this provider.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/altcos/cluster-api-provider-altcos/cmd/kubectl-altcos/offline"
	"github.com/altcos/cluster-api-provider-altcos/cmd/kubectl-altcos/offline/manifest"
)

const usage = `kubectl altcos render -f FILE... [--bootstrap-data FILE] -o DIR

Renders, without a cluster, what the controllers would create from manifests: DIR/<machine>.ign, DIR/<machine>.xml,
DIR/<host>/haproxy.cfg and DIR/<host>/keepalived.conf. Each template gives one machine or cluster of its name.

`

func main() {
	ctrl.SetLogger(logr.Discard())
	err := run(context.Background(), os.Args[1:], os.Stdin, os.Stderr)
	if err != nil && !errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run executes the command line. Warnings and usage go to messages.
func run(ctx context.Context, args []string, stdin io.Reader, messages io.Writer) error {
	if len(args) == 0 || args[0] != "render" {
		return errors.New(usage + "error: the command must be render")
	}
	flags := pflag.NewFlagSet("render", pflag.ContinueOnError)
	flags.SetOutput(messages)
	flags.Usage = func() { fmt.Fprint(messages, usage+flags.FlagUsages()) }
	files := flags.StringArrayP("filename", "f", nil, "file of manifests, - for standard input; may be given more than once, and further files may follow")
	bootstrapData := flags.String("bootstrap-data", "", "cloud-config of the kubeadm bootstrap provider, or an Ignition config, for machines without a data Secret in the manifests; a placeholder when empty")
	dir := flags.StringP("output", "o", "", "directory to write to")
	machineType := flags.String("machine-type", "pc-q35-7.2", "machine type of the virtual machines; hosts choose their newest q35")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if len(*files) == 0 || *dir == "" {
		return errors.New(usage + flags.FlagUsages() + "\nerror: -f and -o are needed")
	}
	in := offline.Input{MachineType: *machineType}
	var err error
	if in.Manifests, err = read(append(*files, flags.Args()...), stdin); err != nil { // shells expand -f *.yaml to many
		return err
	}
	if *bootstrapData != "" {
		if in.BootstrapData, err = os.ReadFile(*bootstrapData); err != nil {
			return err
		}
	}
	out, err := offline.Render(ctx, in)
	for _, warning := range out.Warnings {
		fmt.Fprintln(messages, "warning:", warning)
	}
	if err != nil {
		return err
	}
	return write(*dir, out.Files)
}

func read(names []string, stdin io.Reader) ([]manifest.File, error) {
	var manifests []manifest.File
	for _, name := range names {
		var data []byte
		var err error
		if name == "-" {
			data, err = io.ReadAll(stdin)
		} else {
			data, err = os.ReadFile(name)
		}
		if err != nil {
			return nil, err
		}
		manifests = append(manifests, manifest.File{Name: name, Data: data})
	}
	return manifests, nil
}

// write writes all files below dir. Ignition configs hold keys and tokens: only their owner may read them, even where a
// file with other permissions existed.
func write(dir string, files []offline.File) error {
	for _, f := range files {
		if !filepath.IsLocal(filepath.FromSlash(f.Path)) {
			return fmt.Errorf("%q is outside the output directory", f.Path)
		}
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := os.WriteFile(path, f.Content, f.Mode); err != nil {
			return err
		}
	}
	return nil
}
