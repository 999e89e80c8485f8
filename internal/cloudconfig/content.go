// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// content undoes the encoding of a file. The names are cloud-init's, of which CABPK uses base64, gzip and gzip+base64.
func (d *decoder) content(n *yaml.Node, p, encoding string) []byte {
	if isNull(n) {
		return nil
	}
	if n.Kind != yaml.ScalarNode {
		d.addf(n, p, "must be a string")
		return nil
	}
	if d.isMarked(n) {
		d.addf(n, p, marked)
		return nil
	}
	if n.Style&yaml.LiteralStyle == 0 && d.isCut(n) {
		d.addf(n, p, cut)
		return nil
	}
	if d.isFolded(n) {
		d.addf(n, p, folded)
		return nil
	}
	raw := []byte(n.Value)
	var packed, zipped bool
	switch encoding {
	case "":
	case "base64", "b64":
		packed = true
	case "gzip", "gz":
		zipped = true
	case "gzip+base64", "gz+base64", "gz+b64", "gzip+b64":
		packed, zipped = true, true
	default:
		d.addf(n, p, "has an unknown encoding, known are base64, gzip and gzip+base64")
		return nil
	}
	if n.Tag == "!!binary" {
		raw = d.base64(n, p, n.Value)
	}
	if packed {
		raw = d.base64(n, p, string(raw))
	}
	if zipped {
		raw = d.gunzip(n, p, raw)
	}
	return raw
}

func (d *decoder) base64(n *yaml.Node, p, s string) []byte {
	compact := strings.Join(strings.Fields(s), "")
	out, err := base64.StdEncoding.DecodeString(compact)
	if err != nil {
		d.addf(n, p, "is not valid base64: %v", err)
	}
	return out
}

// gunzip stops at the budget, so that a small input cannot fill the memory.
func (d *decoder) gunzip(n *yaml.Node, p string, raw []byte) []byte {
	zr, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		d.addf(n, p, "is not gzip data: %v", err)
		return nil
	}
	out, err := io.ReadAll(io.LimitReader(zr, d.budget+1))
	if err != nil {
		d.addf(n, p, "is damaged gzip data: %v", err)
		return nil
	}
	d.budget -= int64(len(out))
	if d.budget < 0 {
		d.budget = 0
		d.addf(n, p, "unpacks to more than %d bytes together with the files before it", MaxDecoded)
		return nil
	}
	return out
}
