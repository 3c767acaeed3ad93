package sut_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/dpslab/dpslab/internal/schematest"
	"github.com/dpslab/dpslab/suites/sut"
)

const secret = "c2VjcmV0"

func fileLookup(name string) (string, bool) {
	values := map[string]string{
		"KEY": secret, "TOKEN": "t-t", "HUB": "HostName=hub.test;SharedAccessKeyName=o;SharedAccessKey=" + secret,
		"SERVICE": "HostName=dps.test;SharedAccessKeyName=o;SharedAccessKey=" + secret,
	}
	v, ok := values[name]
	return v, ok
}

func TestSchemaAndParserAgree(t *testing.T) {
	schematest.Files(t, sut.Schema, func(text []byte) error {
		_, err := sut.Parse(text, 0o644, fileLookup)
		return err
	}, secret)
}

// property is one object of the schema.
type property struct {
	Description string              `json:"description"`
	Ref         string              `json:"$ref"`
	Properties  map[string]property `json:"properties"`
	Items       *property           `json:"items"`
}

func TestTheSchemaDescribesEveryField(t *testing.T) {
	var root struct {
		property
		Defs map[string]property `json:"$defs"`
	}
	if err := json.Unmarshal(sut.Schema, &root); err != nil {
		t.Fatal(err)
	}
	resolved := func(p property) property {
		if def, ok := root.Defs[strings.TrimPrefix(p.Ref, "#/$defs/")]; ok {
			if p.Description == "" {
				p.Description = def.Description
			}
			if p.Properties == nil {
				p.Properties = def.Properties
			}
		}
		return p
	}
	var compare func(at string, p property, of reflect.Type)
	compare = func(at string, p property, of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			if of.Kind() == reflect.Slice && p.Items != nil {
				p = resolved(*p.Items)
			}
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct {
			return
		}
		fields := map[string]reflect.Type{}
		for i := range of.NumField() {
			if name, _, _ := strings.Cut(of.Field(i).Tag.Get("yaml"), ","); name != "-" {
				fields[name] = of.Field(i).Type
			}
		}
		for name, kind := range fields {
			described, ok := p.Properties[name]
			if !ok {
				t.Errorf("the schema does not know %s.%s", at, name)
				continue
			}
			described = resolved(described)
			if described.Description == "" {
				t.Errorf("the schema does not say what %s.%s is", at, name)
			}
			compare(at+"."+name, described, kind)
		}
		for name := range p.Properties {
			if _, ok := fields[name]; !ok {
				t.Errorf("the schema has %s.%s, and no file may", at, name)
			}
		}
	}
	compare("", root.property, reflect.TypeFor[sut.Target]())
}
