// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	v3 "github.com/coreos/ignition/v2/config/v3_2"
	"github.com/coreos/ignition/v2/config/v3_2/types"

	"github.com/altcos/cluster-api-provider-altcos/internal/bootstrapdata"
	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/butane"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/fromcloudinit"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/problem"
)

// Input is everything that decides about a machine's config.
type Input struct {
	// Profile is the template's profile. Nil means the built-in one with a cloud-config, and none with Ignition, which
	// brings all it needs.
	Profile *altcos.Profile
	// Bootstrap is the Machine's bootstrap data.
	Bootstrap bootstrapdata.Data
	// Names answer the Jinja names of a cloud-config. What is empty and known from Node is taken from there.
	Names cloudconfig.Names
	// Node is this machine. Nil when its addresses are not known yet: the user's layers are then kept apart inside the
	// config (as Ignition's own merge), so that a later Render with a Node still lets them win.
	Node *altcos.Node
	// UserLayers come last and win.
	UserLayers []UserLayer
}

// UserLayer is Butane or Ignition JSON that a person wrote.
type UserLayer struct {
	// Name says where it comes from, for error messages.
	Name string
	Data []byte
	// Secret keeps all but the place out of error messages.
	Secret bool
}

// Render returns the config as canonical JSON of spec 3.2.0. Bad input gives problem.Problem values (see problem.All);
// a config that grew too large gives *ignition.SizeError.
func Render(in Input) ([]byte, error) {
	layers, deferred, err := bootstrap(in)
	if err != nil {
		return nil, err
	}
	for _, u := range in.UserLayers {
		cfg, err := butane.Translate(u.Data)
		if err != nil {
			if u.Secret {
				err = problem.OnlyPlaces(err)
			}
			return nil, problem.In(u.Name, err)
		}
		deferred = append(deferred, ignition.Layer{Name: u.Name, Config: cfg})
	}
	if in.Node == nil {
		return keepApart(layers, deferred)
	}
	node, err := in.Node.Layer()
	if err != nil {
		return nil, err
	}
	return ignition.Encode(ignition.Merge(append(append(layers, node), deferred...)...))
}

// bootstrap returns the layers below the node, and those that the bootstrap data wants on top.
func bootstrap(in Input) (layers, deferred []ignition.Layer, err error) {
	profile := in.Profile
	if profile == nil && in.Bootstrap.Format == bootstrapdata.FormatCloudConfig {
		profile = &altcos.Profile{}
	}
	if profile != nil {
		l, err := profile.Layer()
		if err != nil {
			return nil, nil, err
		}
		layers = append(layers, l)
	}
	switch in.Bootstrap.Format {
	case bootstrapdata.FormatCloudConfig:
		more, err := fromCloudConfig(in, profile)
		return append(layers, more...), nil, problem.In("bootstrap data", err)
	case bootstrapdata.FormatIgnition:
		own, children, err := fromIgnition(in.Bootstrap.Value)
		return append(layers, own), children, problem.In("bootstrap data", err)
	}
	return nil, nil, fmt.Errorf("render config: unknown bootstrap format %q", in.Bootstrap.Format)
}

func fromCloudConfig(in Input, profile *altcos.Profile) ([]ignition.Layer, error) {
	cfg, err := cloudconfig.Parse(in.Bootstrap.Value, names(in))
	if err != nil {
		return nil, err
	}
	result, err := fromcloudinit.Convert(cfg)
	if err != nil {
		return nil, err
	}
	layers := []ignition.Layer{result.Layer}
	if result.Role != fromcloudinit.RoleInit {
		return layers, nil
	}
	var pods []netip.Prefix
	if profile.NetworkPlugin.IsFlannel() {
		if pods, err = podSubnets(cfg); err != nil {
			return nil, err
		}
	}
	plugin, err := profile.NetworkPluginLayer(pods)
	if err != nil {
		return nil, err
	}
	return append(layers, plugin), nil
}

// names fills what the caller did not say from the node.
func names(in Input) cloudconfig.Names {
	n := in.Names
	if in.Node == nil {
		return n
	}
	if n.Hostname == "" {
		n.Hostname = in.Node.Hostname
	}
	if n.InstanceID == "" {
		_, n.InstanceID, _ = strings.Cut(in.Node.ProviderID, "://")
	}
	for _, a := range in.Node.PrimaryAddresses() {
		if a.Is4() && n.LocalIPv4 == "" {
			n.LocalIPv4 = a.String()
		}
		if a.Is6() && n.LocalIPv6 == "" {
			n.LocalIPv6 = a.String()
		}
	}
	return n
}

// fromIgnition takes configs that are merged inline out of the config: by Ignition's rules they win over it, and so
// they must win over the node layer too.
func fromIgnition(raw []byte) (own ignition.Layer, children []ignition.Layer, err error) {
	cfg, rpt, err := v3.ParseCompatibleVersion(raw)
	if err != nil {
		if found := ignition.FromReport(rpt); found != nil {
			return own, nil, found
		}
		return own, nil, problem.Newf("", "is no Ignition config up to 3.2.0: %v", err)
	}
	var remote []types.Resource
	for i, r := range cfg.Ignition.Config.Merge {
		if r.Source == nil || !strings.HasPrefix(*r.Source, "data:") {
			remote = append(remote, r)
			continue
		}
		if len(remote) > 0 {
			return own, nil, problem.Newf(fmt.Sprintf("ignition.config.merge[%d]", i), "an inline config after one that is fetched cannot keep its order")
		}
		nested, err := ignition.Contents(r, ignition.MaxSize)
		if err != nil {
			return own, nil, problem.Newf(fmt.Sprintf("ignition.config.merge[%d]", i), "%v", err)
		}
		inner, innerChildren, err := fromIgnition(nested)
		if err != nil {
			return own, nil, problem.In(fmt.Sprintf("ignition.config.merge[%d]", i), err)
		}
		children = append(append(children, inner), innerChildren...)
	}
	cfg.Ignition.Config.Merge = remote
	return ignition.Layer{Name: "bootstrap data", Config: cfg}, children, nil
}

// keepApart writes layers as the config and deferred ones as configs that Ignition merges into it.
func keepApart(layers, deferred []ignition.Layer) ([]byte, error) {
	cfg := ignition.Merge(layers...)
	for _, l := range deferred {
		raw, err := ignition.Encode(ignition.Merge(l))
		if err != nil {
			return nil, problem.In(l.Name, err)
		}
		cfg.Ignition.Config.Merge = append(cfg.Ignition.Config.Merge, ignition.Inline(raw))
	}
	return ignition.Encode(cfg)
}

// Terminal says whether err can only be helped by other input: everything Render returns for the input's sake.
func Terminal(err error) bool {
	var size *ignition.SizeError
	return errors.As(err, &size) || len(problem.All(err)) > 0
}
