// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// ParseStats reads what haproxy answers to "show stat": CSV whose first line, after "# ", names the columns. Columns may
// come in any order and more than are known; frontends and sums are passed over.
func ParseStats(output string) ([]Server, error) {
	return parseStats(strings.Split(output, "\n"))
}

func parseStats(lines []string) ([]Server, error) {
	if !slices.ContainsFunc(lines, func(line string) bool { return strings.TrimSpace(line) != "" }) {
		return nil, nil
	}
	reader := csv.NewReader(strings.NewReader(strings.Join(lines, "\n")))
	reader.FieldsPerRecord = -1
	reader.LazyQuotes = true
	head, err := reader.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: statistics of haproxy: %w", ErrUnexpectedOutput, err)
	}
	columns := map[string]int{}
	for i, name := range head {
		columns[strings.TrimPrefix(name, "# ")] = i
	}
	for _, needed := range []string{"pxname", "svname", "status"} {
		if _, ok := columns[needed]; !ok {
			return nil, fmt.Errorf("%w: statistics of haproxy lack the column %q", ErrUnexpectedOutput, needed)
		}
	}
	var servers []Server
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return servers, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: statistics of haproxy: %w", ErrUnexpectedOutput, err)
		}
		if server, ok := newServer(columns, record); ok {
			servers = append(servers, server)
		}
	}
}

func newServer(columns map[string]int, record []string) (Server, bool) {
	field := func(name string) string {
		if i, ok := columns[name]; ok && i < len(record) {
			return record[i]
		}
		return ""
	}
	number := func(name string) int {
		value, err := strconv.Atoi(field(name))
		if err != nil {
			return 0 // empty while nothing was counted
		}
		return value
	}
	server := Server{
		Backend: field("pxname"), Name: field("svname"), Status: field("status"),
		Check: strings.TrimPrefix(field("check_status"), "* "), Code: number("check_code"), Sessions: number("scur"),
	}
	return server, server.Name != "" && server.Name != "FRONTEND" && server.Name != "BACKEND"
}
