// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cabpk

import (
	"testing"

	"k8s.io/client-go/tools/clientcmd/api/v1"
	"k8s.io/utils/ptr"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	"sigs.k8s.io/yaml"
)

// DiscoveryFile is the kubeconfig that CABPK's reconciler writes for a machine whose spec describes one; nil without.
func (m Machine) DiscoveryFile(tb testing.TB) *bootstrapv1.File {
	tb.Helper()
	from := m.Spec.JoinConfiguration.Discovery.File
	if m.Kind == Init || !from.KubeConfig.IsDefined() {
		return nil
	}
	const name = "default"
	cluster := v1.Cluster{
		Server:                   from.KubeConfig.Cluster.Server,
		TLSServerName:            from.KubeConfig.Cluster.TLSServerName,
		InsecureSkipTLSVerify:    ptr.Deref(from.KubeConfig.Cluster.InsecureSkipTLSVerify, false),
		CertificateAuthorityData: from.KubeConfig.Cluster.CertificateAuthorityData,
		ProxyURL:                 from.KubeConfig.Cluster.ProxyURL,
	}
	content, err := yaml.Marshal(v1.Config{
		CurrentContext: name,
		Contexts:       []v1.NamedContext{{Name: name, Context: v1.Context{Cluster: name, AuthInfo: name}}},
		Clusters:       []v1.NamedCluster{{Name: name, Cluster: cluster}},
		AuthInfos:      []v1.NamedAuthInfo{{Name: name, AuthInfo: discoveryUser(from.KubeConfig.User)}},
	})
	if err != nil {
		tb.Fatalf("marshal kubeconfig for discovery: %v", err)
	}
	return &bootstrapv1.File{Path: from.KubeConfigPath, Owner: "root:root", Permissions: "0640", Content: string(content)}
}

func discoveryUser(from bootstrapv1.KubeConfigUser) v1.AuthInfo {
	user := v1.AuthInfo{}
	if from.AuthProvider.IsDefined() {
		user.AuthProvider = &v1.AuthProviderConfig{Name: from.AuthProvider.Name, Config: from.AuthProvider.Config}
	}
	if from.Exec.IsDefined() {
		user.Exec = &v1.ExecConfig{
			Command: from.Exec.Command, Args: from.Exec.Args, APIVersion: from.Exec.APIVersion, InteractiveMode: v1.NeverExecInteractiveMode,
			ProvideClusterInfo: ptr.Deref(from.Exec.ProvideClusterInfo, false),
		}
		if user.Exec.APIVersion == "" {
			user.Exec.APIVersion = "client.authentication.k8s.io/v1"
		}
		for _, env := range from.Exec.Env {
			user.Exec.Env = append(user.Exec.Env, v1.ExecEnvVar{Name: env.Name, Value: env.Value})
		}
	}
	return user
}
