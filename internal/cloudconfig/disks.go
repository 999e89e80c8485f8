// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig

import (
	"strconv"

	"go.yaml.in/yaml/v3"
)

func (d *decoder) disks(cfg *Config) func(*yaml.Node, string) {
	return func(n *yaml.Node, p string) {
		if isNull(n) {
			return
		}
		d.mapping(n, p, func(device string, _, value *yaml.Node) {
			disk := Disk{Device: device}
			p := at(p, len(cfg.Disks))
			d.object(value, p, map[string]func(*yaml.Node, string){
				"table_type": d.text(&disk.TableType),
				"overwrite":  d.flag(&disk.Overwrite),
				"layout":     d.layout(&disk),
			})
			cfg.Disks = append(cfg.Disks, disk)
		})
	}
}

// layout is true, false, or a list whose items are a percentage or a pair of percentage and type.
func (d *decoder) layout(disk *Disk) func(*yaml.Node, string) {
	return func(n *yaml.Node, p string) {
		if whole, ok := boolOf(n); ok {
			disk.WholeDisk = &whole
			return
		}
		if n.Kind != yaml.SequenceNode {
			d.addf(n, p, "must be true, false or a list of partitions")
			return
		}
		d.list(n, p, func(item *yaml.Node, p string) {
			var part Partition
			percent := item
			if item.Kind == yaml.SequenceNode {
				if len(item.Content) != 2 {
					d.addf(item, p, "must be a percentage, or a percentage and a type")
					return
				}
				percent = item.Content[0]
				d.text(&part.Type)(item.Content[1], at(p, 1))
			}
			v, err := strconv.Atoi(percent.Value)
			if percent.Kind != yaml.ScalarNode || err != nil || v < 1 || v > 100 {
				d.addf(percent, p, "must be a percentage between 1 and 100")
				return
			}
			part.Percent = v
			disk.Partitions = append(disk.Partitions, part)
		})
	}
}
