// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/bootstrapdata"
	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/profile"
	"github.com/altcos/cluster-api-provider-altcos/internal/profilesource"
)

// renderBootstrap turns the Machine's bootstrap data into the Ignition config of the guest. Once there is a domain the data
// may change or disappear, since it is not read again.
func (r *Reconciler) renderBootstrap(ctx context.Context, s *scope) error {
	if s.vm.Domain != nil {
		return nil
	}
	data, err := r.bootstrapData(ctx, s)
	if err != nil {
		return err
	}
	input := render.Input{Bootstrap: data, InstanceData: cloudconfig.InstanceData{AvailabilityZone: s.machine.Spec.FailureDomain}}
	if data.Format == bootstrapdata.FormatCloudConfig {
		if err := r.addProfile(ctx, s, &input); err != nil {
			return err
		}
	}
	if input.Node, err = r.node(ctx, s); err != nil {
		return invalidBootstrap(err)
	}
	if s.vm.Ignition, err = render.Render(input); err != nil {
		return s.invalidLayers(err)
	}
	return s.invalidLayers(render.UnknownDisks(s.vm.Ignition, s.vm.Serials()))
}

// bootstrapData reads the Secret that the Machine refers to.
func (r *Reconciler) bootstrapData(ctx context.Context, s *scope) (bootstrapdata.Data, error) {
	name := ptr.Deref(s.machine.Spec.Bootstrap.DataSecretName, "")
	if name == "" {
		return bootstrapdata.Data{}, outcome.Waitf(infrav1.LibvirtMachineWaitingForBootstrapDataReason, 0,
			"the bootstrap provider has not written its data yet")
	}
	secret := &corev1.Secret{}
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: s.lm.Namespace, Name: name}, secret); err != nil {
		return bootstrapdata.Data{}, fmt.Errorf("read bootstrap data: %w", err)
	}
	data, err := bootstrapdata.Read(secret.Data)
	if _, ok := errors.AsType[*bootstrapdata.UnsupportedError](err); ok {
		return bootstrapdata.Data{}, outcome.Terminalf(infrav1.LibvirtMachineBootstrapInvalidReason, "read secret %q: %w", name, err)
	}
	if err != nil {
		return bootstrapdata.Data{}, outcome.Waitf(infrav1.LibvirtMachineWaitingForBootstrapDataReason, retrySoon,
			"read secret %q: %s", name, err)
	}
	return data, nil
}

// addProfile adds the profile of the template that the machine refers to, or the default one.
func (r *Reconciler) addProfile(ctx context.Context, s *scope, input *render.Input) error {
	spec := bootstrapv1.AltcosProfile{}
	if name := s.lm.Spec.AltcosTemplateRef.Name; name != "" {
		template := &bootstrapv1.AltcosBootstrapConfigTemplate{}
		err := r.Client.Get(ctx, client.ObjectKey{Namespace: s.lm.Namespace, Name: name}, template)
		if apierrors.IsNotFound(err) {
			return outcome.Blockedf(infrav1.LibvirtMachineProfileMissingReason, 0,
				"AltcosBootstrapConfigTemplate %q of spec.altcosTemplateRef does not exist; create it", name)
		}
		if err != nil {
			return fmt.Errorf("read AltcosBootstrapConfigTemplate %q: %w", name, err)
		}
		spec = template.Spec.Template.Spec.AltcosProfile
	}
	s.externalLayers = len(spec.ButaneFrom) > 0
	var err error
	machine := profilesource.Machine{Cluster: s.cluster, ControlPlane: s.isControlPlane()}
	input.Profile, input.UserLayers, err = profilesource.Resolve(ctx, r.Client, machine, &spec)
	if errors.Is(err, profilesource.ErrMissing) {
		return outcome.Blockedf(infrav1.LibvirtMachineProfileMissingReason, retrySlow, "%s", err)
	}
	return invalidBootstrap(err)
}

// node is the part of the config that only the infrastructure knows.
func (r *Reconciler) node(ctx context.Context, s *scope) (*altcos.Node, error) {
	hosts, err := r.knownHosts(ctx, s)
	if err != nil {
		return nil, err
	}
	return &altcos.Node{Hostname: s.hostname(), ProviderID: s.lm.Spec.ProviderID, Hosts: hosts, Interfaces: s.vm.Interfaces}, nil
}

// knownHosts are entries for /etc/hosts: the control plane endpoint, by profile.EndpointName, and the cluster's machines
// with known addresses, sorted by name.
func (r *Reconciler) knownHosts(ctx context.Context, s *scope) ([]altcos.HostEntry, error) {
	machines := &infrav1.LibvirtMachineList{}
	if err := r.Client.List(ctx, machines, client.InNamespace(s.lm.Namespace),
		client.MatchingLabels{clusterv1.ClusterNameLabel: s.clusterName()}); err != nil {
		return nil, fmt.Errorf("list machines of cluster %q: %w", s.clusterName(), err)
	}
	var entries []altcos.HostEntry
	for _, lm := range machines.Items {
		if lm.Name != s.lm.Name && lm.DeletionTimestamp.IsZero() {
			entries = append(entries, hostEntries(lm.Status.Addresses)...)
		}
	}
	slices.SortFunc(entries, func(a, b altcos.HostEntry) int {
		return strings.Compare(a.Names[0]+" "+a.Address.String(), b.Names[0]+" "+b.Address.String())
	})
	if s.infra != nil {
		if vip, err := netip.ParseAddr(s.infra.Spec.ControlPlaneEndpoint.Host); err == nil {
			endpoint := altcos.HostEntry{Address: vip, Names: []string{profile.EndpointName(s.clusterName())}}
			entries = append([]altcos.HostEntry{endpoint}, entries...)
		}
	}
	return entries, nil
}

func hostEntries(addresses []clusterv1.MachineAddress) []altcos.HostEntry {
	var names []string
	for _, a := range addresses {
		if a.Type == clusterv1.MachineHostName {
			names = append(names, a.Address)
		}
	}
	if len(names) == 0 {
		return nil
	}
	var entries []altcos.HostEntry
	for _, a := range addresses {
		if ip, err := netip.ParseAddr(a.Address); err == nil && a.Type == clusterv1.MachineInternalIP {
			entries = append(entries, altcos.HostEntry{Address: ip, Names: names})
		}
	}
	return entries
}

// invalidLayers is invalidBootstrap, but checks again when the error may be in a Secret or ConfigMap, which is not watched.
func (s *scope) invalidLayers(err error) error {
	terminal, ok := outcome.AsTerminal(invalidBootstrap(err))
	if ok && s.externalLayers {
		return outcome.Blockedf(terminal.Reason, retrySlow, "%s", terminal.Err)
	}
	return invalidBootstrap(err)
}

// invalidBootstrap makes errors of the input terminal: only other input can help.
func invalidBootstrap(err error) error {
	if err != nil && render.IsInputError(err) {
		return &outcome.Terminal{Reason: infrav1.LibvirtMachineBootstrapInvalidReason, Err: err}
	}
	return err
}
