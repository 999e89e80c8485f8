// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// searchPath is where commands of pods are looked for.
const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Image is a container image for linux/amd64.
type Image struct {
	// Name is the complete reference with a tag.
	Name string
	// Entrypoint is the command of containers that name none.
	Entrypoint []string
	// Layers are stacked from the bottom.
	Layers []Layer
}

type manifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

type config struct {
	Architecture string        `json:"architecture"`
	OS           string        `json:"os"`
	Created      time.Time     `json:"created"`
	Config       runConfig     `json:"config"`
	RootFS       rootFS        `json:"rootfs"`
	History      []historyItem `json:"history"`
}

type runConfig struct {
	Env        []string
	Entrypoint []string `json:",omitempty"`
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

type historyItem struct {
	Created time.Time `json:"created"`
}

// Write writes the image to w. Equal inputs give equal archives.
func (i Image) Write(w io.Writer) error {
	archive := tar.NewWriter(w)
	description := config{
		Architecture: "amd64", OS: "linux", Created: time.Unix(0, 0).UTC(),
		Config: runConfig{Env: []string{searchPath}, Entrypoint: i.Entrypoint},
		RootFS: rootFS{Type: "layers"},
	}
	content := manifest{RepoTags: []string{i.Name}}
	for _, layer := range i.Layers {
		digest, size, err := layer.digest()
		if err != nil {
			return fmt.Errorf("digest a layer of %q: %w", i.Name, err)
		}
		name := digest + "/layer.tar"
		if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: size, ModTime: time.Unix(0, 0)}); err != nil {
			return fmt.Errorf("write image %q: %w", i.Name, err)
		}
		if err := layer.write(archive); err != nil {
			return fmt.Errorf("write a layer of %q: %w", i.Name, err)
		}
		content.Layers = append(content.Layers, name)
		description.RootFS.DiffIDs = append(description.RootFS.DiffIDs, "sha256:"+digest)
		description.History = append(description.History, historyItem{Created: description.Created})
	}
	configuration, err := json.Marshal(description)
	if err != nil {
		return fmt.Errorf("describe image %q: %w", i.Name, err)
	}
	sum := sha256.Sum256(configuration)
	content.Config = hex.EncodeToString(sum[:]) + ".json"
	index, err := json.Marshal([]manifest{content})
	if err != nil {
		return fmt.Errorf("list image %q: %w", i.Name, err)
	}
	for _, file := range []struct {
		name    string
		content []byte
	}{{content.Config, configuration}, {"manifest.json", index}} {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: file.name, Mode: 0o644, Size: int64(len(file.content)), ModTime: time.Unix(0, 0)}
		if err := archive.WriteHeader(header); err != nil {
			return fmt.Errorf("write image %q: %w", i.Name, err)
		}
		if _, err := io.Copy(archive, bytes.NewReader(file.content)); err != nil {
			return fmt.Errorf("write image %q: %w", i.Name, err)
		}
	}
	return archive.Close()
}
