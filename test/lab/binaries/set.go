// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package binaries

import (
	"fmt"
	"strings"
)

// Set names programs that are built together and needed together.
type Set string

// The sets, with the programs that each one's directory contains.
const (
	// ControlPlane is what tests of controllers need: kube-apiserver, kubectl.
	ControlPlane Set = "control-plane"
	// Kubernetes is kube-apiserver, kube-controller-manager, kube-scheduler, kube-proxy, kubelet, kubeadm, kubectl.
	Kubernetes Set = "kubernetes"
	// Etcd is etcd, etcdctl.
	Etcd Set = "etcd"
	// ClusterAPI is the managers cluster-api-core, cluster-api-bootstrap-kubeadm, cluster-api-control-plane-kubeadm, and clusterctl.
	ClusterAPI Set = "cluster-api"
	// IPAM is the manager cluster-api-ipam-in-cluster.
	IPAM Set = "ipam"
	// Runtime is crio and its helper pinns.
	Runtime Set = "runtime"
	// CoreDNS is coredns.
	CoreDNS Set = "coredns"
	// Flannel is flanneld and the CNI plug-in flannel.
	Flannel Set = "flannel"
	// Ignition is ignition (the engine that runs in an initramfs) and ignition-validate.
	Ignition Set = "ignition"
)

// Sets lists every set.
func Sets() []Set {
	return []Set{ControlPlane, Kubernetes, Etcd, ClusterAPI, IPAM, Runtime, CoreDNS, Flannel, Ignition}
}

// module is the directory of the module that pins the programs of a set, below hack/tools.
type module string

// Modules below hack/tools.
const (
	kubernetesModule module = "kubernetes"
	etcdModule       module = "etcd"
	clusterAPIModule module = "clusterapi"
	ipamModule       module = "ipam"
	crioModule       module = "crio"
	coreDNSModule    module = "coredns"
	flannelModule    module = "flannel"
	flannelCNIModule module = "flannelcni"
	ignitionModule   module = "ignition"
)

// program is one executable.
type program struct {
	name    string
	module  module
	pkg     string // "." is the module's own program
	tags    []string
	defines map[string]string // string variables set by the linker
	cgo     bool
	static  bool // link the C library in; needs cgo
}

// flags are the arguments of go build, without the output.
func (p program) flags() []string {
	ldflags := []string{"-s", "-w"}
	for _, name := range sortedKeys(p.defines) {
		ldflags = append(ldflags, "-X", name+"="+p.defines[name])
	}
	if p.static {
		ldflags = append(ldflags, "-extldflags", "-static")
	}
	flags := []string{"-mod=readonly", "-trimpath", "-ldflags", strings.Join(ldflags, " ")}
	if len(p.tags) > 0 {
		flags = append(flags, "-tags", strings.Join(p.tags, ","))
	}
	return flags
}

func (s Set) programs() ([]program, error) {
	switch s {
	case ControlPlane:
		return kubernetesPrograms("kube-apiserver", "kubectl"), nil
	case Kubernetes:
		return kubernetesPrograms("kube-apiserver", "kubectl", "kubeadm", "kubelet", "kube-proxy", "kube-scheduler", "kube-controller-manager"), nil
	case Etcd:
		return []program{
			{name: "etcd", module: etcdModule, pkg: "go.etcd.io/etcd/server/v3"},
			{name: "etcdctl", module: etcdModule, pkg: "go.etcd.io/etcd/etcdctl/v3"},
		}, nil
	case ClusterAPI:
		return clusterAPIPrograms(), nil
	case IPAM:
		return []program{{name: "cluster-api-ipam-in-cluster", module: ipamModule, pkg: "sigs.k8s.io/cluster-api-ipam-provider-in-cluster"}}, nil
	case Runtime:
		return []program{{name: "crio", module: crioModule, pkg: "github.com/cri-o/cri-o/cmd/crio", cgo: true,
			tags: []string{"containers_image_openpgp", "exclude_graphdriver_devicemapper", "seccomp"}}}, nil
	case CoreDNS:
		return []program{{name: "coredns", module: coreDNSModule, pkg: "."}}, nil
	case Flannel:
		return []program{
			{name: "flanneld", module: flannelModule, pkg: "github.com/flannel-io/flannel",
				cgo: true, static: true, tags: []string{"netgo", "osusergo"}, // its udp back end is C
				defines: map[string]string{"github.com/flannel-io/flannel/pkg/version.Version": FlannelVersion}},
			{name: "flannel", module: flannelCNIModule, pkg: "github.com/containernetworking/plugins/plugins/meta/flannel"},
		}, nil
	case Ignition:
		return ignitionPrograms(), nil
	default:
		return nil, fmt.Errorf("unknown set of binaries %q", s)
	}
}

// kubernetesPrograms stamps the version: kubeadm refuses to work without one.
func kubernetesPrograms(names ...string) []program {
	const version = "k8s.io/component-base/version."
	major, minor, _ := strings.Cut(strings.TrimPrefix(KubernetesVersion, "v"), ".")
	minor, _, _ = strings.Cut(minor, ".")
	defines := map[string]string{
		version + "gitVersion": KubernetesVersion, version + "gitMajor": major, version + "gitMinor": minor,
		version + "gitTreeState": "clean",
	}
	programs := make([]program, 0, len(names))
	for _, name := range names {
		programs = append(programs, program{name: name, module: kubernetesModule, pkg: "k8s.io/kubernetes/cmd/" + name, defines: defines})
	}
	return programs
}

func clusterAPIPrograms() []program {
	const version, root = "sigs.k8s.io/cluster-api/version.", "sigs.k8s.io/cluster-api/"
	major, minor, _ := strings.Cut(strings.TrimPrefix(ClusterAPIVersion, "v"), ".")
	minor, _, _ = strings.Cut(minor, ".")
	defines := map[string]string{
		version + "gitVersion": ClusterAPIVersion, version + "gitMajor": major, version + "gitMinor": minor,
		version + "gitTreeState": "clean",
	}
	return []program{
		{name: "cluster-api-core", module: clusterAPIModule, pkg: root + "core", defines: defines},
		{name: "cluster-api-bootstrap-kubeadm", module: clusterAPIModule, pkg: root + "bootstrap/kubeadm", defines: defines},
		{name: "cluster-api-control-plane-kubeadm", module: clusterAPIModule, pkg: root + "controlplane/kubeadm", defines: defines},
		{name: "clusterctl", module: clusterAPIModule, pkg: root + "cmd/clusterctl", defines: defines},
	}
}

// ignitionPrograms turns SELinux relabelling off: the stand-in guest has no policy and the files stage would fail.
func ignitionPrograms() []program {
	const root = "github.com/coreos/ignition/v2/"
	defines := map[string]string{
		root + "internal/version.Raw":           IgnitionVersion,
		root + "internal/distro.selinuxRelabel": "false",
	}
	return []program{
		{name: "ignition", module: ignitionModule, pkg: root + "internal", defines: defines, cgo: true},
		{name: "ignition-validate", module: ignitionModule, pkg: root + "validate", defines: defines},
	}
}
