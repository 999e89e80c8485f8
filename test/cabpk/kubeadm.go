// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cabpk

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
)

// kubeadm fills kubeadm's own configuration. A worker has no control plane in it: CABPK refuses that.
func (g Generator) kubeadm(m *Machine) {
	first, join := &m.Spec.InitConfiguration, &m.Spec.JoinConfiguration
	m.Spec.ClusterConfiguration = g.cluster()
	first.NodeRegistration, join.NodeRegistration = g.registration(), g.registration()
	first.BootstrapTokens = some(g, 2, g.token)
	first.LocalAPIEndpoint = g.endpoint()
	first.SkipPhases, join.SkipPhases = some(g, 3, g.phase), some(g, 3, g.phase)
	first.Patches.Directory, join.Patches.Directory = g.maybe("/etc/kubernetes/patches"), g.maybe("/etc/kubernetes/patches")
	first.Timeouts, join.Timeouts = g.timeouts(), g.timeouts()
	join.CACertPath = g.maybe("/etc/kubernetes/pki/ca.crt", "/etc/pki/own.crt")
	join.Discovery = g.discovery()
	if m.Kind == JoinCP && g.chance(2) {
		join.ControlPlane = &bootstrapv1.JoinControlPlane{LocalAPIEndpoint: g.endpoint()}
	}
}

// value is short: YAML folds long texts, also within a tag.
func (g Generator) value() string {
	// quotes in a tag would be doubled in kubeadm's YAML
	tags := slices.DeleteFunc(slices.Clone(g.Tags), func(tag string) bool { return strings.Contains(tag, "'") })
	return g.pick(append([]string{g.word(), "a: b", "'", "010", "", "~", "a #b", "*", "%x", "[a", "two\nlines", "é"}, tags...)...)
}

func (g Generator) args() []bootstrapv1.Arg {
	return some(g, 3, func(i int) bootstrapv1.Arg {
		return bootstrapv1.Arg{Name: fmt.Sprintf("%s-%d", g.word(), i), Value: new(g.value())}
	})
}

func (g Generator) volumes() []bootstrapv1.HostPathMount {
	return some(g, 2, func(i int) bootstrapv1.HostPathMount {
		return bootstrapv1.HostPathMount{
			Name: fmt.Sprintf("v%d", i), HostPath: "/etc/" + g.word(), MountPath: "/etc/" + g.value(), ReadOnly: g.flag(),
			PathType: corev1.HostPathType(g.maybe("DirectoryOrCreate", "File")),
		}
	})
}

func (g Generator) envs() *[]bootstrapv1.EnvVar {
	if g.chance(2) {
		return nil
	}
	envs := some(g, 3, func(i int) bootstrapv1.EnvVar {
		e := corev1.EnvVar{Name: fmt.Sprintf("E%d", i), Value: g.value()}
		if g.chance(3) {
			e.Value, e.ValueFrom = "", &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.hostIP"}}
		}
		return bootstrapv1.EnvVar{EnvVar: e}
	})
	return &envs
}

func (g Generator) names(int) string { return g.value() + ".example" }

func (g Generator) cluster() bootstrapv1.ClusterConfiguration {
	c := bootstrapv1.ClusterConfiguration{
		ControlPlaneEndpoint: "10.150.0.160:8443",
		Etcd:                 g.etcd(),
		APIServer: bootstrapv1.APIServer{
			ExtraArgs: g.args(), ExtraVolumes: g.volumes(), ExtraEnvs: g.envs(), CertSANs: some(g, 3, g.names),
		},
		ControllerManager:               bootstrapv1.ControllerManager{ExtraArgs: g.args(), ExtraVolumes: g.volumes(), ExtraEnvs: g.envs()},
		Scheduler:                       bootstrapv1.Scheduler{ExtraArgs: g.args(), ExtraVolumes: g.volumes(), ExtraEnvs: g.envs()},
		DNS:                             bootstrapv1.DNS{ImageRepository: g.maybe("registry.example/coredns"), ImageTag: g.maybe("v1.12.0", "1.10")},
		CertificatesDir:                 g.maybe("/etc/kubernetes/pki", "/var/lib/own pki"),
		ImageRepository:                 g.maybe("registry.example:5000/k8s"),
		CertificateValidityPeriodDays:   int32(g.IntN(3)) * 100,
		CACertificateValidityPeriodDays: int32(g.IntN(3)) * 1000,
		EncryptionAlgorithm:             bootstrapv1.EncryptionAlgorithmType(g.maybe("RSA-3072", "ECDSA-P384")),
	}
	for range g.IntN(3) {
		if c.FeatureGates == nil {
			c.FeatureGates = map[string]bool{}
		}
		c.FeatureGates[g.word()] = g.chance(2)
	}
	return c
}

// etcd is the cluster's own or another, never both.
func (g Generator) etcd() bootstrapv1.Etcd {
	switch g.IntN(3) {
	case 0:
		return bootstrapv1.Etcd{Local: bootstrapv1.LocalEtcd{
			ImageRepository: g.maybe("registry.example/etcd"), ImageTag: g.maybe("3.6.5-0"), DataDir: g.pick("/var/lib/etcd", "/srv/etcd"),
			ExtraArgs: g.args(), ExtraEnvs: g.envs(), ServerCertSANs: some(g, 2, g.names), PeerCertSANs: some(g, 2, g.names),
		}}
	case 1:
		return bootstrapv1.Etcd{External: bootstrapv1.ExternalEtcd{
			Endpoints: []string{"https://10.150.0.5:2379", "https://" + g.names(0) + ":2379"},
			CAFile:    "/etc/etcd/ca.crt", CertFile: "/etc/etcd/client.crt", KeyFile: "/etc/etcd/client.key",
		}}
	}
	return bootstrapv1.Etcd{}
}

func (g Generator) token(i int) bootstrapv1.BootstrapToken {
	t := bootstrapv1.BootstrapToken{
		Token:       bootstrapv1.BootstrapTokenString{ID: fmt.Sprintf("token%d", i), Secret: "0123456789abcdef"},
		Description: g.value(), Usages: some(g, 2, func(int) string { return g.pick("signing", "authentication") }),
		Groups: some(g, 2, func(int) string { return "system:bootstrappers:" + g.word() }),
	}
	switch g.IntN(3) {
	case 0:
		t.TTLSeconds = new(int32(g.IntN(90000)))
	case 1:
		t.Expires = metav1.NewTime(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC))
	}
	return t
}

func (g Generator) endpoint() bootstrapv1.APIEndpoint {
	if g.chance(3) {
		return bootstrapv1.APIEndpoint{}
	}
	return bootstrapv1.APIEndpoint{AdvertiseAddress: g.maybe("10.150.0.171", "fd00::171"), BindPort: []int32{0, 6443, 8443}[g.IntN(3)]}
}

func (g Generator) phase(int) string { return g.pick("addon/kube-proxy", "preflight", g.word()) }

func (g Generator) timeouts() bootstrapv1.Timeouts {
	seconds := func() *int32 {
		return []*int32{nil, nil, new(int32(0)), new(int32(90)), new(int32(3601))}[g.IntN(5)]
	}
	return bootstrapv1.Timeouts{
		ControlPlaneComponentHealthCheckSeconds: seconds(), KubeletHealthCheckSeconds: seconds(), KubernetesAPICallSeconds: seconds(),
		EtcdAPICallSeconds: seconds(), TLSBootstrapSeconds: seconds(), DiscoverySeconds: seconds(),
	}
}

// discovery has a token as often as a file, which the machine has or which CABPK writes.
func (g Generator) discovery() bootstrapv1.Discovery {
	d := discovery()
	switch g.IntN(4) {
	case 0:
		return d
	case 1:
		d.BootstrapToken.CACertHashes, d.BootstrapToken.UnsafeSkipCAVerification = nil, new(true)
		d.TLSBootstrapToken = "fedcba.0123456789abcdef"
		return d
	}
	d = bootstrapv1.Discovery{File: bootstrapv1.FileDiscovery{KubeConfigPath: g.pick("/etc/kubernetes", "/run/kubeadm") + "/discovery.yaml"}}
	if g.chance(4) {
		return d
	}
	c := &d.File.KubeConfig
	c.Cluster = bootstrapv1.KubeConfigCluster{
		Server: "https://10.150.0.160:8443", TLSServerName: g.maybe(g.word()), InsecureSkipTLSVerify: g.flag(),
		CertificateAuthorityData: []byte("not the certificate of a cluster\n"), ProxyURL: g.maybe("http://proxy.example:3128"),
	}
	switch g.IntN(3) {
	case 0:
		c.User.AuthProvider = bootstrapv1.KubeConfigAuthProvider{Name: g.word(), Config: map[string]string{g.word(): g.value()}}
	case 1:
		c.User.Exec = bootstrapv1.KubeConfigAuthExec{
			Command: "/opt/bin/" + g.word(), Args: some(g, 3, func(int) string { return g.value() }),
			APIVersion: g.maybe("client.authentication.k8s.io/v1beta1"), ProvideClusterInfo: g.flag(),
			Env: some(g, 2, func(int) bootstrapv1.KubeConfigAuthExecEnv {
				return bootstrapv1.KubeConfigAuthExecEnv{Name: g.word(), Value: g.value()}
			}),
		}
	}
	return d
}

func (g Generator) registration() bootstrapv1.NodeRegistrationOptions {
	return bootstrapv1.NodeRegistrationOptions{
		Name: g.maybe(g.value()), CRISocket: g.pick("", "", "unix:///run/containerd/containerd.sock"), KubeletExtraArgs: g.args(),
		Taints: g.taints(), IgnorePreflightErrors: some(g, 2, func(int) string { return g.word() }),
		ImagePullPolicy: corev1.PullPolicy(g.maybe("IfNotPresent", "Never")), ImagePullSerial: g.flag(),
	}
}

func (g Generator) taints() *[]corev1.Taint {
	if g.chance(2) {
		return nil
	}
	return new(append([]corev1.Taint{}, some(g, 2, func(int) corev1.Taint {
		return corev1.Taint{Key: "example.org/" + g.word(), Value: g.maybe(g.word()), Effect: corev1.TaintEffectNoSchedule}
	})...))
}
