// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cabpk

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
)

// unset are the fields that no machine of the generator has, each with the reason.
func unset() map[string]string {
	const (
		resolved = "CABPK puts what it finds there in its place, before it writes a cloud-config"
		foreign  = "makes CABPK write Ignition of its own, which is no cloud-config"
	)
	return map[string]string{
		"files[].contentFrom.secret.name":                resolved,
		"files[].contentFrom.secret.key":                 resolved,
		"files[].contentFormat":                          resolved,
		"users[].passwdFrom.secret.name":                 resolved,
		"users[].passwdFrom.secret.key":                  resolved,
		"format":                                         foreign,
		"ignition.containerLinuxConfig.additionalConfig": foreign,
		"ignition.containerLinuxConfig.strict":           foreign,
		"diskSetup.filesystems[].replaceFS":              "Ignition cannot express it; a test of refusals has it",
	}
}

func TestGenerator_setsEveryField(t *testing.T) {
	all, seen := map[string]bool{}, map[string]bool{}
	fields(reflect.TypeFor[bootstrapv1.KubeadmConfigSpec](), "", all)
	for seed := range uint64(300) { // as many as the property of the converter is tested with
		kind := []Kind{Init, JoinCP, Worker}[seed%3]
		m := NewGenerator(seed, nil).Machine(kind)
		written(reflect.ValueOf(m.Spec), "", seen)
	}
	want := slices.Sorted(maps.Keys(unset()))
	var got []string
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if !seen[path] {
			got = append(got, path)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields that no machine has (-want +got):\n%s", diff)
	}
	if len(all) < 150 {
		t.Errorf("the types have %d fields only", len(all))
	}
}

// fields adds the paths of all fields of Cluster API's types; what others define is one field.
func fields(of reflect.Type, path string, into map[string]bool) {
	switch {
	case of.Kind() == reflect.Pointer:
		fields(of.Elem(), path, into)
	case of.Kind() == reflect.Slice && of.Elem().Kind() != reflect.Uint8:
		fields(of.Elem(), path+"[]", into)
	case isOwn(of):
		for i := range of.NumField() {
			fields(of.Field(i).Type, fieldPath(path, of.Field(i)), into)
		}
	default:
		into[path] = true
	}
}

// written adds the paths of those that have a value.
func written(v reflect.Value, path string, into map[string]bool) {
	switch {
	case v.Kind() == reflect.Pointer && !v.IsNil():
		if !isOwn(v.Type().Elem()) && v.Elem().Kind() != reflect.Slice {
			into[path] = true // also a pointer to false is a value
			return
		}
		written(v.Elem(), path, into)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		for i := range v.Len() {
			written(v.Index(i), path+"[]", into)
		}
	case isOwn(v.Type()):
		for i := range v.NumField() {
			written(v.Field(i), fieldPath(path, v.Type().Field(i)), into)
		}
	case !v.IsZero():
		into[path] = true
	}
}

func isOwn(of reflect.Type) bool {
	return of.Kind() == reflect.Struct && strings.HasPrefix(of.PkgPath(), "sigs.k8s.io/cluster-api/")
}

func fieldPath(path string, field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	if name == "" || name == "-" {
		name = field.Name
	}
	return strings.TrimPrefix(path+"."+name, ".")
}
