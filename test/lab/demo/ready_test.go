// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

func machine(name, address, providerID string) infrav1.LibvirtMachine {
	m := infrav1.LibvirtMachine{ObjectMeta: metav1.ObjectMeta{Name: name}}
	m.Spec.ProviderID = providerID
	m.Status.Addresses = []clusterv1.MachineAddress{
		{Type: clusterv1.MachineHostName, Address: name}, {Type: clusterv1.MachineInternalIP, Address: address},
	}
	return m
}

func node(name, address, providerID string, ready corev1.ConditionStatus) corev1.Node {
	return corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{ProviderID: providerID},
		Status: corev1.NodeStatus{
			Addresses:  []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: name}, {Type: corev1.NodeInternalIP, Address: address}},
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready}},
		},
	}
}

func TestCheckNodes(t *testing.T) {
	machines := []infrav1.LibvirtMachine{machine("a", "10.150.0.161", "libvirt://1"), machine("b", "10.150.0.162", "libvirt://2")}
	good := node("a", "10.150.0.161", "libvirt://1", corev1.ConditionTrue)
	for name, test := range map[string]struct {
		second corev1.Node
		want   string
	}{
		"all is well":                         {node("b", "10.150.0.162", "libvirt://2", corev1.ConditionTrue), ""},
		"the identity of another machine":     {node("b", "10.150.0.162", "libvirt://1", corev1.ConditionTrue), `node "b" has provider ID "libvirt://1", its LibvirtMachine "b" has "libvirt://2"`},
		"no identity":                         {node("b", "10.150.0.162", "", corev1.ConditionTrue), `node "b" has provider ID "", its LibvirtMachine "b" has "libvirt://2"`},
		"the address of another machine":      {node("b", "10.150.0.161", "libvirt://2", corev1.ConditionTrue), `node "b" has name and address of no LibvirtMachine`},
		"an address that no machine has":      {node("b", "10.150.0.163", "libvirt://2", corev1.ConditionTrue), `node "b" has name and address of no LibvirtMachine`},
		"a node that does not say it is well": {node("b", "10.150.0.162", "libvirt://2", corev1.ConditionUnknown), "2 nodes, 1 ready, want 2"},
	} {
		t.Run(name, func(t *testing.T) { wantText(t, checkNodes([]corev1.Node{good, test.second}, machines, 2), test.want) })
	}
}

func pod(namespace, name string, phase corev1.PodPhase, conditions ...corev1.PodCondition) corev1.Pod {
	p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if namespace == "kube-system" {
		p.Labels = map[string]string{"k8s-app": "kube-dns"}
	}
	p.Status.Phase, p.Status.Conditions = phase, conditions
	return p
}

func TestCheckPods(t *testing.T) {
	ready := corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue}
	dns := pod("kube-system", "dns", corev1.PodRunning, ready)
	flannel := pod("kube-flannel", "net", corev1.PodRunning, ready)
	for name, test := range map[string]struct {
		pods []corev1.Pod
		want string
	}{
		"all is well":                  {[]corev1.Pod{dns, flannel}, ""},
		"others do not matter":         {[]corev1.Pod{dns, flannel, pod("default", "other", corev1.PodPending)}, ""},
		"a pod that nobody has seen":   {[]corev1.Pod{dns, pod("kube-flannel", "net", corev1.PodPending)}, `pod "net" is Pending, not ready`},
		"a pod that runs, unproved":    {[]corev1.Pod{pod("kube-system", "dns", corev1.PodRunning), flannel}, `pod "dns" is Running, not ready`},
		"a pod that failed after that": {[]corev1.Pod{dns, pod("kube-flannel", "net", corev1.PodFailed, ready)}, `pod "net" is Failed, not ready`},
		"no pod of the network":        {[]corev1.Pod{dns}, "no pod of flannel"},
	} {
		t.Run(name, func(t *testing.T) { wantText(t, checkPods(test.pods), test.want) })
	}
}

// object is one of a kind with conditions, given as type and status in turn.
func object(kind, name string, conditions ...string) unstructured.Unstructured {
	o := unstructured.Unstructured{Object: map[string]any{}}
	o.SetKind(kind)
	o.SetName(name)
	var list []any
	for i := 0; i < len(conditions); i += 2 {
		list = append(list, map[string]any{"type": conditions[i], "status": conditions[i+1]})
	}
	o.Object["status"] = map[string]any{"conditions": list}
	return o
}

func TestCheckObjects(t *testing.T) {
	for name, test := range map[string]struct {
		object unstructured.Unstructured
		want   string
	}{
		"available":                {object("Cluster", "demo", "Available", "True", "Paused", "False"), ""},
		"ready and available":      {object("Machine", "m", "Ready", "True", "Available", "True"), ""},
		"ready and not available":  {object("Machine", "m", "Ready", "True", "Available", "False"), "not ready: Machine m Available=False"},
		"nobody knows":             {object("LibvirtHost", "node3", "Ready", "Unknown"), "not ready: LibvirtHost node3 Ready=Unknown"},
		"nobody has looked at it":  {object("LibvirtMachine", "m"), "not ready: LibvirtMachine m without conditions"},
		"somebody looked half-way": {object("LibvirtMachine", "m", "Paused", "False"), "not ready: LibvirtMachine m without conditions"},
	} {
		t.Run(name, func(t *testing.T) {
			wantText(t, checkObjects([]unstructured.Unstructured{object("LibvirtCluster", "demo", "Ready", "True"), test.object}), test.want)
		})
	}
}

func wantText(t *testing.T, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
