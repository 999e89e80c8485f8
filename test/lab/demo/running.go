// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/hypervisor"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/management"
)

const managerName = "altcos-manager"

// Running is a demo that is up, for stories that put it to the test.
type Running struct {
	lab *lab
	// Management is a client of the management cluster.
	Management client.WithWatch
}

func (l *lab) running() (*Running, error) {
	c, err := l.client(l.kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("find a demo in %s: %w", l.StateDir, err)
	}
	return &Running{lab: l, Management: c}, nil
}

// Hosts returns the hypervisor hosts in the order of their names.
func (r *Running) Hosts() ([]*hypervisor.Host, error) {
	hosts := make([]*hypervisor.Host, 0, len(hostNames))
	for _, name := range hostNames {
		host, err := r.lab.host(name)
		if err != nil {
			return nil, err
		}
		hosts = append(hosts, host)
	}
	return hosts, nil
}

// KillManager ends the product's manager as a crash does.
func (r *Running) KillManager(ctx context.Context) error {
	return management.Kill(ctx, r.lab.managementDir(), managerName)
}

// Repair starts again what does not run: hosts that are off, processes of the management cluster, the manager.
func (r *Running) Repair(ctx context.Context) error {
	p, err := r.lab.prepare(ctx)
	if err != nil {
		return err
	}
	signer, _, err := r.lab.signer()
	if err != nil {
		return err
	}
	if _, err := r.lab.startHosts(ctx, p, signer.PublicKey()); err != nil {
		return err
	}
	_, err = r.lab.startManagement(ctx, p)
	return err
}

// Follow prints what changes until the cluster has that many ready machines and nothing is amiss.
func (r *Running) Follow(ctx context.Context, controlPlanes, workers int) error {
	r.lab.ControlPlanes, r.lab.Workers = controlPlanes, workers
	programs, err := programs(ctx)
	if err != nil {
		return err
	}
	return r.lab.follow(ctx, products{binaries: programs})
}

// Logs returns the content of every log of the management cluster's processes, by name.
func (r *Running) Logs() (map[string][]byte, error) {
	names, err := filepath.Glob(filepath.Join(r.lab.managementDir(), "logs", "*"))
	if err != nil {
		return nil, fmt.Errorf("list logs: %w", err)
	}
	slices.Sort(names)
	logs := map[string][]byte{}
	for _, name := range names {
		if logs[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			return nil, fmt.Errorf("read log: %w", err)
		}
	}
	return logs, nil
}
