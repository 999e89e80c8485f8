// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package hostprep

import (
	"context"
	_ "embed" // the scripts are files so that linters and people can read them
	"fmt"
	"regexp"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

//go:embed scripts/logs.sh
var logsScript string

// domainPattern is what names of domains may be: they become parts of paths.
var domainPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+_-]{0,199}$`)

// RemoveLogs removes what QEMU, the guest's console and swtpm logged about a virtual machine that is gone: neither libvirt
// nor virtlogd ever does. Logs that are not there are no error.
func RemoveLogs(ctx context.Context, shell virt.Shell, domain string) error {
	return removeLogs(ctx, shell, domain, "/var/log")
}

func removeLogs(ctx context.Context, shell virt.Shell, domain, root string) error {
	if !domainPattern.MatchString(domain) {
		return fmt.Errorf("remove logs: %w: %q", ErrInvalid, domain)
	}
	script := virt.Script{Body: logsScript, Variables: map[string]string{"root": root, "domain": domain}}
	if _, err := shell.Run(ctx, script); err != nil {
		return fmt.Errorf("remove logs of domain %q: %w", domain, err)
	}
	return nil
}
