// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cloudv1 "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/cloud/api/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// create puts objects into the workload cluster.
func (w *workload) create(objects ...client.Object) error {
	for _, o := range objects {
		if err := w.objects.Create(context.Background(), o); err != nil {
			return fmt.Errorf("create %T %q: %w", o, o.GetName(), err)
		}
	}
	return nil
}

// expiration is the end of the validity of a bootstrap token.
func (w *workload) expiration(token string) (time.Time, error) {
	id, secret, _ := strings.Cut(token, ".")
	found := &corev1.Secret{}
	key := client.ObjectKey{Namespace: metav1.NamespaceSystem, Name: "bootstrap-token-" + id}
	if err := w.objects.Get(context.Background(), key, found); err != nil {
		return time.Time{}, fmt.Errorf("look for token: %w", err)
	}
	if string(found.Data["token-secret"]) != secret {
		return time.Time{}, errors.New("the token is not the cluster's")
	}
	return time.Parse(time.RFC3339, string(found.Data["expiration"]))
}

// kubeadmObjects are the objects of a new cluster that Cluster API looks for.
func kubeadmObjects(clusterConfiguration string) []client.Object {
	return []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: metav1.NamespaceDefault}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: metav1.NamespaceSystem}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: metav1.NamespacePublic}},
		&corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: "kubeadm-config"},
			Data:       map[string]string{"ClusterConfiguration": clusterConfiguration},
		},
		&rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: "kubeadm:get-nodes"},
			Rules:      []rbacv1.PolicyRule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"nodes"}}},
		},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "kubeadm:get-nodes"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "kubeadm:get-nodes"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.GroupKind, Name: "system:bootstrappers:kubeadm:default-node-token"}},
		},
	}
}

// components are the static pods of a control plane machine.
func components() []string {
	return []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}
}

func newPod(component, node string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: metav1.NamespaceSystem, Name: component + "-" + node,
			Labels:      map[string]string{"component": component, "tier": "control-plane"},
			Annotations: mirror(),
		},
		Spec: corev1.PodSpec{NodeName: node},
		Status: corev1.PodStatus{
			Phase:      corev1.PodRunning,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		},
	}
}

// mirror marks pods that kubelet runs from files, which are not drained.
func mirror() map[string]string { return map[string]string{corev1.MirrorPodAnnotationKey: "static"} }

// memberAnnotations describe a member to the in-memory etcd. The first leads until Cluster API moves the leadership.
func memberAnnotations(number int) map[string]string {
	a := map[string]string{
		cloudv1.EtcdClusterIDAnnotationName: "1",
		cloudv1.EtcdMemberIDAnnotationName:  strconv.Itoa(100 + number),
	}
	if number == 1 {
		a[cloudv1.EtcdLeaderFromAnnotationName] = time.Now().Format(time.RFC3339)
	}
	maps.Copy(a, mirror())
	return a
}

// newNode is what kubelet registers.
func newNode(c *config, version string) *corev1.Node {
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: c.node.Name, Labels: map[string]string{corev1.LabelHostname: c.hostname}},
		Spec:       corev1.NodeSpec{ProviderID: c.providerID, Taints: c.node.Taints},
		Status: corev1.NodeStatus{
			NodeInfo:  corev1.NodeSystemInfo{KubeletVersion: version},
			Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: c.address}},
		},
	}
	for _, condition := range []corev1.NodeConditionType{
		corev1.NodeReady, corev1.NodeMemoryPressure, corev1.NodeDiskPressure, corev1.NodePIDPressure,
	} {
		status := corev1.ConditionFalse
		if condition == corev1.NodeReady {
			status = corev1.ConditionTrue
		}
		node.Status.Conditions = append(node.Status.Conditions, corev1.NodeCondition{
			Type: condition, Status: status, Reason: "Kubelet", LastTransitionTime: metav1.Now(),
		})
	}
	if c.isControlPlane() {
		const role = "node-role.kubernetes.io/control-plane"
		node.Labels[role] = ""
		node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: role, Effect: corev1.TaintEffectNoSchedule})
	}
	return node
}
