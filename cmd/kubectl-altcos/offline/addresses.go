// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/cmd/kubectl-altcos/offline/objects"
)

// documentation is a network reserved for examples (RFC 5737); it replaces what the manifests do not have.
var documentation = netip.MustParsePrefix("192.0.2.0/24") //nolint:gochecknoglobals // Go has no constants of structs

// pools answers claims as the in-cluster IPAM provider does: lowest free address first.
type pools struct {
	objects *objects.Set
	taken   map[netip.Addr]bool
}

func newPools(set *objects.Set) *pools {
	p := &pools{objects: set, taken: map[netip.Addr]bool{}}
	take := func(text string) {
		text, _, _ = strings.Cut(text, "/")
		if a, err := netip.ParseAddr(text); err == nil {
			p.taken[a] = true
		}
	}
	for _, lc := range objects.All[*infrav1.LibvirtCluster](set) {
		take(lc.Spec.ControlPlaneEndpoint.Host)
	}
	for _, lm := range objects.All[*infrav1.LibvirtMachine](set) {
		for _, nic := range lm.Spec.NetworkInterfaces {
			for _, a := range nic.Addresses {
				take(a)
			}
		}
	}
	return p
}

// answer gives every claim without address one.
func (p *pools) answer(ctx context.Context, c client.Client) error {
	claims := &ipamv1.IPAddressClaimList{}
	if err := c.List(ctx, claims); err != nil {
		return fmt.Errorf("list claims: %w", err)
	}
	for i := range claims.Items {
		claim := &claims.Items[i]
		if claim.Status.AddressRef.Name != "" {
			continue
		}
		spec, err := p.choose(claim)
		if err != nil {
			return err
		}
		address := &ipamv1.IPAddress{ObjectMeta: metav1.ObjectMeta{Namespace: claim.Namespace, Name: claim.Name}, Spec: spec}
		if err := c.Create(ctx, address); err != nil {
			return fmt.Errorf("create address: %w", err)
		}
		claim.Status.AddressRef.Name = address.Name
		if err := c.Status().Update(ctx, claim); err != nil {
			return fmt.Errorf("answer claim: %w", err)
		}
	}
	return nil
}

func (p *pools) choose(claim *ipamv1.IPAddressClaim) (ipamv1.IPAddressSpec, error) {
	ref := claim.Spec.PoolRef
	ranges, bits, gateway := []string{documentation.String()}, int64(documentation.Bits()), ""
	pool, known := p.pool(claim.Namespace, ref)
	if known {
		ranges, _, _ = unstructured.NestedStringSlice(pool.Object, "spec", "addresses")
		bits, _, _ = unstructured.NestedInt64(pool.Object, "spec", "prefix")
		gateway, _, _ = unstructured.NestedString(pool.Object, "spec", "gateway")
	} else {
		p.objects.Warnf("%s %q is not in the manifests or of an unknown kind: addresses of %s are used as placeholders", ref.Kind, ref.Name, documentation)
	}
	prefix := int32(bits)
	for _, text := range ranges {
		from, to, err := parseRange(text)
		if err != nil {
			return ipamv1.IPAddressSpec{}, fmt.Errorf("%s %q: spec.addresses: %w", ref.Kind, ref.Name, err)
		}
		for a := from; a.IsValid() && a.Compare(to) <= 0; a = a.Next() {
			if !p.taken[a] && a.String() != gateway {
				p.taken[a] = true
				return ipamv1.IPAddressSpec{
					ClaimRef: ipamv1.IPAddressClaimReference{Name: claim.Name}, PoolRef: ref,
					Address: a.String(), Prefix: &prefix, Gateway: gateway,
				}, nil
			}
		}
	}
	return ipamv1.IPAddressSpec{}, fmt.Errorf("%s %q: spec.addresses: no address is left for claim %q", ref.Kind, ref.Name, claim.Name)
}

func (p *pools) pool(namespace string, ref ipamv1.IPPoolReference) (*unstructured.Unstructured, bool) {
	for _, o := range objects.All[*unstructured.Unstructured](p.objects) {
		local := ref.Kind == "InClusterIPPool" && o.GetNamespace() == namespace || ref.Kind == "GlobalInClusterIPPool"
		if o.GetKind() == ref.Kind && o.GetName() == ref.Name && local {
			return o, true
		}
	}
	return nil, false
}

// parseRange reads an address, a range from-to, or a network, whose first and last addresses are not used.
func parseRange(text string) (from, to netip.Addr, err error) {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		from, to = prefix.Masked().Addr().Next(), prefix.Masked().Addr()
		for n := 0; n < 1<<16 && prefix.Contains(to.Next()); n++ { // more are never needed
			to = to.Next()
		}
		return from, to.Prev(), nil
	}
	first, last, ranged := strings.Cut(text, "-")
	if from, err = netip.ParseAddr(strings.TrimSpace(first)); err != nil {
		return from, to, err
	}
	if !ranged {
		return from, from, nil
	}
	to, err = netip.ParseAddr(strings.TrimSpace(last))
	return from, to, err
}
