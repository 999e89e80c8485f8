// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/bootstrapdata"
	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/butane"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/fromcloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
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

// Render returns the config as canonical JSON of spec 3.2.0, or of the newer one that Ignition of another bootstrap
// provider has. Bad input gives problem.Problem values (see problem.All); a config that grew too large gives
// *ignition.SizeError.
func Render(in Input) ([]byte, error) {
	opener := ignition.NewOpener()
	layers, docs, err := bootstrap(in, opener)
	if err != nil {
		return nil, err
	}
	user, err := userLayers(in.UserLayers, opener)
	if err != nil {
		return nil, err
	}
	if ignition.IsNewer(docs) {
		return newer(in, layers, docs, user)
	}
	var deferred []ignition.Layer
	for i, d := range docs {
		l, err := d.Layer(false)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			layers = append(layers, l)
			continue
		}
		deferred = append(deferred, l)
	}
	deferred = append(deferred, user...)
	if in.Node == nil {
		return keepApart(layers, deferred)
	}
	node, err := in.Node.Layer()
	if err != nil {
		return nil, err
	}
	return ignition.EncodeLayers(withOwnGroups(append(append(layers, node), deferred...))...)
}

// withOwnGroups puts below layers the primary groups that their users need.
func withOwnGroups(layers []ignition.Layer) []ignition.Layer {
	own := ignition.OwnGroups(layers, altcos.IsImageGroup, altcos.IsImageUser)
	if len(own.Config.Passwd.Users) == 0 {
		return layers
	}
	return append([]ignition.Layer{own}, layers...)
}

// bootstrap returns the layers below the node, and the configs of bootstrap data in Ignition: the first is below the
// node too, those inside it are above.
func bootstrap(in Input, opener *ignition.Opener) (layers []ignition.Layer, docs []ignition.Doc, err error) {
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
		return append(layers, more...), nil, problem.In(bootstrapName, err)
	case bootstrapdata.FormatIgnition:
		docs, err := opener.Open(bootstrapName, in.Bootstrap.Value)
		return layers, docs, err
	}
	return nil, nil, fmt.Errorf("render config: unknown bootstrap format %q", in.Bootstrap.Format)
}

const bootstrapName = "bootstrap data"

// userLayers returns the layers of the user, each followed by those that it holds inside.
func userLayers(list []UserLayer, opener *ignition.Opener) ([]ignition.Layer, error) {
	var out []ignition.Layer
	for _, u := range list {
		layers, err := butane.Layers(u.Name, u.Data, opener)
		if err != nil && u.Secret {
			err = problem.OnlyPlaces(u.Name, err)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, layers...)
	}
	return out, nil
}

func fromCloudConfig(in Input, profile *altcos.Profile) ([]ignition.Layer, error) {
	cfg, err := cloudconfig.Parse(in.Bootstrap.Value, names(in))
	if err != nil {
		return nil, err
	}
	result, err := fromcloudconfig.Convert(cfg, profile.Homes()...)
	if err != nil {
		return nil, err
	}
	layers := []ignition.Layer{result.Layer}
	if result.Role != fromcloudconfig.RoleInit {
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

// newer merges the same layers in the same order for Ignition that needs more than spec 3.2.0.
func newer(in Input, layers []ignition.Layer, docs []ignition.Doc, user []ignition.Layer) ([]byte, error) {
	if in.Node == nil {
		return nil, problem.In(bootstrapName, problem.Newf("ignition.version", "must be at most 3.2.0 where the machine is not known yet"))
	}
	node, err := in.Node.Layer()
	if err != nil {
		return nil, err
	}
	var all []ignition.Newer
	lift := func(layers ...ignition.Layer) error {
		for _, l := range layers {
			lifted, err := ignition.Lift(l)
			if err != nil {
				return err
			}
			all = append(all, lifted)
		}
		return nil
	}
	if err := lift(layers...); err != nil {
		return nil, err
	}
	for i, d := range docs {
		read, err := d.Newer()
		if err != nil {
			return nil, err
		}
		all = append(all, read)
		if i > 0 {
			continue
		}
		if err := lift(node); err != nil {
			return nil, err
		}
	}
	if err := lift(user...); err != nil {
		return nil, err
	}
	accounts := make([]ignition.Layer, len(all))
	for i := range all {
		accounts[i] = all[i].Accounts()
	}
	own, err := ignition.Lift(ignition.OwnGroups(accounts, altcos.IsImageGroup, altcos.IsImageUser))
	if err != nil {
		return nil, err
	}
	return ignition.EncodeNewer(docs, append([]ignition.Newer{own}, all...))
}

// keepApart writes layers as the config and deferred ones as configs that Ignition merges into it.
func keepApart(layers, deferred []ignition.Layer) ([]byte, error) {
	all := withOwnGroups(slices.Concat(layers, deferred))
	cfg := ignition.Merge(all[:len(all)-len(deferred)]...)
	ignition.DropLinks(&cfg, ignition.Merge(deferred...).Systemd.Units)
	for _, l := range deferred {
		raw, err := ignition.EncodeLayers(l)
		if err != nil {
			return nil, err
		}
		cfg.Ignition.Config.Merge = append(cfg.Ignition.Config.Merge, ignition.Inline(raw))
	}
	raw, err := ignition.Encode(cfg)
	if err != nil {
		return nil, err
	}
	// the later Render opens this very config: what is too much for it must be said now
	_, err = ignition.NewOpener().Open("", raw)
	return raw, err
}

// Terminal says whether err can only be helped by other input: everything Render returns for the input's sake.
func Terminal(err error) bool {
	var size *ignition.SizeError
	return errors.As(err, &size) || len(problem.All(err)) > 0
}
