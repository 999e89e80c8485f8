// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package domainxml

import (
	"encoding/xml"
	"fmt"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
)

// MetadataNamespace is the XML namespace of our element in a domain's metadata. It is part of the data on hosts and
// never changes.
const MetadataNamespace = "https://github.com/altcos/cluster-api-provider-altcos/domain/v1"

// ownerElement is our one element in the metadata.
type ownerElement struct {
	XMLName   xml.Name
	UID       string `xml:"uid"`
	Cluster   string `xml:"cluster,omitempty"`
	Namespace string `xml:"namespace,omitempty"`
	Name      string `xml:"name,omitempty"`
}

var ownerName = xml.Name{Space: MetadataNamespace, Local: "machine"} //nolint:gochecknoglobals // a table that nobody writes

func marshalOwner(owner virt.Owner) (string, error) {
	data, err := xml.Marshal(ownerElement{
		XMLName: ownerName,
		UID:     owner.UID, Cluster: owner.Cluster, Namespace: owner.Namespace, Name: owner.Name,
	})
	if err != nil {
		return "", fmt.Errorf("marshal owner %q: %w", owner.UID, err)
	}
	return string(data), nil
}

// parseOwner reads the inner XML of a domain's metadata; elements of others are skipped. Without a readable element of
// ours the owner is zero, which owns nothing.
func parseOwner(innerXML string) virt.Owner {
	var metadata struct {
		Elements []ownerElement `xml:",any"`
	}
	if err := xml.Unmarshal([]byte("<metadata>"+innerXML+"</metadata>"), &metadata); err != nil {
		return virt.Owner{}
	}
	for _, e := range metadata.Elements {
		if e.XMLName == ownerName {
			return virt.Owner{UID: e.UID, Cluster: e.Cluster, Namespace: e.Namespace, Name: e.Name}
		}
	}
	return virt.Owner{}
}
