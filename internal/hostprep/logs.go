// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package hostprep

import (
	"context"
	_ "embed" // the scripts are files so that linters and people can read them
	"fmt"
	"regexp"
)

//go:embed scripts/logs.sh
var logsScript string

// domainPattern is what names of domains may be: they become parts of paths.
var domainPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+_-]{0,199}$`)

// RemoveLogs removes what QEMU, the guest's console and swtpm logged about a virtual machine that is gone: neither libvirt
// nor virtlogd ever does. Logs that are not there are no error.
func RemoveLogs(ctx context.Context, runner Runner, domain string) error {
	return removeLogs(ctx, runner, domain, "/var/log")
}

func removeLogs(ctx context.Context, runner Runner, domain, root string) error {
	if !domainPattern.MatchString(domain) {
		return fmt.Errorf("remove logs: %w: %q", ErrInvalid, domain)
	}
	if _, err := runner.RunScript(ctx, assign("root", root)+assign("domain", domain)+logsScript, nil); err != nil {
		return fmt.Errorf("remove logs of domain %q: %w", domain, err)
	}
	return nil
}
