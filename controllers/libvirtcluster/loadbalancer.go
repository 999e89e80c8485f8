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
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/cluster-api/util/secret"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/hostaccess"
	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

const (
	// observeInterval is how often hosts are asked who holds the address and which backends are up: VRRP elections and
	// health checks send no events here.
	observeInterval = time.Minute
	// hostRetryInterval is how soon a host that did not answer is tried again while others serve.
	hostRetryInterval = 30 * time.Second
	// defaultAPIServerPort is where kubeadm's API servers listen.
	defaultAPIServerPort = 6443
)

// ensureLoadBalancer makes the hosts carry the endpoint. With at least one host that serves the endpoint is good enough
// for machines to be created; the others are told about in the condition and tried again.
func (r *Reconciler) ensureLoadBalancer(ctx context.Context, s *scope) error {
	if !managed(s.lc) {
		return nil
	}
	if err := s.wantLoadBalancer(r.certificateAuthority(ctx, s)); err != nil {
		return err
	}
	hosts, err := r.reachHosts(ctx, s)
	if err != nil {
		return err
	}
	report, err := r.Balancer.Ensure(ctx, s.wanted, hosts)
	s.report, s.observeAgain = &report, true
	if err := r.releaseStrays(ctx, s); err != nil {
		return err
	}
	return loadBalancerOutcome(s, err)
}

// certificateAuthority returns the cluster's CA, nil while it does not exist: the health check is laxer until then.
func (r *Reconciler) certificateAuthority(ctx context.Context, s *scope) []byte {
	found := &corev1.Secret{}
	key := client.ObjectKey{Namespace: s.lc.Namespace, Name: secret.Name(s.cluster.Name, secret.ClusterCA)}
	if err := r.Client.Get(ctx, key, found); err != nil {
		return nil
	}
	return found.Data[secret.TLSCrtDataName]
}

// wantLoadBalancer describes what the hosts shall carry.
func (s *scope) wantLoadBalancer(authority []byte) error {
	address, err := netip.ParseAddr(s.lc.Spec.ControlPlaneEndpoint.Host)
	if err != nil {
		return outcome.Terminalf(infrav1.LibvirtClusterEndpointInvalidReason, "spec.controlPlaneEndpoint.host: %w", err)
	}
	identity := s.lc.Annotations[identityAnnotation]
	s.wanted = loadbalancer.Cluster{
		ID:         balancerID(identity),
		Owner:      identity,
		Name:       s.lc.Namespace + "/" + s.lc.Name,
		Generation: s.lc.Generation,
		VIP:        netip.PrefixFrom(address, address.BitLen()),
		Port:       uint16(s.lc.Spec.ControlPlaneEndpoint.Port),
		VRID:       routerIDOf(s.lc),
		CA:         authority,
		Backends:   s.backends(address),
	}
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

// backends are the control plane machines that have an address and are to stay. A machine leaves as soon as it is being
// deleted, before its virtual machine goes.
func (s *scope) backends(vip netip.Addr) []loadbalancer.Backend {
	port := s.lc.Spec.LoadBalancer.APIServerPort
	if port == 0 {
		port = defaultAPIServerPort
	}
	var backends []loadbalancer.Backend
	for i := range s.machines {
		machine := &s.machines[i]
		if _, ok := machine.Labels[clusterv1.MachineControlPlaneLabel]; !ok || !machine.DeletionTimestamp.IsZero() {
			continue
		}
		if address, ok := nodeAddress(machine, vip); ok {
			backends = append(backends, loadbalancer.Backend{
				Name: machine.Name, Address: netip.AddrPortFrom(address, uint16(port)),
			})
		}
	}
	return backends
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

// carriers are the hosts that shall carry the endpoint: those that can, and those that did and are only out of reach now,
// since taking a host out of the group changes the others.
func (s *scope) carriers() []*infrav1.LibvirtHost {
	var carriers []*infrav1.LibvirtHost
	for i := range s.hosts {
		host := &s.hosts[i]
		able := conditions.IsTrue(host, infrav1.LibvirtHostLoadBalancerReadyCondition) || s.carries(host.Name)
		if able && hostaccess.CarriesLoadBalancers(host) && host.DeletionTimestamp.IsZero() && len(host.Status.BridgeAddresses) > 0 {
			carriers = append(carriers, host)
		}
	}
	return carriers
}

func (s *scope) carries(host string) bool {
	return slices.ContainsFunc(s.lc.Status.LoadBalancer.Hosts, func(known infrav1.LoadBalancerHostStatus) bool {
		return known.Name == host
	})
}

// reachHosts opens shells on the carriers. Each has its VRRP priority whether it answers or not.
func (r *Reconciler) reachHosts(ctx context.Context, s *scope) ([]loadbalancer.Host, error) {
	carriers := s.carriers()
	if len(carriers) == 0 {
		return nil, outcome.Waitf(infrav1.LibvirtClusterHostsNotReadyReason, 0,
			"none of the selected LibvirtHosts can carry the load balancer; see their condition %s", infrav1.LibvirtHostLoadBalancerReadyCondition)
	}
	priorities := loadbalancer.Priorities(len(carriers))
	hosts := make([]loadbalancer.Host, 0, len(carriers))
	for i, carrier := range carriers {
		address, ok := bridgeAddress(carrier, s.wanted.VIP.Addr())
		if !ok {
			return nil, outcome.Waitf(infrav1.LibvirtClusterEndpointInvalidReason, 0,
				"bridge %s of host %s has no address of the endpoint's family; VRRP needs one", hostaccess.Bridge(carrier), carrier.Name)
		}
		runner, err := r.shell(ctx, carrier)
		if err != nil {
			runner = brokenShell{err}
		}
		hosts = append(hosts, loadbalancer.Host{
			Name: carrier.Name, Runner: runner, Bridge: hostaccess.Bridge(carrier), Address: address, Priority: priorities[i],
		})
	}
	return hosts, nil
}

// brokenShell stands for a host that does not answer: it keeps its place in the group.
type brokenShell struct{ err error }

func (b brokenShell) RunScript(context.Context, string, []byte) ([]byte, error) { return nil, b.err }

func (r *Reconciler) shell(ctx context.Context, host *infrav1.LibvirtHost) (loadbalancer.Runner, error) {
	target, err := hostaccess.Read(ctx, r.Client, r.CredentialsNamespace, host)
	if err != nil {
		return nil, err
	}
	return r.Shells.Shell(ctx, target)
}

// bridgeAddress is the host's own address on the segment.
func bridgeAddress(host *infrav1.LibvirtHost, vip netip.Addr) (netip.Addr, bool) {
	for _, text := range host.Status.BridgeAddresses {
		prefix, err := netip.ParsePrefix(text)
		if err == nil && prefix.Addr().Is4() == vip.Is4() && prefix.Addr() != vip {
			return prefix.Addr(), true
		}
	}
	return netip.Addr{}, false
}

// loadBalancerOutcome says what the report means. One serving holder is success; what is wrong with the others is told
// and tried again.
func loadBalancerOutcome(s *scope, err error) error {
	if err == nil {
		return nil
	}
	endpoint := s.wanted.VIP.Addr()
	switch {
	case errors.Is(err, loadbalancer.ErrAddressInUse):
		return outcome.Waitf(infrav1.LibvirtClusterEndpointInUseReason, hostRetryInterval,
			"%s is in use by another machine; choose another address or free it: %v", endpoint, err)
	case errors.Is(err, loadbalancer.ErrInvalid):
		return &outcome.Terminal{Reason: infrav1.LibvirtClusterEndpointInvalidReason, Err: err}
	case errors.Is(err, loadbalancer.ErrForeignOwner), errors.Is(err, loadbalancer.ErrRejected):
		return outcome.Waitf(infrav1.LibvirtClusterLoadBalancerRejectedReason, hostRetryInterval, "%v", err)
	case s.report.Holder != "" && onlyUnreachable(err):
		return outcome.Waitf(infrav1.LibvirtClusterLoadBalancerDegradedReason, hostRetryInterval, "served by host %s; %v", s.report.Holder, err)
	}
	return fmt.Errorf("carry endpoint %s: %w", endpoint, err)
}

func onlyUnreachable(err error) bool {
	return errors.Is(err, virt.ErrUnreachable) && !errors.Is(err, loadbalancer.ErrRolledBack) && !errors.Is(err, loadbalancer.ErrHostBusy)
}

// releaseStrays takes the endpoint off hosts that carried it and shall not any more.
func (r *Reconciler) releaseStrays(ctx context.Context, s *scope) error {
	for _, known := range s.lc.Status.LoadBalancer.Hosts {
		wanted := slices.ContainsFunc(s.carriers(), func(host *infrav1.LibvirtHost) bool { return host.Name == known.Name })
		if wanted {
			continue
		}
		if err := r.releaseHost(ctx, s, known.Name); err != nil {
			s.unreachable[known.Name] = err.Error()
		}
	}
	return nil
}
