// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cabpk

import (
	"fmt"
	"slices"
	"testing"

	"github.com/blang/semver/v4"
	"k8s.io/utils/ptr"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/bootstrap/kubeadm/pkg/cloudinit"
	kubeadmtypes "sigs.k8s.io/cluster-api/bootstrap/kubeadm/pkg/types"
	upstream "sigs.k8s.io/cluster-api/bootstrap/kubeadm/pkg/types/upstream"
	"sigs.k8s.io/cluster-api/util/certs"
	"sigs.k8s.io/cluster-api/util/secret"
)

// Machine is all that decides about a machine's cloud-config. Its spec has no references to Secrets.
type Machine struct {
	Kind    Kind
	Version semver.Version
	Spec    bootstrapv1.KubeadmConfigSpec
}

// CloudConfig returns what CABPK's reconciler writes for the machine: it fills the templates' input as that does, and
// leaves the rest to CABPK's code.
func (m Machine) CloudConfig(tb testing.TB) []byte {
	tb.Helper()
	s := m.Spec
	base := cloudinit.BaseUserData{
		BootCommands: s.BootCommands, PreKubeadmCommands: s.PreKubeadmCommands, PostKubeadmCommands: s.PostKubeadmCommands,
		AdditionalFiles: s.Files, Users: s.Users, Mounts: s.Mounts, KubernetesVersion: m.Version,
	}
	if s.NTP.IsDefined() {
		base.NTP = &s.NTP
	}
	if s.DiskSetup.IsDefined() {
		base.DiskSetup = &s.DiskSetup
	}
	if s.Verbosity != nil {
		base.KubeadmVerbosity = fmt.Sprintf("--v %d", *s.Verbosity)
	}
	if file := m.DiscoveryFile(tb); file != nil {
		base.AdditionalFiles = append(slices.Clone(s.Files), *file)
	}
	var out []byte
	var err error
	switch cluster, own := m.Kubeadm(tb); m.Kind {
	case Init:
		out, err = cloudinit.NewInitControlPlane(&cloudinit.ControlPlaneInput{
			BaseUserData: base, Certificates: m.certificates(), ClusterConfiguration: cluster, InitConfiguration: own})
	case JoinCP:
		out, err = cloudinit.NewJoinControlPlane(&cloudinit.ControlPlaneJoinInput{
			BaseUserData: base, Certificates: m.certificates(), JoinConfiguration: own})
	default:
		out, err = cloudinit.NewNode(&cloudinit.NodeInput{BaseUserData: base, JoinConfiguration: own})
	}
	if err != nil {
		tb.Fatalf("render %s by CABPK: %v", m.Kind, err)
	}
	return out
}

// Kubeadm returns the ClusterConfiguration (empty for a join) and the Init- or JoinConfiguration, as CABPK marshals them.
func (m Machine) Kubeadm(tb testing.TB) (cluster, own string) {
	tb.Helper()
	if m.Kind == Init {
		data := &upstream.AdditionalData{
			KubernetesVersion: new("v" + m.Version.String()), ClusterName: new("demo"), PodSubnet: new("10.244.0.0/16"),
			ControlPlaneComponentHealthCheckSeconds: m.Spec.InitConfiguration.Timeouts.ControlPlaneComponentHealthCheckSeconds,
		}
		return marshal(tb)(kubeadmtypes.MarshalClusterConfigurationForVersion(&m.Spec.ClusterConfiguration, m.Version, data)),
			marshal(tb)(kubeadmtypes.MarshalInitConfigurationForVersion(&m.Spec.InitConfiguration, m.Version))
	}
	join := m.Spec.JoinConfiguration.DeepCopy()
	if m.Kind == JoinCP && join.ControlPlane == nil {
		join.ControlPlane = &bootstrapv1.JoinControlPlane{}
	}
	if taints := ptr.Deref(join.NodeRegistration.Taints, nil); m.Kind == Worker && !slices.Contains(taints, clusterv1.NodeUninitializedTaint) {
		join.NodeRegistration.Taints = new(append(slices.Clone(taints), clusterv1.NodeUninitializedTaint))
	}
	return "", marshal(tb)(kubeadmtypes.MarshalJoinConfigurationForVersion(join, m.Version))
}

// certificates are those of a control plane; nothing in them is a certificate or a key. An external etcd keeps its own key.
func (m Machine) certificates() secret.Certificates {
	all := secret.NewCertificatesForInitialControlPlane(&m.Spec.ClusterConfiguration)
	if m.Kind == JoinCP {
		all = secret.NewControlPlaneJoinCerts(&m.Spec.ClusterConfiguration)
	}
	for _, c := range all {
		c.KeyPair = &certs.KeyPair{Cert: []byte("not the certificate " + string(c.Purpose) + "\n")}
		if c.KeyFile != "" {
			c.KeyPair.Key = []byte("not the key " + string(c.Purpose) + "\n")
		}
	}
	return all
}

// discovery is how a joining machine finds its cluster.
func discovery() bootstrapv1.Discovery {
	return bootstrapv1.Discovery{BootstrapToken: bootstrapv1.BootstrapTokenDiscovery{
		Token: "abcdef.0123456789abcdef", APIServerEndpoint: "10.150.0.160:8443",
		CACertHashes: []string{"sha256:0000000000000000000000000000000000000000000000000000000000000000"},
	}}
}
