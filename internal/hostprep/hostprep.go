// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package hostprep

import (
	"context"
	_ "embed" // the scripts are files so that linters and people can read them
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

var (
	// ErrInvalid means that a name is not allowed in a script.
	ErrInvalid = errors.New("invalid requirement")
	// ErrUnexpectedOutput means that the answer of a host is not understood.
	ErrUnexpectedOutput = errors.New("unexpected output from the host")
	// ErrInstall means that the package manager failed; its last words are in the text.
	ErrInstall = errors.New("packages were not installed")
)

// SysctlFile is the drop-in that keeps bridged traffic away from the host's packet filter after a reboot.
const SysctlFile = "/etc/sysctl.d/90-altcos-capi.conf"

const sysctlContent = `# Managed by cluster-api-provider-altcos; do not edit.
# Traffic between machines on a bridge must not pass the packet filter of the host.
net.bridge.bridge-nf-call-iptables = 0
net.bridge.bridge-nf-call-ip6tables = 0
net.bridge.bridge-nf-call-arptables = 0
`

var (
	//go:embed scripts/check.sh
	checkScript string
	//go:embed scripts/install.sh
	installScript string
	//go:embed scripts/sysctl.sh
	sysctlScript string
	//go:embed scripts/forget.sh
	forgetScript string

	wordPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+_-]{0,99}$`)
)

// LoadBalancerPackages are what a host needs to carry endpoints; Debian and ALT name them alike.
func LoadBalancerPackages() []string { return []string{"haproxy", "keepalived"} }

// LoadBalancerPrograms are what the scripts of the provider call; every Debian and ALT server has them.
func LoadBalancerPrograms() []string {
	return []string{"bash", "flock", "ip", "perl", "ping", "sha256sum", "systemctl", "tar", "timeout"}
}

// Requirements are what to look for.
type Requirements struct {
	// Packages are names of the host's package manager, Programs are names in its search path.
	Packages, Programs []string
	// Bridge is the interface that machines are attached to; empty means none is wanted.
	Bridge string
}

// Report is what a host has and lacks.
type Report struct {
	MissingPackages, MissingPrograms []string
	// CanInstall means that the host has apt-get.
	CanInstall bool
	// BridgePresent means that the interface exists and is a bridge, BridgeUp that it is administratively up.
	BridgePresent, BridgeUp bool
	// BridgeAddresses are the host's own addresses on the bridge.
	BridgeAddresses []netip.Prefix
	// Filtered are the keys net.bridge.bridge-nf-call-* whose value is not 0. A key that does not exist filters nothing.
	Filtered []string
}

// Check looks by one script and changes nothing.
func Check(ctx context.Context, shell virt.Shell, wanted Requirements) (Report, error) {
	words := append(append([]string{}, wanted.Packages...), wanted.Programs...)
	if wanted.Bridge != "" {
		words = append(words, wanted.Bridge)
	}
	if err := checkWords(words); err != nil {
		return Report{}, fmt.Errorf("check host: %w", err)
	}
	output, err := shell.Run(ctx, virt.Script{Body: checkScript, Variables: map[string]string{
		"packages": strings.Join(wanted.Packages, " "), "programs": strings.Join(wanted.Programs, " "), "bridge": wanted.Bridge,
	}})
	if err != nil {
		return Report{}, fmt.Errorf("check host: %w", err)
	}
	report, err := parseReport(output)
	if err != nil {
		return Report{}, fmt.Errorf("check host: %w", err)
	}
	return report, nil
}

func parseReport(output []byte) (Report, error) {
	var report Report
	ended := false
	for line := range strings.Lines(string(output)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch key {
		case "package":
			report.MissingPackages = append(report.MissingPackages, value)
		case "program":
			report.MissingPrograms = append(report.MissingPrograms, value)
		case "installer":
			report.CanInstall = true
		case "bridge":
			report.BridgePresent = true
		case "up":
			report.BridgeUp = true
		case "address":
			if prefix, err := netip.ParsePrefix(value); err == nil {
				report.BridgeAddresses = append(report.BridgeAddresses, prefix)
			}
		case "filter":
			if name, setting, _ := strings.Cut(value, " "); setting != "0" {
				report.Filtered = append(report.Filtered, name)
			}
		case "end":
			ended = true
		}
	}
	if !ended {
		return Report{}, fmt.Errorf("%w: the check is incomplete (%d bytes)", ErrUnexpectedOutput, len(output))
	}
	return report, nil
}

// maxInstallText is how much of the package manager's output an error shows.
const maxInstallText = 2 << 10

// InstallPackages installs packages with apt-get; those that are there already are no error. It takes minutes on a slow
// network: give it a context that allows for that.
func InstallPackages(ctx context.Context, shell virt.Shell, packages []string) error {
	if err := checkWords(packages); err != nil {
		return fmt.Errorf("install packages: %w", err)
	}
	output, err := shell.Run(ctx, virt.Script{Body: installScript, Variables: map[string]string{"packages": strings.Join(packages, " ")}})
	if err != nil {
		text := strings.TrimSpace(string(output[max(0, len(output)-maxInstallText):]))
		return fmt.Errorf("%w: %w: %s", ErrInstall, err, strings.ToValidUTF8(text, "?"))
	}
	return nil
}

// DisableBridgeFilter keeps the host's packet filter off bridged traffic, now and after a reboot. A file of that name
// that is not ours is left alone and is an error.
func DisableBridgeFilter(ctx context.Context, shell virt.Shell) error {
	return sysctl(ctx, shell, SysctlFile)
}

func sysctl(ctx context.Context, shell virt.Shell, file string) error {
	script := virt.Script{Body: sysctlScript, Variables: map[string]string{"file": file, "content": sysctlContent}}
	if _, err := shell.Run(ctx, script); err != nil {
		return fmt.Errorf("disable packet filter on bridges: %w", err)
	}
	return nil
}

// Forget removes the file that DisableBridgeFilter wrote; the values of the running kernel stay.
func Forget(ctx context.Context, shell virt.Shell) error { return forget(ctx, shell, SysctlFile) }

func forget(ctx context.Context, shell virt.Shell, file string) error {
	if _, err := shell.Run(ctx, virt.Script{Body: forgetScript, Variables: map[string]string{"file": file}}); err != nil {
		return fmt.Errorf("remove %q: %w", file, err)
	}
	return nil
}

func checkWords(words []string) error {
	for _, word := range words {
		if !wordPattern.MatchString(word) {
			return fmt.Errorf("%w: %q", ErrInvalid, word)
		}
	}
	return nil
}
