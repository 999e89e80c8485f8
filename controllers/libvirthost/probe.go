// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirthost

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/async"
	"github.com/altcos/cluster-api-provider-altcos/internal/capacity"
	"github.com/altcos/cluster-api-provider-altcos/internal/hostprep"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/logkeys"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/providerid"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// probe runs all checks. They depend only on the first, not on each other, so each reports its own condition. Only errors
// that are not about the host (the API server's) are returned.
func (r *Reconciler) probe(ctx context.Context, s *scope) error {
	clusters, err := r.clusters(ctx)
	if err != nil {
		return err
	}
	s.virtual = inventory.VirtualAddresses(clusters)
	if err := r.noteMachines(ctx, s); err != nil {
		return err
	}
	if err := r.connect(ctx, s); err != nil {
		if s.record.Ran(reachable) {
			return nil // the condition reports it
		}
		return err
	}
	s.record.Set(storageReady, r.checkStorage(ctx, s))
	shell, err := r.openShell(ctx, s)
	if err != nil {
		return err
	}
	s.record.Set(networkReady, r.checkNetwork(ctx, s, shell))
	if s.host.Spec.LoadBalancer != infrav1.HostLoadBalancerDisabled && (shell != nil || s.host.Spec.LoadBalancer == infrav1.HostLoadBalancerEnabled) {
		s.record.Set(loadBalancerReady, r.checkLoadBalancer(s))
	}
	return r.noteMachines(ctx, s)
}

// noteMachines adds the machines that are bound to the host now. It is called before and after the host is observed, so
// that resources of machines that are deleted or created meanwhile are accounted for.
func (r *Reconciler) noteMachines(ctx context.Context, s *scope) error {
	list := &infrav1.LibvirtMachineList{}
	if err := r.Client.List(ctx, list, machinesOn(s.host.Name)); err != nil {
		return fmt.Errorf("list LibvirtMachines on host %q: %w", s.host.Name, err)
	}
	if s.machines == nil {
		s.machines = capacity.Machines{}
	}
	for i := range list.Items {
		if id, err := providerid.Parse(list.Items[i].Spec.ProviderID); err == nil {
			s.machines[id] = capacity.Requests(&list.Items[i])
		}
	}
	return nil
}

// connect connects to the hypervisor and reads what it has.
func (r *Reconciler) connect(ctx context.Context, s *scope) error {
	var err error
	if s.conn, err = r.Hosts.Connect(ctx, s.host); errors.Is(err, inventory.ErrNotRead) {
		return err
	}
	if err == nil {
		s.facts, err = s.conn.Facts(ctx)
	}
	if err == nil {
		s.domains, err = s.conn.ListDomains(ctx)
	}
	err = reachOutcome(err)
	s.record.Set(reachable, err)
	return err
}

func reachOutcome(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, virt.ErrAuthentication):
		return outcome.Blockedf(infrav1.LibvirtHostCredentialsInvalidReason, retryInterval, "%v; check spec.credentialsRef and the host's authorized_keys", err)
	case errors.Is(err, virt.ErrInvalid):
		return outcome.Blockedf(infrav1.LibvirtHostUnreachableReason, 0, "spec.uri: %v", err)
	}
	return outcome.Blockedf(infrav1.LibvirtHostUnreachableReason, retryInterval, "%v; check that the host is up and libvirtd is running", err)
}

// checkStorage checks that the storage pool is active, and reads its volumes.
func (r *Reconciler) checkStorage(ctx context.Context, s *scope) error {
	name := inventory.StoragePool(s.host)
	pool, err := s.conn.Pool(ctx, name)
	switch {
	case err == nil:
		s.pool = pool
	case errors.Is(err, virt.ErrNotFound), errors.Is(err, virt.ErrInvalid):
		return outcome.Blockedf(infrav1.LibvirtHostPoolMissingReason, retryInterval,
			"storage pool %s does not exist or is not active; define and start it (virsh pool-define-as, pool-start), or change spec.storagePool", name)
	default:
		return fmt.Errorf("read storage pool %q: %w", name, err)
	}
	// Without the volumes the status keeps the last known values of allocated storage.
	if s.volumes, err = s.conn.ListVolumes(ctx, name); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing volumes of the storage pool", logkeys.Pool, name)
	}
	s.listed = err == nil
	return nil
}

// openShell reads the host's system state; it returns nil if the host has no shell or it cannot be used. An error is not
// about the host.
func (r *Reconciler) openShell(ctx context.Context, s *scope) (virt.Shell, error) {
	shell, err := r.Hosts.Shell(ctx, s.host)
	switch {
	case errors.Is(err, virt.ErrUnsupported):
		return nil, nil //nolint:nilnil // a host without shell is as good as any
	case errors.Is(err, inventory.ErrNotRead):
		return nil, err
	case err != nil:
		s.record.Set(reachable, reachOutcome(err))
		return nil, nil //nolint:nilnil // the condition tells
	}
	report, err := hostprep.Check(ctx, shell, hostprep.Requirements{
		Packages: hostprep.LoadBalancerPackages(), Programs: hostprep.LoadBalancerPrograms(), Bridge: inventory.Bridge(s.host),
	})
	if err != nil {
		s.record.Set(reachable, reachOutcome(err))
		return nil, nil //nolint:nilnil // as above
	}
	s.system = &report
	return shell, nil
}

// checkNetwork checks that the bridge is up and that the host's packet filter does not see its traffic.
func (r *Reconciler) checkNetwork(ctx context.Context, s *scope, shell virt.Shell) error {
	bridge := inventory.Bridge(s.host)
	missing := outcome.Blockedf(infrav1.LibvirtHostBridgeMissingReason, retryInterval,
		"bridge %s does not exist or is down; create it with the host's network interface as its port, or change spec.bridge", bridge)
	if s.system == nil {
		up, err := s.conn.HasInterface(ctx, bridge)
		switch {
		case errors.Is(err, virt.ErrUnsupported):
			return outcome.Blockedf(infrav1.LibvirtHostNoShellReason, 0, "bridge %s cannot be checked without a shell on the host; set spec.uri to a qemu+ssh URI", bridge)
		case err != nil:
			return fmt.Errorf("look for bridge %q: %w", bridge, err)
		case !up:
			return missing
		}
		return nil
	}
	if !s.system.BridgePresent || !s.system.BridgeUp {
		return missing
	}
	if len(s.system.Filtered) == 0 {
		return nil
	}
	if s.host.Spec.KernelParameters != infrav1.HostSetupManage {
		return outcome.Blockedf(infrav1.LibvirtHostBridgeFilteredReason, retryInterval,
			"kernel parameters %v must be 0, or the host's packet filter drops traffic of machines; set them to 0, or set spec.kernelParameters to Manage", s.system.Filtered)
	}
	if err := hostprep.DisableBridgeFilter(ctx, shell); err != nil {
		return fmt.Errorf("set kernel parameters: %w", err)
	}
	s.system.Filtered = nil
	return nil
}

// checkLoadBalancer checks that haproxy and keepalived are installed.
func (r *Reconciler) checkLoadBalancer(s *scope) error {
	if s.system == nil {
		return outcome.Blockedf(infrav1.LibvirtHostNoShellReason, 0, "load balancers need a shell on the host; set spec.uri to a qemu+ssh URI that works, or spec.loadBalancer to Disabled")
	}
	missing := s.system.MissingPackages
	if programs := s.system.MissingPrograms; len(missing) == 0 && len(programs) > 0 {
		return outcome.Blockedf(infrav1.LibvirtHostPackagesMissingReason, retryInterval, "programs %v are not installed; install them, or set spec.loadBalancer to Disabled", programs)
	}
	if len(missing) == 0 {
		return nil
	}
	if s.host.Spec.Packages != infrav1.HostSetupManage || !s.system.CanInstall {
		return outcome.Blockedf(infrav1.LibvirtHostPackagesMissingReason, retryInterval,
			"packages %v are not installed; install them (apt-get install), set spec.packages to Manage, or set spec.loadBalancer to Disabled", missing)
	}
	return r.install(s, missing)
}

// install installs packages in the background, since that takes minutes on a slow network.
func (r *Reconciler) install(s *scope, packages []string) error {
	host := s.host.DeepCopy()
	state := r.Installs.Do(async.Task{
		Key: s.host.Name + " " + strings.Join(packages, " "), Host: s.host.Name, Owner: types.NamespacedName{Name: s.host.Name},
		Run: func(ctx context.Context, _ func(async.Progress)) error {
			ctx, cancel := context.WithTimeout(ctx, installTimeout)
			defer cancel()
			shell, err := r.Hosts.Shell(ctx, host)
			if err != nil {
				return err
			}
			return hostprep.InstallPackages(ctx, shell, packages)
		},
	})
	switch {
	case !state.Finished():
		return outcome.Waitf(infrav1.LibvirtHostPackagesMissingReason, 0, "installing packages %v", packages)
	case state.Err != nil:
		return fmt.Errorf("install packages %v: %w", packages, state.Err)
	}
	return outcome.Waitf(infrav1.LibvirtHostPackagesMissingReason, retryInterval, "packages %v have been installed and are checked next", packages)
}
