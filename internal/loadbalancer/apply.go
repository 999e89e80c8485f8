// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// Apply makes one host follow the plan, as one transaction under a lock of the host: stage, validate as a whole, switch,
// reload, verify, or restore what was there. Errors: StepError with ErrNotOwned, ErrHostBusy, ErrRejected or
// ErrRolledBack; the shell's own when the outcome is not known (the script ends by itself all the same).
func Apply(ctx context.Context, shell virt.Shell, layout Layout, tree Tree, plan Plan) error {
	if plan.Empty() {
		return nil
	}
	shared, err := RenderShared(layout)
	if err != nil {
		return err
	}
	archive, err := pack(tree, shared)
	if err != nil {
		return fmt.Errorf("apply load balancer %q: %w", tree.ID, err)
	}
	script := compose(layout, tree.ID, applyScript, shared, map[string]string{
		"owner": tree.Owner, "description": tree.Description,
		"write_tree": flag(plan.WriteTree), "write_shared": strings.Join(plan.WriteShared, " "),
		"touch_haproxy": flag(plan.HAProxy), "touch_keepalived": flag(plan.Keepalived),
	})
	script.Stdin = archive
	return execute(ctx, shell, script, fmt.Sprintf("apply load balancer %q", tree.ID))
}

// Remove takes the cluster off one host, and with the last cluster every file and unit of ours. An absent cluster is no
// error. vip may be the zero value when it is not known; otherwise Remove waits until the host has given it up.
func Remove(ctx context.Context, shell virt.Shell, layout Layout, clusterID, owner string, vip netip.Addr) error {
	if !idPattern.MatchString(clusterID) || !ownerPattern.MatchString(owner) || vip.IsValid() && !usable(vip) {
		return fmt.Errorf("remove load balancer %q: %w: ID, owner %q or VIP %q", clusterID, ErrInvalid, owner, vip)
	}
	shared, err := RenderShared(layout)
	if err != nil {
		return err
	}
	address := ""
	if vip.IsValid() {
		address = vip.String()
	}
	script := compose(layout, clusterID, removeScript, shared, map[string]string{"owner": owner, "vip": address})
	return execute(ctx, shell, script, fmt.Sprintf("remove load balancer %q", clusterID))
}

// ProbeAddress asks from one host whether another machine answers for the address: ErrAddressInUse when it does. An
// address that the host itself holds is free in this sense; Observe tells about that.
func ProbeAddress(ctx context.Context, shell virt.Shell, layout Layout, vip netip.Addr, bridge string) error {
	if !usable(vip) || !bridgePattern.MatchString(bridge) {
		return fmt.Errorf("probe address %q: %w: address or bridge %q", vip, ErrInvalid, bridge)
	}
	script := compose(layout, "probe", probeScript, nil, map[string]string{"vip": vip.String(), "bridge": bridge})
	output, err := shell.Run(ctx, script)
	if err != nil {
		return fmt.Errorf("probe address %q: %w", vip, err)
	}
	found, err := parseAnswer(output)
	if err == nil && found.step == "in-use" {
		err = stepError(found)
	}
	if err != nil {
		return fmt.Errorf("probe address %q: %w", vip, err)
	}
	return nil
}

func execute(ctx context.Context, shell virt.Shell, script virt.Script, what string) error {
	output, err := shell.Run(ctx, script)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	found, err := parseAnswer(output)
	if err == nil {
		err = stepError(found)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// pack makes the archive that the script unpacks; the script takes from it what the plan asks for.
func pack(tree Tree, shared []SharedFile) ([]byte, error) {
	var buffer bytes.Buffer
	archive := tar.NewWriter(&buffer)
	add := func(name string, content []byte) error {
		header := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}
		if err := archive.WriteHeader(header); err != nil {
			return fmt.Errorf("pack %q: %w", name, err)
		}
		if _, err := archive.Write(content); err != nil {
			return fmt.Errorf("pack %q: %w", name, err)
		}
		return nil
	}
	for _, file := range tree.Files {
		if err := add("tree/"+file.Name, file.Content); err != nil {
			return nil, err
		}
	}
	for _, file := range shared {
		if err := add("shared/"+file.Name, file.Content); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("pack files: %w", err)
	}
	return buffer.Bytes(), nil
}

func flag(set bool) string {
	if set {
		return "1"
	}
	return "0"
}
