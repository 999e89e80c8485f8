// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtcluster

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/secret"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/inventory"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer/rollout"
	"github.com/altcos/cluster-api-provider-altcos/internal/machinerole"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

const (
	// observeInterval is how often hosts are asked which one holds the address and which backends are up: VRRP elections
	// and health checks send no events.
	observeInterval = time.Minute
	// resyncInterval is how often everything is checked even without an event.
	resyncInterval = 10 * time.Minute
	// hostRetryInterval is how soon a host that did not answer is tried again while others serve.
	hostRetryInterval = 30 * time.Second
	// defaultAPIServerPort is where kubeadm's API servers listen.
	defaultAPIServerPort = 6443
)

// ensureLoadBalancer makes the hosts serve the endpoint. One serving host is enough for machines to be created; problems of
// the others are reported in the condition, and they are tried again.
func (r *Reconciler) ensureLoadBalancer(ctx context.Context, s *scope) error {
	if !managed(s.lc) {
		return r.releaseEarlierMode(ctx, s)
	}
	s.observeAgain = true
	authority, err := r.certificateAuthority(ctx, s)
	if err != nil {
		return err
	}
	if err := s.wantLoadBalancer(authority); err != nil {
		return err
	}
	hosts, err := r.reachHosts(ctx, s)
	if err != nil {
		return err
	}
	report, err := r.Balancer.Ensure(ctx, s.wanted, hosts)
	s.report = &report
	for _, host := range report.Hosts {
		logSteps(ctx, host.Name, host.Err)
	}
	r.releaseFormerMembers(ctx, s)
	return r.loadBalancerOutcome(s, err)
}

// logSteps logs the output of programs on a host, which differs each time and so does not belong in a condition.
func logSteps(ctx context.Context, host string, err error) {
	step := (*rollout.StepError)(nil)
	if errors.As(err, &step) && step.Message != "" {
		ctrl.LoggerFrom(ctx).Info("Changing the load balancer failed", "LibvirtHost", host, "step", step.Step, "output", step.Message)
	}
}

// certificateAuthority returns the cluster's CA, nil while it does not exist. Without it the health check verifies less,
// which must not happen because a read fails.
func (r *Reconciler) certificateAuthority(ctx context.Context, s *scope) ([]byte, error) {
	found := &corev1.Secret{}
	key := client.ObjectKey{Namespace: s.lc.Namespace, Name: secret.Name(s.cluster.Name, secret.ClusterCA)}
	err := r.Client.Get(ctx, key, found)
	if apierrors.IsNotFound(err) && r.APIReader != nil { // the cache has only Secrets with the label of a cluster
		err = r.APIReader.Get(ctx, key, found)
	}
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read Secret %q with the CA of the cluster: %w", key.Name, err)
	case len(found.Data[secret.TLSCrtDataName]) == 0:
		return nil, outcome.Blockedf(infrav1.LibvirtClusterLoadBalancerFailedReason, 0,
			"Secret %s with the cluster's CA has no key %s; add the certificate of the CA", key.Name, secret.TLSCrtDataName)
	}
	return found.Data[secret.TLSCrtDataName], nil
}

// wantLoadBalancer describes the load balancer that the hosts should run.
func (s *scope) wantLoadBalancer(authority []byte) error {
	address, err := netip.ParseAddr(s.lc.Spec.ControlPlaneEndpoint.Host)
	if err != nil {
		return outcome.Terminalf(infrav1.LibvirtClusterEndpointInvalidReason, "spec.controlPlaneEndpoint.host: %w", err)
	}
	id, owner := inventory.LoadBalancerIdentity(s.lc)
	s.wanted = loadbalancer.Cluster{
		ID:         id,
		Owner:      owner,
		Name:       s.lc.Namespace + "/" + s.lc.Name,
		Generation: s.lc.Generation,
		VIP:        netip.PrefixFrom(address, address.BitLen()),
		Port:       uint16(s.lc.Spec.ControlPlaneEndpoint.Port),
		VRID:       routerIDOf(s.lc),
		CA:         authority,
	}
	s.wanted.Backends, s.leaving = s.backends(address)
	for _, port := range s.lc.Spec.LoadBalancer.ExtraPorts {
		target := port.TargetPort
		if target == 0 {
			target = port.Port
		}
		s.wanted.ExtraPorts = append(s.wanted.ExtraPorts, loadbalancer.ExtraPort{
			Name: port.Name, Port: uint16(port.Port), TargetPort: uint16(target),
		})
	}
	return nil
}

// backends are the control plane machines that have an address: those that stay, and those that are leaving. A machine
// leaves as soon as it is being deleted, before its virtual machine is removed.
func (s *scope) backends(vip netip.Addr) (staying, leaving []loadbalancer.Backend) {
	port := s.lc.Spec.LoadBalancer.APIServerPort
	if port == 0 {
		port = defaultAPIServerPort
	}
	for i := range s.machines {
		machine := &s.machines[i]
		address, ok := nodeAddress(machine, vip)
		if !machinerole.IsControlPlane(machine) || !ok {
			continue
		}
		backend := loadbalancer.Backend{Name: machine.Name, Address: netip.AddrPortFrom(address, uint16(port))}
		if machine.DeletionTimestamp.IsZero() {
			staying = append(staying, backend)
		} else {
			leaving = append(leaving, backend)
		}
	}
	return staying, leaving
}

// nodeAddress is the machine's first address of the endpoint's family.
func nodeAddress(machine *infrav1.LibvirtMachine, vip netip.Addr) (netip.Addr, bool) {
	for _, candidate := range machine.Status.Addresses {
		if candidate.Type != clusterv1.MachineInternalIP {
			continue
		}
		address, err := netip.ParseAddr(candidate.Address)
		if err == nil && address.Is4() == vip.Is4() {
			return address, true
		}
	}
	return netip.Addr{}, false
}

// loadBalancerOutcome turns the report into an outcome. Problems are reported even while a host serves, and retried; with
// increasing delay if that changes hosts.
func (r *Reconciler) loadBalancerOutcome(s *scope, err error) error {
	if err == nil {
		r.retries.reset(s.lc.UID)
		return s.leftOutOutcome()
	}
	endpoint := s.wanted.VIP.Addr()
	switch {
	case errors.Is(err, rollout.ErrAddressInUse):
		return outcome.Blockedf(infrav1.LibvirtClusterEndpointInUseReason, hostRetryInterval,
			"endpoint %s is in use by another machine; choose another address or free it: %v", endpoint, err)
	case errors.Is(err, loadbalancer.ErrInvalid): // perhaps because of the CA, which is not watched
		return outcome.Blockedf(infrav1.LibvirtClusterEndpointInvalidReason, resyncInterval, "%v", err)
	case errors.Is(err, loadbalancer.ErrNotOwned), errors.Is(err, rollout.ErrRejected):
		return outcome.Blockedf(infrav1.LibvirtClusterLoadBalancerRejectedReason, r.retries.next(s.lc.UID),
			"%v; see the manager's log for the host's output", err)
	case s.report.Holder != "" && onlyUnreachable(err):
		return outcome.Blockedf(infrav1.LibvirtClusterLoadBalancerDegradedReason, hostRetryInterval, "served by host %s; %v", s.report.Holder, err)
	case s.report.Holder != "" && s.holderApplied():
		return outcome.Blockedf(infrav1.LibvirtClusterLoadBalancerDegradedReason, r.retries.next(s.lc.UID),
			"served by host %s; %v; see the manager's log for the host's output", s.report.Holder, err)
	}
	return outcome.Blockedf(infrav1.LibvirtClusterLoadBalancerFailedReason, r.retries.next(s.lc.UID), "serve endpoint %s: %v", endpoint, err)
}

func (s *scope) holderApplied() bool {
	return slices.ContainsFunc(s.report.Hosts, func(host rollout.HostReport) bool {
		return host.Name == s.report.Holder && host.Applied
	})
}

// onlyUnreachable reports whether hosts could not be reached, and nothing worse happened.
func onlyUnreachable(err error) bool {
	return (errors.Is(err, virt.ErrUnreachable) || errors.Is(err, virt.ErrAuthentication)) && !errors.Is(err, rollout.ErrRolledBack) && !errors.Is(err, rollout.ErrHostBusy)
}
