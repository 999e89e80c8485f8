// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/machinerole"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
	"github.com/altcos/cluster-api-provider-altcos/internal/phase"
	"github.com/altcos/cluster-api-provider-altcos/internal/vm"
)

// scope is the data of one Reconcile. During deletion everything but the LibvirtMachine may be absent.
type scope struct {
	lm      *infrav1.LibvirtMachine
	machine *clusterv1.Machine
	cluster *clusterv1.Cluster
	infra   *infrav1.LibvirtCluster

	// vm is the machine's virtual machine; it has no UUID before identify and no host before place.
	vm *vm.Machine
	// providerID is the machine's identity as it is in the API.
	providerID string
	// specChanged reports that this Reconcile changed the spec, which is not stored yet.
	specChanged bool
	// externalLayers reports that the profile uses configs from Secrets or ConfigMaps, which may change without its spec.
	externalLayers bool
	// record keeps how the phases went.
	record *phase.Record
}

// load reads the objects that belong to the machine. The absence of an owner is the one outcome that no condition reports:
// nobody waits for the object yet.
func (r *Reconciler) load(ctx context.Context, lm *infrav1.LibvirtMachine) (*scope, context.Context, error) {
	s := &scope{lm: lm, record: phase.NewRecord(lm, conditionTable())}
	deleting := !lm.DeletionTimestamp.IsZero()

	machine, err := util.GetOwnerMachine(ctx, r.Client, lm.ObjectMeta)
	if err := ignoreNotFoundIf(deleting, err); err != nil {
		return nil, ctx, fmt.Errorf("read owner of LibvirtMachine %q: %w", lm.Name, err)
	}
	if machine == nil && !deleting {
		return nil, ctx, &outcome.Wait{Message: "the Machine controller has not set an owner yet"}
	}
	s.machine = machine
	if s.cluster, err = r.clusterOf(ctx, s); ignoreNotFoundIf(deleting, err) != nil {
		return nil, ctx, fmt.Errorf("read cluster of LibvirtMachine %q: %w", lm.Name, err)
	}
	if s.cluster != nil {
		if s.infra, err = r.infraOf(ctx, s.cluster); err != nil {
			return nil, ctx, err
		}
	}
	services := vm.Services{Hosts: r.Hosts, Images: r.Images, Tasks: r.Tasks, Recorder: r.Recorder}
	s.vm = &vm.Machine{Services: services, Object: lm, ClusterName: s.clusterName()}
	return s, withKeys(ctx, s), nil
}

func (r *Reconciler) clusterOf(ctx context.Context, s *scope) (*clusterv1.Cluster, error) {
	name := s.lm.Labels[clusterv1.ClusterNameLabel]
	if s.machine != nil {
		name = s.machine.Spec.ClusterName
	}
	if name == "" {
		return nil, nil //nolint:nilnil // only during deletion of an object that never had an owner
	}
	cluster, err := util.GetClusterByName(ctx, r.Client, s.lm.Namespace, name)
	if err != nil {
		return nil, err
	}
	return cluster, nil
}

// infraOf returns the LibvirtCluster of the cluster, nil if there is none.
func (r *Reconciler) infraOf(ctx context.Context, cluster *clusterv1.Cluster) (*infrav1.LibvirtCluster, error) {
	ref := cluster.Spec.InfrastructureRef
	if !ref.IsDefined() || ref.APIGroup != infrav1.GroupVersion.Group || ref.Kind != "LibvirtCluster" {
		return nil, nil //nolint:nilnil // another provider's cluster, or none yet
	}
	infra := &infrav1.LibvirtCluster{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: cluster.Namespace, Name: ref.Name}, infra)
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // absent: deleted, or not created yet
	}
	if err != nil {
		return nil, fmt.Errorf("read LibvirtCluster %q: %w", ref.Name, err)
	}
	return infra, nil
}

func ignoreNotFoundIf(deleting bool, err error) error {
	if deleting {
		return client.IgnoreNotFound(err)
	}
	return err
}

func withKeys(ctx context.Context, s *scope) context.Context {
	log := ctrl.LoggerFrom(ctx)
	if s.machine != nil {
		log = log.WithValues("Machine", klog.KObj(s.machine))
	}
	if s.cluster != nil {
		log = log.WithValues("Cluster", klog.KObj(s.cluster))
	}
	return ctrl.LoggerInto(ctx, log)
}

func (s *scope) clusterName() string {
	if s.cluster != nil {
		return s.cluster.Name
	}
	return s.lm.Labels[clusterv1.ClusterNameLabel]
}

// isControlPlane reports whether the machine runs an API server.
func (s *scope) isControlPlane() bool {
	return machinerole.IsControlPlane(s.lm) || s.machine != nil && machinerole.IsControlPlane(s.machine)
}

// wasProvisioned reports whether the machine has been running before. clusterctl move drops our status, but not the
// Machine's spec, whose providerID Cluster API sets only after provisioning.
func (s *scope) wasProvisioned() bool {
	if ptr.Deref(s.lm.Status.Initialization.Provisioned, false) {
		return true
	}
	return s.machine != nil && (s.machine.Spec.ProviderID != "" || s.hasNode())
}

// hasNode reports whether the machine has joined its cluster.
func (s *scope) hasNode() bool { return s.machine != nil && s.machine.Status.NodeRef.IsDefined() }
