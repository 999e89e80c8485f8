// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Conditions of an AltcosBootstrapConfig, each with its reasons. docs/conditions.md is generated from the comments.
const (
	// AltcosBootstrapConfigKubeadmDataReadyCondition is true when the child KubeadmConfig has produced its data.
	AltcosBootstrapConfigKubeadmDataReadyCondition = "KubeadmDataReady"
	// AltcosBootstrapConfigWaitingForClusterReason means that the cluster's infrastructure is not provisioned yet. See the
	// infrastructure cluster.
	AltcosBootstrapConfigWaitingForClusterReason = "WaitingForClusterInfrastructure"
	// AltcosBootstrapConfigWaitingForKubeadmReason means that the kubeadm bootstrap provider is not done. See the conditions
	// of the KubeadmConfig that the message names.
	AltcosBootstrapConfigWaitingForKubeadmReason = "WaitingForKubeadmConfig"
	// AltcosBootstrapConfigKubeadmRefusedReason means that no KubeadmConfig can be created from spec.kubeadm. Correct the
	// field that the message names.
	AltcosBootstrapConfigKubeadmRefusedReason = "KubeadmConfigRefused"
	// AltcosBootstrapConfigCertificatesMissingReason means that certificates are missing that only the user has. Create the
	// Secrets that the message names.
	AltcosBootstrapConfigCertificatesMissingReason = "CertificatesMissing"
	// AltcosBootstrapConfigMachinePoolReason means that the owner is a MachinePool, which is not supported. Use a
	// MachineDeployment.
	AltcosBootstrapConfigMachinePoolReason = "MachinePoolNotSupported"

	// AltcosBootstrapConfigDataSecretAvailableCondition is true when the Secret with the Ignition config exists.
	AltcosBootstrapConfigDataSecretAvailableCondition = "DataSecretAvailable"
	// AltcosBootstrapConfigRenderFailedReason means that the data cannot be rendered to an Ignition config. Correct the
	// field that the message names.
	AltcosBootstrapConfigRenderFailedReason = "RenderFailed"
	// AltcosBootstrapConfigProfileMissingReason means that a Secret or ConfigMap of the profile does not exist. Create it,
	// with the label cluster.x-k8s.io/cluster-name.
	AltcosBootstrapConfigProfileMissingReason = "ProfileMissing"
	// AltcosBootstrapConfigWaitingForCacheReason means that an object exists that the provider does not see yet. Wait; if it
	// stays, see the message.
	AltcosBootstrapConfigWaitingForCacheReason = "WaitingForCache"

	// AltcosBootstrapConfigReadyReason is the reason of all true conditions of an AltcosBootstrapConfig.
	AltcosBootstrapConfigReadyReason = "Ready"
	// AltcosBootstrapConfigWaitingReason means that an earlier phase is not done. See the first condition that is false.
	AltcosBootstrapConfigWaitingReason = "WaitingForEarlierPhases"
	// AltcosBootstrapConfigFailedReason means that a phase failed. See the message; it is tried again.
	AltcosBootstrapConfigFailedReason = "Failed"
)
