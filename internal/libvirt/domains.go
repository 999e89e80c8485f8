// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirt

import (
	"context"
	"errors"
	"fmt"

	rpc "github.com/digitalocean/go-libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt/domainxml"
	"github.com/altcos/cluster-api-provider-altcos/internal/libvirt/transport"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// stateField is the name of the domain's state in libvirt's statistics.
const stateField = "state.state"

// Domain implements virt.Domains.
func (h *host) Domain(ctx context.Context, id string) (virt.Domain, error) {
	domain, err := h.domain(ctx, id)
	if err != nil {
		return virt.Domain{}, fmt.Errorf("read domain %q on host %q: %w", id, h.name, err)
	}
	return domain, nil
}

func (h *host) domain(ctx context.Context, id string) (virt.Domain, error) {
	found, err := h.lookupDomain(ctx, id)
	if err != nil {
		return virt.Domain{}, err
	}
	return h.observe(ctx, found)
}

func (h *host) lookupDomain(ctx context.Context, id string) (rpc.Domain, error) {
	parsed, err := parseUUID(id)
	if err != nil {
		return rpc.Domain{}, err
	}
	return transport.Call(ctx, h.Session, func(c *rpc.Libvirt) (rpc.Domain, error) { return c.DomainLookupByUUID(parsed) })
}

func (h *host) observe(ctx context.Context, found rpc.Domain) (virt.Domain, error) {
	definition, err := h.describe(ctx, found, rpc.DomainXMLInactive)
	if err != nil {
		return virt.Domain{}, err
	}
	observed := domainxml.Observe(definition)
	state, err := h.state(ctx, found)
	if err != nil {
		return virt.Domain{}, err
	}
	observed.State = stateWord(state)
	return observed, nil
}

// describe reads the stored definition, or with flags 0 the running guest's.
func (h *host) describe(ctx context.Context, found rpc.Domain, flags rpc.DomainXMLFlags) (*libvirtxml.Domain, error) {
	text, err := transport.Call(ctx, h.Session, func(c *rpc.Libvirt) (string, error) { return c.DomainGetXMLDesc(found, flags) })
	if err != nil {
		return nil, err
	}
	return domainxml.Parse(text)
}

func (h *host) state(ctx context.Context, found rpc.Domain) (rpc.DomainState, error) {
	return transport.Call(ctx, h.Session, func(c *rpc.Libvirt) (rpc.DomainState, error) {
		state, _, err := c.DomainGetState(found, 0)
		return rpc.DomainState(state), err
	})
}

// ListDomains implements virt.Domains with one call for all states and one for each definition. A domain that goes
// meanwhile is left out.
func (h *host) ListDomains(ctx context.Context) ([]virt.Domain, error) {
	records, err := transport.Call(ctx, h.Session, func(c *rpc.Libvirt) ([]rpc.DomainStatsRecord, error) {
		return c.ConnectGetAllDomainStats(nil, uint32(rpc.DomainStatsState), 0)
	})
	if err != nil {
		return nil, fmt.Errorf("list domains of host %q: %w", h.name, err)
	}
	domains := make([]virt.Domain, 0, len(records))
	for _, record := range records {
		definition, err := h.describe(ctx, record.Dom, rpc.DomainXMLInactive)
		switch {
		case errors.Is(err, virt.ErrNotFound):
			continue
		case err != nil:
			return nil, fmt.Errorf("read domain %q on host %q: %w", record.Dom.Name, h.name, err)
		}
		observed := domainxml.Observe(definition)
		observed.State = virt.DomainOther
		for _, parameter := range record.Params {
			if state, ok := parameter.Value.I.(int32); ok && parameter.Field == stateField {
				observed.State = stateWord(rpc.DomainState(state))
			}
		}
		domains = append(domains, observed)
	}
	return domains, nil
}

func stateWord(state rpc.DomainState) virt.DomainState {
	switch state {
	case rpc.DomainRunning, rpc.DomainBlocked:
		return virt.DomainRunning
	case rpc.DomainPaused:
		return virt.DomainPaused
	case rpc.DomainShutoff:
		return virt.DomainShutOff
	case rpc.DomainCrashed:
		return virt.DomainCrashed
	default:
		return virt.DomainOther
	}
}

// isActive reports whether QEMU runs, whatever the guest does.
func isActive(state rpc.DomainState) bool {
	return state != rpc.DomainShutoff && state != rpc.DomainCrashed
}

// change does something to a domain, once its owner is proven: the one way to change or destroy one. The definition is the
// inactive one with its secrets, because it may be stored again and must not lose them then.
func (h *host) change(
	ctx context.Context, what, id string, owner virt.Owner, do func(found rpc.Domain, definition *libvirtxml.Domain) error,
) error {
	if err := h.changeOwned(ctx, id, owner, do); err != nil {
		return fmt.Errorf("%s domain %q on host %q: %w", what, id, h.name, err)
	}
	return nil
}

func (h *host) changeOwned(ctx context.Context, id string, owner virt.Owner, do func(rpc.Domain, *libvirtxml.Domain) error) error {
	unlock, err := h.lock(ctx, h.domainKey(id))
	if err != nil {
		return err
	}
	defer unlock()
	found, err := h.lookupDomain(ctx, id)
	if err != nil {
		return err
	}
	definition, err := h.describe(ctx, found, rpc.DomainXMLInactive|rpc.DomainXMLSecure)
	if err != nil {
		return err
	}
	if !owner.Owns(domainxml.Owner(definition)) {
		return virt.ErrNotOwned
	}
	return do(found, definition)
}
