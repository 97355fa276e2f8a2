package api

import (
	"maps"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"peerflow/internal/bgp"
)

// describeTypes tells OpenAPI what types with a text of their own look like.
func describeTypes(r huma.Registry) {
	r.RegisterTypeAlias(reflect.TypeFor[bgp.PrefixLimit](), reflect.TypeFor[prefixLimitSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[bgp.Family](), reflect.TypeFor[familySchema]())
	r.RegisterTypeAlias(reflect.TypeFor[[]bgp.Family](), reflect.TypeFor[familiesSchema]()) // else taken for bytes
	r.RegisterTypeAlias(reflect.TypeFor[huma.ErrorModel](), reflect.TypeFor[Problem]())
	r.RegisterTypeAlias(reflect.TypeFor[bgp.ASN](), reflect.TypeFor[asnSchema]())
}

type prefixLimitSchema struct{}

func (prefixLimitSchema) Schema(huma.Registry) *huma.Schema {
	least := 1.0
	return &huma.Schema{Description: "most prefixes in this family: a count, \"unlimited\", or null to inherit", OneOf: []*huma.Schema{
		{Type: "integer", Minimum: &least}, {Type: "string", Enum: []any{"unlimited"}}, {Type: "null"}}}
}

type familySchema struct{}

func (familySchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "string", Enum: []any{"ipv4", "ipv6"}}
}

type familiesSchema struct{}

func (familiesSchema) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "array", Items: familySchema{}.Schema(r)}
}

type asnSchema struct{}

func (asnSchema) Schema(huma.Registry) *huma.Schema {
	least, most := 0.0, 4294967295.0
	return &huma.Schema{Type: "integer", Format: "int64", Minimum: &least, Maximum: &most, Description: "AS number"}
}

// describeBody says what a raw body looks like: the record without what is set
// here, and nothing of it required, since defaults fill the rest.
func (s *server) describeBody(b *huma.RequestBody, o operation) {
	schemas := s.api.OpenAPI().Components.Schemas
	ref := schemas.Schema(reflect.TypeOf(o.body), true, "")
	whole := schemas.SchemaFromRef(ref.Ref)
	written := &huma.Schema{Type: "object", Properties: maps.Clone(whole.Properties), AdditionalProperties: false}
	for _, name := range []string{"id", "version", "created_at", "updated_at"} {
		delete(written.Properties, name)
	}
	if o.versioned {
		written.Properties["id"], written.Properties["version"] = whole.Properties["id"], whole.Properties["version"]
		written.Required = []string{"id", "version"}
	}
	for _, media := range b.Content {
		media.Schema = written
		if o.list {
			most := mostItems
			media.Schema = &huma.Schema{Type: "array", Items: written, MaxItems: &most}
		}
	}
}
