// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

// Package problem describes what is wrong in a document that a person or another controller wrote.
//
// A Problem names the place (field path, and line and column where the document is text) and the reason.
// It never quotes the value found there, because values may be secrets.
package problem
