// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package boot_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
)

const (
	reportScript = "/var/lib/altcos-readback/report.sh"
	reportUnit   = "altcos-readback.service"
)

// report is what commands inside the guest said, by the commands' names.
type report map[string]string

// question is a command to run inside the guest.
type question struct{ name, command string }

// readback is a layer of the user's that lets the guest answer on its serial console. A command before kubeadm starts it.
func readback(t *testing.T, questions []question) render.UserLayer {
	t.Helper()
	type file = map[string]any
	text, err := yaml.Marshal(map[string]any{
		"variant": "fcos", "version": "1.3.0",
		"storage": map[string]any{"files": []file{{"path": reportScript, "mode": 0o700, "contents": file{"inline": script(questions)}}}},
		"systemd": map[string]any{"units": []file{{"name": reportUnit, "contents": `[Unit]
Description=Report over the serial console what Ignition made of this machine
After=crio.service systemd-networkd.service systemd-resolved.service kubelet.service serial-getty@ttyS0.service

[Service]
Type=oneshot
ExecStart=/bin/sh ` + reportScript + `
`}}},
	})
	must(t, err)
	return render.UserLayer{Name: "readback", Data: text}
}

// script asks and prints. The answers are one compressed stream, cut into numbered pieces that are printed three times:
// the kernel and the login prompt write to the same console.
func script(questions []question) string {
	var b strings.Builder
	b.WriteString(`umask 077
cd /run
answer() { printf '%s %s\n' "$1" "$(sh -c "$2" 2>&1 | base64 -w 0)"; }
{
`)
	for _, q := range questions {
		fmt.Fprintf(&b, "answer %s '%s'\n", q.name, strings.ReplaceAll(q.command, "'", `'\''`))
	}
	b.WriteString(`} | gzip -9 | base64 -w 400 > readback.pieces
echo >> readback.pieces
total=$(grep -c . readback.pieces)
number=0
grep . readback.pieces | while read -r piece; do
  number=$((number + 1))
  printf '\n<<readback %d/%d %s>>\n' "$number" "$total" "$piece"
done > readback.lines
for again in 1 2 3; do
  cat readback.lines > /dev/ttyS0
  sleep 1
done
`)
	return b.String()
}

var piece = regexp.MustCompile(`<<readback (\d+)/(\d+) ([A-Za-z0-9+/=]+)>>`)

var errIncomplete = errors.New("report is incomplete")

// decode finds the report on a console.
func decode(console []byte) (report, error) {
	pieces, total := map[int]string{}, 0
	for _, match := range piece.FindAllSubmatch(console, -1) {
		number, _ := strconv.Atoi(string(match[1]))
		total, _ = strconv.Atoi(string(match[2]))
		pieces[number] = string(match[3])
	}
	if total == 0 || len(pieces) < total {
		return nil, fmt.Errorf("%w: %d of %d pieces", errIncomplete, len(pieces), total)
	}
	var joined strings.Builder
	for i := range total {
		joined.WriteString(pieces[i+1])
	}
	packed, err := base64.StdEncoding.DecodeString(joined.String())
	if err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	stream, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	text, err := io.ReadAll(stream)
	if err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	got := report{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		answer, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return nil, fmt.Errorf("read answer %q: %w", name, err)
		}
		got[name] = strings.TrimSpace(string(answer))
	}
	return got, nil
}
