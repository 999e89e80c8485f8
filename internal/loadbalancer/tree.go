// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Names of the files in a cluster's tree.
const (
	haproxyFile  = "haproxy.cfg"
	fragmentFile = "keepalived.conf"
	caFile       = "ca.pem"
	manifestFile = "manifest"
)

// File is one file of a cluster's tree.
type File struct {
	// Name is relative to the tree.
	Name    string
	Content []byte
}

// Tree is what one host has for one cluster.
type Tree struct {
	// ID and Owner are the cluster's.
	ID, Owner string
	// Hash identifies the content, regardless of the generation.
	Hash string
	// Description is what haproxy reports while it runs this tree.
	Description string
	// Files ends with the manifest, which lists the others with their digests.
	Files []File
}

// Render returns the tree of a cluster for one host. The same input gives the same bytes, and the order of backends, extra
// ports and peers does not matter. Errors: ErrInvalid.
func Render(cluster Cluster, member Member, layout Layout) (Tree, error) {
	if err := errors.Join(cluster.Validate(), member.Validate(cluster.VIP.Addr())); err != nil {
		return Tree{}, fmt.Errorf("render load balancer %q: %w", cluster.ID, err)
	}
	cluster, member = normal(cluster, member)
	description, err := describeHAProxy(cluster, layout)
	if err != nil {
		return Tree{}, fmt.Errorf("render load balancer %q: %w", cluster.ID, err)
	}
	haproxy, haproxyErr := renderHAProxy(cluster, layout, description)
	fragment, fragmentErr := renderKeepalived(cluster, member, layout)
	if err := errors.Join(haproxyErr, fragmentErr); err != nil {
		return Tree{}, fmt.Errorf("render load balancer %q: %w", cluster.ID, err)
	}
	bodies := []File{{Name: haproxyFile, Content: haproxy}, {Name: fragmentFile, Content: fragment}}
	if len(cluster.CA) > 0 {
		bodies = append(bodies, File{Name: caFile, Content: normalCA(cluster.CA)})
	}
	tree := Tree{ID: cluster.ID, Owner: cluster.Owner, Hash: hashFiles(bodies), Description: description}
	for _, body := range bodies {
		tree.Files = append(tree.Files, File{Name: body.Name, Content: append(header(cluster, body.Content), body.Content...)})
	}
	tree.Files = append(tree.Files, File{Name: manifestFile, Content: manifest(cluster, tree)})
	return tree, nil
}

// normal sorts what has no order, in copies.
func normal(c Cluster, m Member) (Cluster, Member) {
	byName := func(a, b Backend) int { return strings.Compare(a.Name, b.Name) }
	c.Backends = slices.SortedFunc(slices.Values(c.Backends), byName)
	c.ExtraPorts = slices.SortedFunc(slices.Values(c.ExtraPorts), func(a, b ExtraPort) int { return strings.Compare(a.Name, b.Name) })
	for i := range c.ExtraPorts {
		c.ExtraPorts[i].Backends = slices.SortedFunc(slices.Values(c.ExtraPorts[i].Backends), byName)
	}
	m.Peers = slices.Clone(m.Peers)
	slices.SortFunc(m.Peers, func(a, b netip.Addr) int { return a.Compare(b) })
	return c, m
}

// header tells a person who reads the file whose it is and whether it was edited.
func header(c Cluster, body []byte) []byte {
	sum := sha256.Sum256(body)
	return fmt.Appendf(nil, "# Managed by cluster-api-provider-altcos for cluster %s; do not edit.\n# owner=%s generation=%d sha256=%x\n",
		c.Name, c.Owner, c.Generation, sum)
}

// manifest is read back by ParseState: the owner of the tree, what it configures, and the digest of every file.
func manifest(c Cluster, tree Tree) []byte {
	out := fmt.Appendf(nil, "owner %s\nname %s\ngeneration %d\nvip %s\nhash %s\n", c.Owner, c.Name, c.Generation, c.VIP, tree.Hash)
	for _, file := range tree.Files {
		out = fmt.Appendf(out, "file %x %s\n", sha256.Sum256(file.Content), file.Name)
	}
	return out
}

func hashFiles(files []File) string {
	sum := sha256.New()
	for _, file := range files {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(file.Content)))
		sum.Write([]byte(file.Name))
		sum.Write(size[:])
		sum.Write(file.Content)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// normalCA keeps only the certificates of a valid bundle and drops the text around PEM blocks.
func normalCA(bundle []byte) []byte {
	var out bytes.Buffer
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes}))
	}
	return out.Bytes()
}
