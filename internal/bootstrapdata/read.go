// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package bootstrapdata

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Format of the payload.
type Format string

// Formats that can become an Ignition config.
const (
	FormatCloudConfig Format = "cloud-config"
	FormatIgnition    Format = "ignition"
)

// Data is a payload and its format.
type Data struct {
	Format Format
	// Value is the payload; it holds secrets.
	Value []byte
}

// ErrMissing means that the Secret has no payload (yet).
var ErrMissing = errors.New("secret has no bootstrap data")

// UnsupportedError means that the payload can never be used; only another bootstrap configuration can help.
type UnsupportedError struct {
	// Format is what the Secret declares.
	Format string
	// Reason is what is wrong and what to do.
	Reason string
}

// Error is the format and the reason.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("bootstrap data of format %q cannot be used: %s", e.Format, e.Reason)
}

// Read reads the keys "value" and "format" of a bootstrap Secret. It fails with ErrMissing and *UnsupportedError.
func Read(secret map[string][]byte) (Data, error) {
	value := secret["value"]
	if len(value) == 0 {
		return Data{}, ErrMissing
	}
	format := strings.TrimSpace(string(secret["format"]))
	switch format {
	case "", string(FormatCloudConfig): // the contract's default
		return Data{Format: FormatCloudConfig, Value: value}, nil
	case string(FormatIgnition):
		if err := checkVersion(value); err != nil {
			return Data{}, err
		}
		return Data{Format: FormatIgnition, Value: value}, nil
	}
	return Data{}, &UnsupportedError{Format: printable(format), Reason: "known formats are cloud-config and ignition"}
}

// newestMinor is that of the newest released spec 3. A config newer than 3.2.0 passes through as what it is: whether the
// machine's Ignition supports it is up to its author.
const newestMinor = 6

// checkVersion accepts the released specs of version 3.
func checkVersion(value []byte) error {
	var doc struct {
		Ignition struct {
			Version string `json:"version"`
		} `json:"ignition"`
	}
	refuse := func(format string, args ...any) error {
		return &UnsupportedError{Format: string(FormatIgnition), Reason: fmt.Sprintf(format, args...)}
	}
	if err := json.Unmarshal(value, &doc); err != nil {
		return refuse("it is not a JSON object")
	}
	version := printable(doc.Ignition.Version)
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(minor)
	switch {
	case major == "2" || major == "1":
		return refuse("spec %s is refused by every Ignition of ALT Container OS; KubeadmConfig writes it for format ignition, set its format to cloud-config", version)
	case major == "3" && err == nil && n <= newestMinor && version == fmt.Sprintf("3.%d.0", n):
		return nil
	case major == "3":
		return refuse("spec %s is not a released version between 3.0.0 and 3.%d.0", version, newestMinor)
	}
	return refuse("its spec version is not known")
}

// printable keeps a broken Secret from writing into conditions.
func printable(s string) string {
	if len(s) > 32 {
		s = s[:32]
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, s)
}
