// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
)

// Characters of image names that file names cannot have, in the escaping that loadDockerArchiveImages.sh undoes.
var (
	escapeName   = strings.NewReplacer("/", "%2F", ":", "%3A")
	unescapeName = strings.NewReplacer("%2F", "/", "%3A", ":")
)

func archiveName(image string) string { return escapeName.Replace(image) + ".tar" }

func imageName(archive string) string {
	return unescapeName.Replace(strings.TrimSuffix(filepath.Base(archive), ".tar"))
}

// ensureContainers builds store.tar, a containers-storage (overlay) that holds every image, and the compressed archives.
func ensureContainers(ctx context.Context, store *artifact.Store, images string) (string, error) {
	version, err := programVersion(ctx, "skopeo")
	if err != nil {
		return "", err
	}
	return store.Ensure(ctx, "guest-containers", artifact.Key{"1", images, version}, func(ctx context.Context, dir string) error {
		archives, err := filepath.Glob(filepath.Join(images, "*.tar"))
		if err != nil {
			return fmt.Errorf("list image archives: %w", err)
		}
		policy := filepath.Join(dir, "policy.json")
		if err := os.WriteFile(policy, []byte(`{"default": [{"type": "insecureAcceptAnything"}]}`), 0o644); err != nil {
			return fmt.Errorf("write policy: %w", err)
		}
		root, runRoot := filepath.Join(dir, "root"), filepath.Join(dir, "run")
		compressed := filepath.Join(dir, "archives")
		if err := os.Mkdir(compressed, 0o755); err != nil {
			return fmt.Errorf("create directory of archives: %w", err)
		}
		for _, path := range archives {
			destination := fmt.Sprintf("containers-storage:[overlay@%s+%s]%s", root, runRoot, imageName(path))
			// The storage library leaves a bind mount behind; it ends with a mount namespace of its own.
			if err := run(ctx, "unshare", "--mount", "--propagation", "private", "skopeo", "--policy", policy, "copy", "--quiet", "docker-archive:"+path, destination); err != nil {
				return err
			}
			output := filepath.Join(compressed, filepath.Base(path)+".zst")
			if err := run(ctx, "zstd", "-q", "-6", "-T0", "-o", output, path); err != nil {
				return err
			}
		}
		if err := run(ctx, "tar", "--create", "--file", filepath.Join(dir, "store.tar"), "--directory", root, "--xattrs", "--numeric-owner", "."); err != nil {
			return err
		}
		for _, path := range []string{root, runRoot} {
			if err := os.RemoveAll(path); err != nil {
				return fmt.Errorf("remove work directory: %w", err)
			}
		}
		return nil
	})
}
