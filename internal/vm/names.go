// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// maxDomainName keeps file names that QEMU and libvirt derive from a domain's name below 255 bytes.
const maxDomainName = 200

// domainName returns a readable name that is unique even across management clusters.
func domainName(namespace, name, uuid string) string {
	sum := sha256.Sum256([]byte(uuid))
	suffix := "-" + hex.EncodeToString(sum[:4])
	readable := namespace + "-" + name
	if len(readable) > maxDomainName-len(suffix) {
		readable = strings.TrimRight(readable[:maxDomainName-len(suffix)], "-.")
	}
	return readable + suffix
}

// rootSerial is the serial number of the root disk; data disks go by their names.
const rootSerial = "root"

// Names of a machine's volumes. All begin with the UUID, which is how leftovers are found.
func rootVolume(uuid string) string       { return uuid + "-root.qcow2" }
func rootMarker(uuid string) string       { return uuid + "-root.ok" }
func dataVolume(uuid, disk string) string { return uuid + "-" + disk + ".qcow2" }
func ignitionVolume(uuid string) string   { return uuid + ".ign" }
func isVolumeOf(uuid, volumeName string) bool {
	return uuid != "" && strings.HasPrefix(volumeName, uuid)
}

// Serials returns the serial numbers of the machine's disks, as the guest sees them.
func (m *Machine) Serials() []string {
	serials := []string{rootSerial}
	for _, disk := range m.Object.Spec.DataDisks {
		serials = append(serials, disk.Name)
	}
	return serials
}
