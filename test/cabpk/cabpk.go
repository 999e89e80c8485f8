// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cabpk

import (
	"testing"

	"github.com/blang/semver/v4"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	"sigs.k8s.io/cluster-api/bootstrap/kubeadm/pkg/cloudinit"
	kubeadmtypes "sigs.k8s.io/cluster-api/bootstrap/kubeadm/pkg/types"
	upstream "sigs.k8s.io/cluster-api/bootstrap/kubeadm/pkg/types/upstream"
)

// Kind is what kubeadm does on the machine.
type Kind string

// Kinds of bootstrap data.
const (
	Init   Kind = "init"
	JoinCP Kind = "join-controlplane"
	Worker Kind = "join-worker"
)

var version = semver.MustParse("1.34.3")

// certFiles stand for the certificates, in the places where CABPK puts them.
func certFiles() []bootstrapv1.File {
	return []bootstrapv1.File{
		{Path: "/etc/kubernetes/pki/ca.crt", Owner: "root:root", Permissions: "0640", Content: "not a certificate\n"},
		{Path: "/etc/kubernetes/pki/ca.key", Owner: "root:root", Permissions: "0600", Content: "not a key\n"},
		{Path: "/etc/kubernetes/pki/etcd/ca.crt", Owner: "root:root", Permissions: "0640", Content: "not a certificate of etcd\n"},
		{Path: "/etc/kubernetes/pki/sa.key", Owner: "root:root", Permissions: "0600", Content: "not a service account key\n"},
	}
}

// Render returns the cloud-config of kind with base's files, users, commands, disks, mounts and NTP.
func Render(tb testing.TB, kind Kind, base cloudinit.BaseUserData, registration bootstrapv1.NodeRegistrationOptions) []byte {
	tb.Helper()
	var out []byte
	var err error
	base.KubernetesVersion = version
	if kind != Worker {
		base.AdditionalFiles = append(certFiles(), base.AdditionalFiles...)
	}
	switch kind {
	case Init:
		data := &upstream.AdditionalData{KubernetesVersion: new("v" + version.String()), ClusterName: new("demo"), PodSubnet: new("10.244.0.0/16")}
		cluster := &bootstrapv1.ClusterConfiguration{ControlPlaneEndpoint: "10.150.0.160:8443"}
		out, err = cloudinit.NewInitControlPlane(&cloudinit.ControlPlaneInput{
			BaseUserData:         base,
			ClusterConfiguration: marshal(tb)(kubeadmtypes.MarshalClusterConfigurationForVersion(cluster, version, data)),
			InitConfiguration: marshal(tb)(kubeadmtypes.MarshalInitConfigurationForVersion(
				&bootstrapv1.InitConfiguration{NodeRegistration: registration}, version)),
		})
	default:
		join := &bootstrapv1.JoinConfiguration{NodeRegistration: registration, Discovery: discovery()}
		if kind == JoinCP {
			join.ControlPlane = &bootstrapv1.JoinControlPlane{}
		}
		text := marshal(tb)(kubeadmtypes.MarshalJoinConfigurationForVersion(join, version))
		if kind == JoinCP {
			out, err = cloudinit.NewJoinControlPlane(&cloudinit.ControlPlaneJoinInput{BaseUserData: base, JoinConfiguration: text})
		} else {
			out, err = cloudinit.NewNode(&cloudinit.NodeInput{BaseUserData: base, JoinConfiguration: text})
		}
	}
	if err != nil {
		tb.Fatalf("render %s by CABPK: %v", kind, err)
	}
	return out
}

func marshal(tb testing.TB) func(string, error) string {
	tb.Helper()
	return func(s string, err error) string {
		tb.Helper()
		if err != nil {
			tb.Fatalf("marshal kubeadm configuration: %v", err)
		}
		return s
	}
}
