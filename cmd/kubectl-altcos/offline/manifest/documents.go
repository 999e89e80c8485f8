// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

// File holds YAML or JSON documents.
type File struct {
	// Name is used in error messages.
	Name string
	Data []byte
}

type decoder struct {
	scheme  *runtime.Scheme
	strict  runtime.Decoder
	schemas schemas
}

// Read returns the objects of all files, or all errors joined.
func Read(scheme *runtime.Scheme, files []File) ([]client.Object, error) {
	loaded, err := loadSchemas()
	if err != nil {
		return nil, err
	}
	codecs := serializer.NewCodecFactory(scheme, serializer.EnableStrict)
	d := &decoder{scheme: scheme, strict: codecs.UniversalDeserializer(), schemas: loaded}
	var objects []client.Object
	var problems []error
	first := map[Identity]string{}
	for _, m := range files {
		reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(m.Data)))
		for i := 1; ; i++ {
			document, err := reader.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				problems = append(problems, fmt.Errorf("%s: document %d: %w", m.Name, i, err))
				break
			}
			where := fmt.Sprintf("%s: document %d", m.Name, i)
			found, err := d.document(document)
			if err == nil {
				err = onlyOnce(found, where, first)
			}
			if err != nil {
				problems = append(problems, prefixed(where+": ", err))
			}
			objects = append(objects, found...)
		}
	}
	return objects, errors.Join(problems...)
}

// onlyOnce refuses duplicates of objects read before, and notes where each object was found.
func onlyOnce(found []client.Object, where string, first map[Identity]string) error {
	var problems []error
	for _, o := range found {
		id := IdentityOf(o)
		if before, there := first[id]; there {
			problems = append(problems, fmt.Errorf("%s %q: is duplicated; it is also in %s", id.Kind, id.Name, before))
			continue
		}
		first[id] = where
	}
	return errors.Join(problems...)
}

// document reads one document: none, one object, or a list of them.
func (d *decoder) document(document []byte) ([]client.Object, error) {
	raw, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return nil, err
	}
	if raw = bytes.TrimSpace(raw); string(raw) == "null" {
		return nil, nil
	}
	tree := &unstructured.Unstructured{}
	if err := tree.UnmarshalJSON(raw); err != nil {
		return nil, err
	}
	if !tree.IsList() {
		object, err := d.object(tree, raw)
		if err != nil {
			return nil, err
		}
		return []client.Object{object}, nil
	}
	var objects []client.Object
	var problems []error
	err = tree.EachListItem(func(item runtime.Object) error {
		one, _ := item.(*unstructured.Unstructured)
		text, err := one.MarshalJSON()
		if err != nil {
			return err
		}
		object, err := d.object(one, text)
		problems = append(problems, err)
		objects = append(objects, object)
		return nil
	})
	if err := errors.Join(append(problems, err)...); err != nil {
		return nil, err
	}
	return objects, nil
}

func (d *decoder) object(tree *unstructured.Unstructured, raw []byte) (client.Object, error) {
	kind := tree.GroupVersionKind()
	who := fmt.Sprintf("%s %q: ", kind.Kind, tree.GetName())
	ours := kind.Group == infrav1.GroupVersion.Group && strings.HasPrefix(kind.Kind, "Libvirt") ||
		kind.Group == bootstrapv1.GroupVersion.Group && strings.HasPrefix(kind.Kind, "Altcos")
	if err := checkNames(tree, ours || kind.Group == clusterv1.GroupVersion.Group); err != nil {
		return nil, prefixed(who, err)
	}
	if !d.scheme.Recognizes(kind) {
		if ours {
			return nil, prefixed(who, field.NotSupported(field.NewPath("apiVersion"), tree.GetAPIVersion(), []string{infrav1.GroupVersion.String(), bootstrapv1.GroupVersion.String()}))
		}
		return tree, nil
	}
	decoded, _, err := d.strict.Decode(raw, nil, nil)
	if err != nil {
		return nil, prefixed(who, err)
	}
	if ours {
		if err := d.schemas.validate(kind, tree.Object); err != nil {
			return nil, prefixed(who, err)
		}
	}
	object, ok := decoded.(client.Object)
	if !ok {
		return nil, prefixed(who, errors.New("is not an object"))
	}
	object.GetObjectKind().SetGroupVersionKind(kind)
	return object, prefixed(who, admit(object))
}

// checkNames refuses names that no API server accepts. They become file names.
func checkNames(o *unstructured.Unstructured, subdomain bool) error {
	path := field.NewPath("metadata", "name")
	if o.GetName() == "" {
		return field.Required(path, "")
	}
	wrong := content.IsPathSegmentName(o.GetName())
	if subdomain {
		wrong = validation.IsDNS1123Subdomain(o.GetName())
	}
	if o.GetNamespace() != "" && len(wrong) == 0 {
		path, wrong = field.NewPath("metadata", "namespace"), validation.IsDNS1123Label(o.GetNamespace())
	}
	if len(wrong) > 0 {
		return field.Invalid(path, field.OmitValueType{}, strings.Join(wrong, "; "))
	}
	return nil
}

// prefixed adds a prefix to each of the errors that err joins.
func prefixed(text string, err error) error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fmt.Errorf("%s%w", text, err)
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, prefixed(text, e))
	}
	return errors.Join(out...)
}
