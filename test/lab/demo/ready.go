// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

// missing describes what the cluster still lacks; nil when nothing.
func (f *follower) missing(ctx context.Context) error {
	secret := &corev1.Secret{}
	if f.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: clusterName + "-kubeconfig"}, secret) != nil {
		return errors.New("no kubeconfig yet")
	}
	if err := os.WriteFile(f.workloadKubeconfig(), secret.Data["value"], 0o600); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	workload, err := f.lab.client(f.workloadKubeconfig())
	if err != nil {
		return errors.New("the API server does not answer through the virtual address yet")
	}
	nodes := &corev1.NodeList{}
	if workload.List(ctx, nodes) != nil {
		return errors.New("the API server does not answer through the virtual address yet")
	}
	machines := &infrav1.LibvirtMachineList{}
	if err := f.client.List(ctx, machines, client.InNamespace(namespace)); err != nil {
		return err
	}
	if err := checkNodes(nodes.Items, machines.Items, f.ControlPlanes+f.Workers); err != nil {
		return err
	}
	pods := &corev1.PodList{}
	if err := workload.List(ctx, pods); err != nil {
		return err
	}
	if err := checkPods(pods.Items); err != nil {
		return err
	}
	objects, err := listFollowed(ctx, f.client)
	if err != nil {
		return err
	}
	return checkObjects(objects)
}

// checkNodes wants as many ready nodes, each with the identity of the machine that it runs on and not only of some machine.
func checkNodes(nodes []corev1.Node, machines []infrav1.LibvirtMachine, want int) error {
	ready := 0
	for _, node := range nodes {
		index := slices.IndexFunc(machines, func(machine infrav1.LibvirtMachine) bool { return isNodeOf(node, machine) })
		if index < 0 {
			return fmt.Errorf("node %q has name and address of no LibvirtMachine", node.Name)
		}
		if own := machines[index]; own.Spec.ProviderID == "" || node.Spec.ProviderID != own.Spec.ProviderID {
			return fmt.Errorf("node %q has provider ID %q, its LibvirtMachine %q has %q", node.Name, node.Spec.ProviderID, own.Name, own.Spec.ProviderID)
		}
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
				ready++
			}
		}
	}
	if ready != want || len(nodes) != want {
		return fmt.Errorf("%d nodes, %d ready, want %d", len(nodes), ready, want)
	}
	return nil
}

// isNodeOf goes by what the node got from its machine, name and address, and leaves the provider ID to be checked.
func isNodeOf(node corev1.Node, machine infrav1.LibvirtMachine) bool {
	for _, address := range node.Status.Addresses {
		same := clusterv1.MachineAddress{Type: clusterv1.MachineInternalIP, Address: address.Address}
		if address.Type == corev1.NodeInternalIP && slices.Contains(machine.Status.Addresses, same) {
			return slices.Contains(machine.Status.Addresses, clusterv1.MachineAddress{Type: clusterv1.MachineHostName, Address: node.Name})
		}
	}
	return false
}

// checkPods wants every pod of the network plug-in and of CoreDNS to run and to be ready. One that has not been started
// has no such condition.
func checkPods(pods []corev1.Pod) error {
	found := map[string]int{}
	for _, pod := range pods {
		name := "flannel"
		if pod.Labels["k8s-app"] == "kube-dns" {
			name = "CoreDNS"
		} else if pod.Namespace != "kube-flannel" {
			continue
		}
		ready := slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		})
		if pod.Status.Phase != corev1.PodRunning || !ready {
			return fmt.Errorf("pod %q is %s, not ready", pod.Name, pod.Status.Phase)
		}
		found[name]++
	}
	for _, name := range []string{"flannel", "CoreDNS"} {
		if found[name] == 0 {
			return fmt.Errorf("no pod of %s", name)
		}
	}
	return nil
}

// checkObjects wants what a person wants to read in "clusterctl describe cluster": True everywhere.
func checkObjects(objects []unstructured.Unstructured) error {
	var waiting []string
	for _, object := range objects {
		if why := unready(object); why != "" {
			waiting = append(waiting, object.GetKind()+" "+object.GetName()+" "+why)
		}
	}
	if len(waiting) != 0 {
		return errors.New("not ready: " + strings.Join(waiting, ", "))
	}
	return nil
}

// unready says which summary of an object is not True; empty when all are. Some kinds have Ready, some Available, Machines
// have both, and one that has neither yet has not been looked at.
func unready(object unstructured.Unstructured) string {
	known := false
	for _, c := range conditionsOf(object) {
		if c.kind != clusterv1.ReadyCondition && c.kind != clusterv1.AvailableCondition {
			continue
		}
		if known = true; c.status != string(metav1.ConditionTrue) {
			return c.kind + "=" + c.status
		}
	}
	if !known {
		return "without conditions"
	}
	return ""
}
