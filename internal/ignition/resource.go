// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package ignition

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_2/types"
	"github.com/vincent-petithory/dataurl"
)

// gzipMin is the content size in bytes below which compression cannot pay for its header and base64.
const gzipMin = 256

// writers keeps compressors: each one costs more memory than everything else a render allocates, so they must outlive
// the garbage collections that it causes.
var writers = make(chan *gzip.Writer, 4) //nolint:gochecknoglobals // a pool is only useful when it is shared

func writer() *gzip.Writer {
	select {
	case w := <-writers:
		return w
	default:
		w, err := gzip.NewWriterLevel(io.Discard, gzip.BestCompression)
		if err != nil {
			panic(err) // the level is a constant of the package
		}
		return w
	}
}

func putBack(w *gzip.Writer) {
	select {
	case writers <- w:
	default:
	}
}

// Inline returns content as a data URL in the shortest of three forms: percent-encoded, base64, gzip.
func Inline(content []byte) types.Resource {
	source := "data:," + escape(content)
	if packed := "data:;base64," + base64.StdEncoding.EncodeToString(content); len(packed) < len(source) {
		source = packed
	}
	if len(content) >= gzipMin {
		zipped := "data:;base64," + base64.StdEncoding.EncodeToString(compress(content))
		if len(zipped)+len(`"compression":"gzip",`) < len(source) {
			compression := "gzip"
			return types.Resource{Source: &zipped, Compression: &compression}
		}
	}
	return types.Resource{Source: &source}
}

// Pack writes the contents of files that are inline and not compressed as Inline does, where that is shorter.
func Pack(cfg *types.Config) {
	for i := range cfg.Storage.Files {
		f := &cfg.Storage.Files[i]
		pack(&f.Contents)
		for j := range f.Append {
			pack(&f.Append[j])
		}
	}
}

func pack(r *types.Resource) {
	packed := r.Compression != nil && *r.Compression != ""
	if packed || r.Source == nil || len(*r.Source) < gzipMin || !strings.HasPrefix(*r.Source, "data:") {
		return
	}
	content, err := Contents(*r, maxBytes)
	if err != nil {
		return // Ignition reports it
	}
	if again := Inline(content); len(*again.Source) < len(*r.Source) {
		r.Source, r.Compression = again.Source, again.Compression
	}
}

// compress is deterministic: gzip's header carries no time and no name.
func compress(content []byte) []byte {
	var out bytes.Buffer
	w := writer()
	defer putBack(w)
	w.Reset(&out)
	_, err := w.Write(content)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err) // writing to a bytes.Buffer never fails
	}
	return out.Bytes()
}

// escape percent-encodes what is not allowed in the data part of a URL.
func escape(content []byte) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range content {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~/:=,;@+$!*'()", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}

// Contents returns what an inline resource holds, at most limit bytes. It fails for a resource that is not a data URL.
func Contents(r types.Resource, limit int64) ([]byte, error) {
	if r.Source == nil {
		return nil, nil
	}
	if !strings.HasPrefix(*r.Source, "data:") {
		return nil, fmt.Errorf("read resource: the source is not a data URL")
	}
	u, err := dataurl.DecodeString(*r.Source)
	if err != nil {
		return nil, fmt.Errorf("read resource: decode data URL: %w", err)
	}
	if r.Compression == nil || *r.Compression == "" {
		return u.Data, nil
	}
	if *r.Compression != "gzip" {
		return nil, fmt.Errorf("read resource: unknown compression %q", *r.Compression)
	}
	zr, err := gzip.NewReader(bytes.NewReader(u.Data))
	if err != nil {
		return nil, fmt.Errorf("read resource: open gzip: %w", err)
	}
	out, err := io.ReadAll(io.LimitReader(zr, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read resource: unpack gzip: %w", err)
	}
	if int64(len(out)) > limit {
		return nil, fmt.Errorf("read resource: unpacks to more than %d bytes", limit)
	}
	return out, nil
}
