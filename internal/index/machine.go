// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package index

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

// Fields of the index.
const (
	// MachineByHost finds LibvirtMachines by the host that they are placed on; Unplaced finds the others.
	MachineByHost = "spec.host"
	// MachineByProviderID finds LibvirtMachines by their identity.
	MachineByProviderID = "spec.providerID"
	// MachineByProfile finds LibvirtMachines by the AltcosBootstrapConfigTemplate that they name.
	MachineByProfile = "spec.altcosTemplateRef.name"
)

// Unplaced is the value of MachineByHost for machines without host. It is not a valid name of an object.
const Unplaced = "<unplaced>"

// AddMachine indexes LibvirtMachines. It must be called once, before the manager's cache starts.
func AddMachine(ctx context.Context, indexer client.FieldIndexer) error {
	for field, extract := range map[string]func(*infrav1.LibvirtMachine) string{
		MachineByHost:       hostOf,
		MachineByProviderID: func(m *infrav1.LibvirtMachine) string { return m.Spec.ProviderID },
		MachineByProfile:    func(m *infrav1.LibvirtMachine) string { return m.Spec.AltcosTemplateRef.Name },
	} {
		if err := indexer.IndexField(ctx, &infrav1.LibvirtMachine{}, field, values(extract)); err != nil {
			return fmt.Errorf("index LibvirtMachines by %q: %w", field, err)
		}
	}
	return nil
}

func hostOf(m *infrav1.LibvirtMachine) string {
	if m.Spec.Host == "" {
		return Unplaced
	}
	return m.Spec.Host
}

// values leaves out objects whose field is empty.
func values(extract func(*infrav1.LibvirtMachine) string) client.IndexerFunc {
	return func(o client.Object) []string {
		m, ok := o.(*infrav1.LibvirtMachine)
		if !ok {
			return nil
		}
		if value := extract(m); value != "" {
			return []string{value}
		}
		return nil
	}
}
