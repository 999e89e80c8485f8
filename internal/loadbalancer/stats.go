// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Server is one line of haproxy's statistics.
type Server struct {
	Backend, Name string
	// Status is haproxy's word: UP, DOWN, "UP 1/2", "DOWN 1/2", MAINT, "no check".
	Status string
	// Check is the result of the last check: L7OK, L7STS, L4CON and so on.
	Check string
}

// Up reports whether the server gets connections.
func (s Server) Up() bool { return s.Status == "no check" || strings.HasPrefix(s.Status, "UP") }

// parseStats reads what haproxy answers to "show stat": CSV whose first line, after "# ", names the columns. Columns may
// come in any order, and unknown ones, frontends and sums are skipped.
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
	server := Server{
		Backend: field("pxname"), Name: field("svname"), Status: field("status"),
		Check: strings.TrimPrefix(field("check_status"), "* "),
	}
	return server, server.Name != "" && server.Name != "FRONTEND" && server.Name != "BACKEND"
}
