// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package rollout brings load balancers to hosts and takes them off again, one host at a time. It observes a host, lets
// package loadbalancer plan, and runs one script that stages, validates, switches, reloads and verifies, or restores what
// was there before.
package rollout
