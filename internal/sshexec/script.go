// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package sshexec

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

var variablePattern = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// Text is the script as one text for a POSIX shell, the variables ahead of the body. No other place quotes values.
func Text(script virt.Script) (string, error) {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(script.Variables)) {
		value := script.Variables[name]
		if !variablePattern.MatchString(name) || strings.ContainsRune(value, 0) {
			return "", fmt.Errorf("%w: variable %q of script", virt.ErrInvalid, name)
		}
		text.WriteString(name + "='" + strings.ReplaceAll(value, "'", `'\''`) + "'\n")
	}
	text.WriteString(script.Body)
	return text.String(), nil
}
