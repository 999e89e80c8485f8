// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package binaries

// Versions of what the sets contain. The modules below hack/tools pin the same ones; a test compares them.
const (
	KubernetesVersion = "v1.35.4"
	EtcdVersion       = "v3.6.6"
	ClusterAPIVersion = "v1.14.2"
	IPAMVersion       = "v1.1.0"
	CRIOVersion       = "v1.34.0"
	CoreDNSVersion    = "v1.13.1"
	FlannelVersion    = "v0.28.4"
	IgnitionVersion   = "v2.27.0"
)

// Images that kubeadm of KubernetesVersion expects, by the names that it gives them.
const (
	ImageRegistry              = "registry.k8s.io"
	PauseImage                 = ImageRegistry + "/pause:3.10.1"
	EtcdImage                  = ImageRegistry + "/etcd:3.6.6-0"
	CoreDNSImage               = ImageRegistry + "/coredns/coredns:" + CoreDNSVersion
	KubeAPIServerImage         = ImageRegistry + "/kube-apiserver:" + KubernetesVersion
	KubeControllerManagerImage = ImageRegistry + "/kube-controller-manager:" + KubernetesVersion
	KubeSchedulerImage         = ImageRegistry + "/kube-scheduler:" + KubernetesVersion
	KubeProxyImage             = ImageRegistry + "/kube-proxy:" + KubernetesVersion
)
