// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	runtimeschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/altcos/cluster-api-provider-altcos/config/crd"
)

// schemas are the definitions that an API server would check our kinds against.
type schemas map[runtimeschema.GroupVersionKind]*apiextensionsv1.JSONSchemaProps

func loadSchemas() (schemas, error) {
	files, err := fs.Glob(crd.Bases, "bases/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("find definitions: %w", err)
	}
	loaded := schemas{}
	for _, name := range files {
		data, err := fs.ReadFile(crd.Bases, name)
		if err != nil {
			return nil, fmt.Errorf("read definition: %w", err)
		}
		definition := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.Unmarshal(data, definition); err != nil {
			return nil, fmt.Errorf("read definition %q: %w", name, err)
		}
		for _, v := range definition.Spec.Versions {
			kind := runtimeschema.GroupVersionKind{Group: definition.Spec.Group, Version: v.Name, Kind: definition.Spec.Names.Kind}
			loaded[kind] = v.Schema.OpenAPIV3Schema
		}
	}
	return loaded, nil
}

// validate checks an object against its schema and rules. Errors have field paths.
func (s schemas) validate(kind runtimeschema.GroupVersionKind, object map[string]any) error {
	props := &apiextensions.JSONSchemaProps{}
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(s[kind], props, nil); err != nil {
		return fmt.Errorf("convert definition: %w", err)
	}
	validator, _, err := validation.NewSchemaValidator(props)
	if err != nil {
		return fmt.Errorf("compile definition: %w", err)
	}
	problems := validation.ValidateCustomResource(nil, object, validator)
	if len(problems) == 0 { // rules may assume that types are right
		structural, err := schema.NewStructural(props)
		if err != nil {
			return fmt.Errorf("compile definition: %w", err)
		}
		if rules := cel.NewValidator(structural, true, celconfig.PerCallLimit); rules != nil {
			problems, _ = rules.Validate(context.Background(), nil, structural, object, nil, celconfig.RuntimeCELCostBudget)
		}
	}
	return joined(problems)
}

func joined(list field.ErrorList) error {
	var errs []error
	for _, err := range list {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
