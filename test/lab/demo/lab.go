// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"io"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/altcos/cluster-api-provider-altcos/internal/manager"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/segment"
)

// Options say what the demo is like.
type Options struct {
	// Name of the lab.
	Name string
	// StateDir holds everything of the lab, on a real disk.
	StateDir string
	// Manager is the product's program.
	Manager string
	// Program is the lab's own program, which also serves images.
	Program string
	// ControlPlanes and Workers are numbers of machines.
	ControlPlanes, Workers int
	// Limit is how long the cluster may take to become ready.
	Limit time.Duration
	// Out is where people read what happens.
	Out io.Writer
}

const (
	namespace            = "default"
	credentialsNamespace = "altcos-system"
	credentialsName      = "hosts-ssh"
	clusterName          = "demo"
	imageAddress         = "10.150.0.1:8000"
	endpointHost         = "10.150.0.160"
	nodeAddresses        = "10.150.0.161-10.150.0.179"
)

// hostNames are the hypervisor hosts with the last number of their addresses.
var hostNames = []string{"node3", "node4", "node5"}

// lab is a demo in its state directory.
type lab struct {
	Options
	began   time.Time
	network *segment.Segment
}

func open(options Options) (*lab, error) {
	network, err := segment.Open(options.Name)
	if err != nil {
		return nil, err
	}
	return &lab{Options: options, began: time.Now(), network: network}, nil
}

// say prints a line with the time since the start.
func (l *lab) say(format string, arguments ...any) {
	elapsed := time.Since(l.began).Round(time.Second)
	fmt.Fprintf(l.Out, "%3d:%02d  %s\n", int(elapsed.Minutes()), int(elapsed.Seconds())%60, fmt.Sprintf(format, arguments...))
}

func (l *lab) managementDir() string      { return filepath.Join(l.StateDir, "management") }
func (l *lab) hostDir(name string) string { return filepath.Join(l.StateDir, "hosts", name) }
func (l *lab) kubeconfig() string         { return filepath.Join(l.managementDir(), "kubeconfig", "admin") }
func (l *lab) workloadKubeconfig() string { return filepath.Join(l.StateDir, "workload.kubeconfig") }
func (l *lab) imageDir() string           { return filepath.Join(l.StateDir, "images") }

// client reaches a cluster inside the segment.
func (l *lab) client(kubeconfig string) (client.WithWatch, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("load kubeconfig: %w", err)
	}
	return l.clientFor(config)
}

func (l *lab) clientFor(config *rest.Config) (client.WithWatch, error) {
	config.Dial = l.network.DialContext
	config.Timeout = 20 * time.Second
	scheme, err := manager.NewScheme()
	if err != nil {
		return nil, err
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("connect to cluster: %w", err)
	}
	return c, nil
}
