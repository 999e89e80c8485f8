// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

const followInterval = 3 * time.Second

// followed are the kinds whose conditions people see change.
var followed = []schema.GroupVersionKind{
	{Group: "cluster.x-k8s.io", Version: "v1beta2", Kind: "Cluster"},
	{Group: "controlplane.cluster.x-k8s.io", Version: "v1beta2", Kind: "KubeadmControlPlane"},
	{Group: "cluster.x-k8s.io", Version: "v1beta2", Kind: "MachineDeployment"},
	{Group: "cluster.x-k8s.io", Version: "v1beta2", Kind: "Machine"},
	{Group: "infrastructure.cluster.x-k8s.io", Version: "v1alpha1", Kind: "LibvirtHost"},
	{Group: "infrastructure.cluster.x-k8s.io", Version: "v1alpha1", Kind: "LibvirtCluster"},
	{Group: "infrastructure.cluster.x-k8s.io", Version: "v1alpha1", Kind: "LibvirtMachine"},
	{Group: "bootstrap.cluster.x-k8s.io", Version: "v1alpha1", Kind: "AltcosBootstrapConfig"},
}

// unremarkable are the conditions of Cluster API that say nothing about the way to a first cluster.
var unremarkable = []string{
	"Paused", "RollingOut", "Remediating", "ScalingUp", "ScalingDown", "Deleting", "UpToDate", "MachinesUpToDate",
	"ControlPlaneMachinesUpToDate", "WorkerMachinesUpToDate", "MachinesReady", "ControlPlaneMachinesReady", "WorkerMachinesReady",
	"RemoteConnectionProbe",
}

// follower prints what changes.
type follower struct {
	*lab
	client client.Client
	seen   map[string]string
	last   string
}

// follow prints changes until the cluster is ready, and the whole of it then.
func (l *lab) follow(ctx context.Context, p products) error {
	c, err := l.client(l.kubeconfig())
	if err != nil {
		return err
	}
	f := &follower{lab: l, client: c, seen: map[string]string{}}
	ctx, cancel := context.WithTimeout(ctx, l.Limit)
	defer cancel()
	ticker := time.NewTicker(followInterval)
	defer ticker.Stop()
	for {
		f.printChanges(ctx)
		reason := f.missing(ctx)
		if reason == nil {
			l.say("the cluster is ready")
			return l.report(ctx, p.binaries)
		}
		if reason.Error() != f.last {
			f.last = reason.Error()
			l.say("waiting: %s", f.last)
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return errors.New("interrupted; everything stays as it is, run it again to continue")
			}
			l.explain()
			return fmt.Errorf("the cluster is not ready after %s: %w", l.Limit, reason)
		case <-ticker.C:
		}
	}
}

func (f *follower) printChanges(ctx context.Context) {
	for _, kind := range followed {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind)
		if f.client.List(ctx, list) != nil {
			continue
		}
		for _, object := range list.Items {
			conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
			for _, entry := range conditions {
				f.printCondition(object, entry)
			}
		}
	}
	events := &corev1.EventList{}
	if f.client.List(ctx, events) != nil {
		return
	}
	for _, event := range events.Items {
		if event.Type == corev1.EventTypeWarning {
			f.once("event/"+string(event.UID), event.Reason, "%s %s: warning %s: %s",
				event.InvolvedObject.Kind, event.InvolvedObject.Name, event.Reason, oneLine(event.Message))
		}
	}
}

func (f *follower) printCondition(object unstructured.Unstructured, entry any) {
	condition, isMap := entry.(map[string]any)
	if !isMap {
		return
	}
	text := func(name string) string { value, _ := condition[name].(string); return value }
	if slices.Contains(unremarkable, text("type")) || text("status") == "Unknown" {
		return
	}
	f.once(object.GetKind()+"/"+object.GetName()+"/"+text("type"), text("status")+text("reason"), "%s %s: %s=%s %s %s",
		object.GetKind(), object.GetName(), text("type"), text("status"), text("reason"), oneLine(text("message")))
}

// once prints a line unless the value under key is the one seen last.
func (f *follower) once(key, value, format string, arguments ...any) {
	if f.seen[key] != value {
		f.seen[key] = value
		f.say(format, arguments...)
	}
}

func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > 160 {
		return string(runes[:160]) + "…"
	}
	return text
}

// missing says what the cluster still lacks; nil when nothing.
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
	return f.clusterAvailable(ctx)
}

func checkNodes(nodes []corev1.Node, machines []infrav1.LibvirtMachine, want int) error {
	identities := map[string]bool{}
	for _, machine := range machines {
		identities[machine.Spec.ProviderID] = true
	}
	ready := 0
	for _, node := range nodes {
		if !identities[node.Spec.ProviderID] {
			return fmt.Errorf("node %q has provider ID %q, which no LibvirtMachine has", node.Name, node.Spec.ProviderID)
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

// checkPods wants every pod of the network plug-in and of CoreDNS to be ready.
func checkPods(pods []corev1.Pod) error {
	found := map[string]int{}
	for _, pod := range pods {
		name := "flannel"
		if pod.Labels["k8s-app"] == "kube-dns" {
			name = "CoreDNS"
		} else if pod.Namespace != "kube-flannel" {
			continue
		}
		for _, condition := range pod.Status.Conditions {
			if condition.Type == corev1.PodReady && condition.Status != corev1.ConditionTrue {
				return fmt.Errorf("pod %q is %s, not ready", pod.Name, pod.Status.Phase)
			}
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

func (f *follower) clusterAvailable(ctx context.Context) error {
	object := clusterObject()
	if err := f.client.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
		return err
	}
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, entry := range conditions {
		condition, _ := entry.(map[string]any)
		if condition["type"] == "Available" && condition["status"] == string(metav1.ConditionTrue) {
			return nil
		}
	}
	return errors.New("the Cluster is not Available yet")
}

// explain prints where to look when the cluster did not become ready.
func (l *lab) explain() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	logs := filepath.Join(l.managementDir(), "logs")
	l.say("the manager's log: %s", filepath.Join(logs, "altcos-manager.log"))
	c, err := l.client(l.kubeconfig())
	if err != nil {
		return
	}
	machines := &infrav1.LibvirtMachineList{}
	if c.List(ctx, machines) != nil {
		return
	}
	for _, machine := range machines.Items {
		console := machine.Status.Domain.ConsoleLog
		if machine.Spec.Host == "" || machine.Status.Domain.Name == "" {
			continue
		}
		if console == "" { // not observed yet; the product names it after the domain
			console = "/var/log/libvirt/qemu/" + machine.Status.Domain.Name + "-console.log"
		}
		l.say("console of %s (lab host %s cat %s):", machine.Name, machine.Spec.Host, console)
		if host, err := l.host(machine.Spec.Host); err == nil {
			output, _ := host.Exec(ctx, "tail", "-n", "15", console)
			fmt.Fprintln(l.Out, output)
		}
	}
}
