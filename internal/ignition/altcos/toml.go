// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// toml writes the small part of TOML that our files need. JSON's strings and arrays are TOML's too.
type toml struct{ out bytes.Buffer }

func (t *toml) table(name string) {
	if t.out.Len() > 0 {
		t.out.WriteByte('\n')
	}
	t.out.WriteString("[" + name + "]\n")
}

func (t *toml) set(key, value string)        { t.raw(key, quote(value)) }
func (t *toml) flag(key string, value bool)  { t.raw(key, strconv.FormatBool(value)) }
func (t *toml) number(key string, value int) { t.raw(key, strconv.Itoa(value)) }
func (t *toml) raw(key, value string)        { t.out.WriteString(key + " = " + value + "\n") }
func (t *toml) bytes() []byte                { return t.out.Bytes() }
func (t *toml) list(key string, values []string) {
	list := []byte("[")
	for i, v := range values {
		if i > 0 {
			list = append(list, ", "...)
		}
		list = append(list, quote(v)...)
	}
	t.raw(key, string(append(list, ']')))
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always marshals
	}
	return string(b)
}

func itoa(n int) string { return strconv.Itoa(n) }

func or[T ~string](value, fallback T) T {
	if value == "" {
		return fallback
	}
	return value
}
