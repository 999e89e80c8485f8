// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build lab

package lifecycle_test

import (
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/hypervisor"
)

const (
	namespace = "default"
	lookEvery = 2 * time.Second
)

func object(group, version, kind, name string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: version, Kind: kind})
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}

// await looks until there is nothing missing any more.
func (s *story) await(limit time.Duration, missing func() error) {
	s.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := missing()
		if err == nil {
			return
		}
		if time.Now().After(deadline) || s.ctx.Err() != nil {
			s.Fatalf("after %s: %v", limit, err)
		}
		time.Sleep(lookEvery)
	}
}

func (s *story) scaleWorkers(replicas int) {
	s.Helper()
	deployment := object("cluster.x-k8s.io", "v1beta2", "MachineDeployment", "demo-workers")
	patch := fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas)
	s.must(s.demo.Management.Patch(s.ctx, deployment, client.RawPatch("application/merge-patch+json", []byte(patch))))
}

func (s *story) follow(workers int) {
	s.Helper()
	s.must(s.demo.Follow(s.ctx, 1, workers))
}

func (s *story) machines() []infrav1.LibvirtMachine {
	s.Helper()
	list := &infrav1.LibvirtMachineList{}
	s.must(s.demo.Management.List(s.ctx, list, client.InNamespace(namespace)))
	return list.Items
}

func (s *story) awaitMachines(want int) {
	s.Helper()
	s.await(stepLimit, func() error {
		if got := len(s.machines()); got != want {
			return fmt.Errorf("%d machines, want %d", got, want)
		}
		return nil
	})
}

func (s *story) deleteCluster() {
	cluster := object("cluster.x-k8s.io", "v1beta2", "Cluster", "demo")
	s.must(s.demo.Management.Delete(s.ctx, cluster))
	s.await(stepLimit, func() error {
		err := s.demo.Management.Get(s.ctx, client.ObjectKeyFromObject(cluster), cluster)
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("the Cluster is still there: %w", err)
	})
}

func (s *story) hosts() []*hypervisor.Host {
	s.Helper()
	hosts, err := s.demo.Hosts()
	s.must(err)
	return hosts
}

func (s *story) exec(host *hypervisor.Host, name string, arguments ...string) []string {
	s.Helper()
	output, err := host.Exec(s.ctx, name, arguments...)
	s.must(err)
	return strings.Fields(output)
}

// expectMachines holds the hosts' own account against the objects': as many domains as machines, three volumes and one
// address each and nothing besides.
func (s *story) expectMachines(want int) {
	s.Helper()
	machines := s.machines()
	if len(machines) != want {
		s.Errorf("%d LibvirtMachines, want %d", len(machines), want)
	}
	known := map[string]bool{}
	for _, machine := range machines {
		known[machine.Status.Domain.Name] = true
	}
	domains := 0
	for _, host := range s.hosts() {
		for _, domain := range s.exec(host, "virsh", "list", "--all", "--name") {
			if domains++; !known[domain] {
				s.Errorf("host %s has domain %s, which no LibvirtMachine has", host.Name, domain)
			}
		}
	}
	if domains != want {
		s.Errorf("%d domains on the hosts, want %d", domains, want)
	}
	s.expectVolumes(want)
	claims := &unstructured.UnstructuredList{}
	claims.SetGroupVersionKind(schema.GroupVersionKind{Group: "ipam.cluster.x-k8s.io", Version: "v1beta2", Kind: "IPAddressClaim"})
	s.must(s.demo.Management.List(s.ctx, claims, client.InNamespace(namespace)))
	if len(claims.Items) != want {
		s.Errorf("%d IPAddressClaims, want %d", len(claims.Items), want)
	}
}
