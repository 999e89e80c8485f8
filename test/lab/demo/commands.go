// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/hypervisor"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/management"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/segment"
)

// deleteLimit bounds how long the product may take to clean its hosts before the lab does it by force.
const deleteLimit = 5 * time.Minute

func (l *lab) host(name string) (*hypervisor.Host, error) {
	return hypervisor.Open(l.network, name, l.hostDir(name))
}

// report prints the tree of the cluster and its nodes.
func (l *lab) report(ctx context.Context, programs management.Binaries) error {
	if !l.clusterExists(ctx) {
		l.say("Cluster %s/%s does not exist", namespace, clusterName)
		return nil
	}
	err := l.show(ctx, filepath.Join(programs.ClusterAPI, "clusterctl"),
		"describe", "cluster", clusterName, "--namespace", namespace, "--kubeconfig", l.kubeconfig())
	kubectl := filepath.Join(programs.Kubernetes, "kubectl")
	if _, missing := os.Stat(l.workloadKubeconfig()); missing == nil {
		err = errors.Join(err, l.show(ctx, kubectl, "--kubeconfig", l.workloadKubeconfig(), "get", "nodes", "-o", "wide"))
	}
	return err
}

// show runs a program inside the segment in front of the person.
func (l *lab) show(ctx context.Context, name string, arguments ...string) error {
	command := l.network.Command(ctx, name, arguments...)
	command.Env = append(os.Environ(), "CLUSTERCTL_DISABLE_VERSIONCHECK=true")
	return l.run(filepath.Base(name), command)
}

func (l *lab) run(name string, command *exec.Cmd) error {
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, l.Out, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("run %s: %w", name, err)
	}
	return nil
}

func programs(ctx context.Context) (management.Binaries, error) {
	store, err := artifact.Open()
	if err != nil {
		return management.Binaries{}, err
	}
	return management.EnsureBinaries(ctx, store)
}

// Status prints the state of the demo. It changes nothing.
func Status(ctx context.Context, options Options) error {
	l, err := open(options)
	if err != nil {
		return err
	}
	if _, err := os.Stat(l.kubeconfig()); err != nil {
		return fmt.Errorf("find a demo in %s: %w", l.StateDir, err)
	}
	found, err := programs(ctx)
	if err != nil {
		return err
	}
	err = l.report(ctx, found)
	for _, name := range hostNames {
		host, hostErr := l.host(name)
		if hostErr == nil {
			var output string
			output, hostErr = host.Exec(ctx, "virsh", "list", "--all")
			fmt.Fprintf(l.Out, "%s:\n%s", name, output)
		}
		err = errors.Join(err, hostErr)
	}
	return err
}

// Kubectl runs kubectl against the management cluster.
func Kubectl(ctx context.Context, options Options, arguments []string) error {
	return kubectl(ctx, options, (*lab).kubeconfig, arguments)
}

// WorkloadKubectl runs kubectl against the cluster that the demo made, through its virtual address.
func WorkloadKubectl(ctx context.Context, options Options, arguments []string) error {
	return kubectl(ctx, options, (*lab).workloadKubeconfig, arguments)
}

func kubectl(ctx context.Context, options Options, kubeconfig func(*lab) string, arguments []string) error {
	l, err := open(options)
	if err != nil {
		return err
	}
	found, err := programs(ctx)
	if err != nil {
		return err
	}
	return l.show(ctx, filepath.Join(found.Kubernetes, "kubectl"), append([]string{"--kubeconfig", kubeconfig(l)}, arguments...)...)
}

// Host runs a command on a host.
func Host(ctx context.Context, options Options, name string, arguments []string) error {
	l, err := open(options)
	if err != nil {
		return err
	}
	host, err := l.host(name)
	if err != nil {
		return err
	}
	if host.PID() == 0 {
		return fmt.Errorf("run a command on host %q: %w", name, hypervisor.ErrOff)
	}
	return l.run(arguments[0], host.Command(ctx, arguments[0], arguments[1:]...))
}

// Down has the product delete its cluster, then removes the demo completely. The cache stays.
func Down(ctx context.Context, options Options) error {
	l, err := open(options)
	if err != nil {
		return err
	}
	if err := l.deleteCluster(ctx); err != nil {
		l.say("the product could not clean its hosts: %v", err)
	}
	l.say("stopping the management cluster")
	if err := management.Stop(ctx, l.managementDir()); err != nil {
		return err
	}
	for _, name := range hostNames {
		l.say("removing host %s", name)
		if err := hypervisor.Remove(ctx, l.network, name, l.hostDir(name)); err != nil {
			return err
		}
	}
	if err := segment.Remove(ctx, l.Name); err != nil {
		return err
	}
	if err := os.RemoveAll(l.StateDir); err != nil {
		return fmt.Errorf("remove state directory: %w", err)
	}
	l.say("nothing is left")
	return nil
}

func clusterObject() *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(followed[0])
	object.SetNamespace(namespace)
	object.SetName(clusterName)
	return object
}

func (l *lab) deleteCluster(ctx context.Context) error {
	if _, err := os.Stat(l.kubeconfig()); err != nil {
		return nil
	}
	c, err := l.client(l.kubeconfig())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, deleteLimit)
	defer cancel()
	object := clusterObject()
	l.say("deleting the Cluster")
	err = c.Delete(ctx, object)
	ticker := time.NewTicker(followInterval)
	defer ticker.Stop()
	for err == nil {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until the Cluster is gone: %w", ctx.Err())
		case <-ticker.C:
			err = c.Get(ctx, client.ObjectKeyFromObject(object), object)
		}
	}
	return client.IgnoreNotFound(err)
}
