// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// apply makes one host follow the plan, as one transaction under a lock of the host: stage, validate as a whole, switch,
// reload, verify, or restore what was there before. Errors: StepError with loadbalancer.ErrNotOwned, ErrHostBusy,
// ErrRejected or ErrRolledBack; the shell's own when the outcome is unknown (the script ends by itself all the same).
func apply(
	ctx context.Context, shell virt.Shell, layout loadbalancer.Layout,
	tree loadbalancer.Tree, shared []loadbalancer.SharedFile, plan loadbalancer.Plan,
) error {
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
	if err := transact(ctx, shell, script); err != nil {
		return fmt.Errorf("apply load balancer %q: %w", tree.ID, err)
	}
	return nil
}

// pack makes the archive that the script unpacks; the script takes from it what the plan asks for.
func pack(tree loadbalancer.Tree, shared []loadbalancer.SharedFile) ([]byte, error) {
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
