// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package ignition_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_2/types"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

func layer(name string, build func(*ignition.Builder)) ignition.Layer {
	b := &ignition.Builder{}
	build(b)
	return ignition.Layer{Name: name, Config: b.Config}
}

func TestMerge_letsTheLaterLayerWin(t *testing.T) {
	merged := ignition.Merge(
		layer("one", func(b *ignition.Builder) {
			b.File("/etc/hostname", 0o644, []byte("one"))
			b.Append("/etc/hosts", "1.1.1.1 one\n")
			b.Mask("x.service")
		}),
		layer("two", func(b *ignition.Builder) {
			b.File("/etc/hostname", 0o600, []byte("two"))
			b.Append("/etc/hosts", "2.2.2.2 two\n")
		}),
	)
	got, err := ignition.Encode(merged)
	assert.NoError(t, err)
	want := `{"ignition":{"version":"3.2.0"},"storage":{"files":[{"contents":{"source":"data:,two"},"mode":384,"overwrite":true,"path":"/etc/hostname"},{"append":[{"source":"data:,%0A1.1.1.1%20one%0A"},{"source":"data:,%0A2.2.2.2%20two%0A"}],"path":"/etc/hosts"}]},"systemd":{"units":[{"mask":true,"name":"x.service"}]}}`
	assert.Equal(t, want, string(got))
}

func TestEncode_saysWhatIgnitionRefuses(t *testing.T) {
	_, err := ignition.Encode(types.Config{Storage: types.Storage{Files: []types.File{{Node: types.Node{Path: "x"}}}}})
	found := problem.All(err)
	if len(found) != 1 || found[0].Path != "$.storage.files.0.path" {
		t.Errorf("got %v", err)
	}
}

func TestEncode_saysWhatIsTooBig(t *testing.T) {
	big := ignition.Layer{Config: types.Config{Storage: types.Storage{Files: []types.File{
		{Node: types.Node{Path: "/small"}},
		{Node: types.Node{Path: "/big"}, FileEmbedded1: types.FileEmbedded1{Contents: types.Resource{Source: new("data:," + strings.Repeat("x", ignition.MaxSize))}}},
	}}}}
	_, err := ignition.Encode(ignition.Merge(big))
	var size *ignition.SizeError
	if !errors.As(err, &size) || size.Largest[0].Name != "file /big" {
		t.Errorf("got %v", err)
	}
}

func TestEncodeLayers_namesTheLayer(t *testing.T) {
	_, err := ignition.EncodeLayers(layer("mine", func(b *ignition.Builder) { b.File("x", 0o644, nil) }))
	if err == nil || !strings.HasPrefix(err.Error(), "mine: ") {
		t.Errorf("got %v", err)
	}
}

func TestInline_keepsEveryByte(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for name, content := range map[string][]byte{
		"nothing": {}, "text": []byte("a, b; c:d?e&f=g#h%20'\"\n"), "every byte": all,
		"long text": bytes.Repeat([]byte("hello world\n"), 1000),
	} {
		t.Run(name, func(t *testing.T) {
			r := ignition.Inline(content)
			got, err := ignition.Contents(r, 1<<20)
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("got %q, %v", got, err)
			}
			if again := ignition.Inline(content); *again.Source != *r.Source {
				t.Error("not stable")
			}
			if len(content) > 10000 && r.Compression == nil {
				t.Error("long text is not compressed")
			}
		})
	}
}

func TestContents_stopsAtTheLimit(t *testing.T) {
	if _, err := ignition.Contents(ignition.Inline(make([]byte, 1<<20)), 1<<10); err == nil {
		t.Error("a bomb was unpacked")
	}
	if _, err := ignition.Contents(types.Resource{Source: new("http://x/")}, 1<<10); err == nil {
		t.Error("a remote source was read")
	}
}
