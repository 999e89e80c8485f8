// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/bootstrapdata"
	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/butane"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/fromcloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/nodenetwork"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// Input is everything that decides about a machine's config.
type Input struct {
	// Profile is the template's profile. Nil means the built-in one with a cloud-config, and none with Ignition, which
	// brings all it needs.
	Profile *altcos.Profile
	// Bootstrap is the Machine's bootstrap data.
	Bootstrap bootstrapdata.Data
	// InstanceData answers the Jinja names of a cloud-config. What is empty and known from Node is taken from there.
	InstanceData cloudconfig.InstanceData
	// Node is this machine. Nil when its addresses are not known yet: the user's layers are then kept apart inside the
	// config (as Ignition's own merge), so that a later Render with a Node still lets them win.
	Node *altcos.Node
	// UserLayers come last and win.
	UserLayers []UserLayer
}

// UserLayer is Butane or Ignition JSON that a person wrote.
type UserLayer struct {
	// Name is where it comes from, for error messages.
	Name string
	Data []byte
	// Secret keeps all but the place out of error messages.
	Secret bool
}

const bootstrapName = "bootstrap data"

// Render returns the config as canonical JSON of spec 3.2.0, or of the later one that Ignition of another bootstrap
// provider has. Invalid input gives problem.Problem values (see problem.All); a config that grew too large gives
// *ignition.SizeError.
func Render(in Input) ([]byte, error) {
	o, err := order(in)
	if err != nil {
		return nil, err
	}
	return o.encode()
}

// order returns all layers of a machine in the order in which they win: profile, bootstrap data, network plugin, node,
// configs that the bootstrap data holds inside, user.
func order(in Input) (*ordered, error) {
	flattener := ignition.NewFlattener()
	o := &ordered{hasNode: in.Node != nil}
	profile := in.Profile
	if profile == nil && in.Bootstrap.Format == bootstrapdata.FormatCloudConfig {
		profile = &altcos.Profile{}
	}
	if profile != nil {
		l, err := profile.Layer()
		if err != nil {
			return nil, err
		}
		o.below.add(l)
	}
	switch in.Bootstrap.Format {
	case bootstrapdata.FormatCloudConfig:
		layers, err := fromCloudConfig(in, profile)
		if err != nil {
			return nil, problem.In(bootstrapName, err)
		}
		o.below.add(layers...)
	case bootstrapdata.FormatIgnition:
		documents, err := flattener.Flatten(bootstrapName, in.Bootstrap.Value)
		if err != nil {
			return nil, err
		}
		o.documents = documents
		o.below.read(documents[:1])
		o.above.read(documents[1:])
	default:
		return nil, fmt.Errorf("render config: unknown bootstrap format %q", in.Bootstrap.Format)
	}
	if in.Node != nil {
		l, err := in.Node.Layer()
		if err != nil {
			return nil, err
		}
		o.below.add(l)
	}
	user, err := userLayers(in.UserLayers, flattener)
	o.above.add(user...)
	return o, err
}

// userLayers returns the layers of the user, each followed by those that it holds inside.
func userLayers(list []UserLayer, flattener *ignition.Flattener) ([]ignition.Layer, error) {
	var out []ignition.Layer
	for _, u := range list {
		layers, err := butane.Layers(u.Name, u.Data, flattener)
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

// fromCloudConfig returns the layer of a cloud-config, and that of the network plugin where kubeadm init runs.
func fromCloudConfig(in Input, profile *altcos.Profile) ([]ignition.Layer, error) {
	cfg, err := cloudconfig.Parse(in.Bootstrap.Value, instanceData(in))
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
		if pods, err = fromcloudconfig.PodSubnets(cfg); err != nil {
			return nil, err
		}
	}
	plugin, err := profile.NetworkPluginLayer(pods)
	return append(layers, plugin), err
}

// instanceData fills what the caller did not say from the node.
func instanceData(in Input) cloudconfig.InstanceData {
	d := in.InstanceData
	if in.Node == nil {
		return d
	}
	if d.Hostname == "" {
		d.Hostname = in.Node.Hostname
	}
	if d.InstanceID == "" {
		_, d.InstanceID, _ = strings.Cut(in.Node.ProviderID, "://")
	}
	for _, a := range nodenetwork.NodeIPs(in.Node.Interfaces) {
		if a.Is4() && d.LocalIPv4 == "" {
			d.LocalIPv4 = a.String()
		}
		if a.Is6() && d.LocalIPv6 == "" {
			d.LocalIPv6 = a.String()
		}
	}
	return d
}

// IsInputError reports whether only other input can help: it is so for everything that Render returns because of its input.
func IsInputError(err error) bool {
	var size *ignition.SizeError
	return errors.As(err, &size) || len(problem.All(err)) > 0
}
