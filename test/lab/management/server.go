// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package management

import "context"

// Server is a program other than a manager in the cluster's network.
type Server struct {
	// Name names the process and its log.
	Name string
	// Argv is the program and its arguments.
	Argv []string
	// Address is where it listens, host and port; it is healthy when something answers there.
	Address string
}

// StartServer returns when the server accepts connections. Stop ends it with the rest.
func (c *Cluster) StartServer(ctx context.Context, s Server) error {
	return c.supervisor.ensure(ctx, server{
		name: s.Name, stage: stageClient, argv: s.Argv,
		healthy: func(ctx context.Context) error { return listens(ctx, c.network, s.Address) },
	})
}
