package render

import (
	"cmp"
	"slices"

	"peerflow/internal/bgp"
	"peerflow/internal/jinja"
)

// applier is what policies and communities are set on.
type applier interface{ applied() *Applied }

func (a *Applied) applied() *Applied { return a }

// applied are the fields of what has policies and communities.
func applied[T applier]() fields[T] {
	return fields[T]{
		"import_routing_policies": func(r T) jinja.Value { return manager("RoutingPolicy", r.applied().Import) },
		"export_routing_policies": func(r T) jinja.Value { return manager("RoutingPolicy", r.applied().Export) },
		"communities":             func(r T) jinja.Value { return manager("Community", r.applied().Communities) },
		"import_policies": func(r T) jinja.Value {
			return method("import_policies", func() jinja.Value { return rows("RoutingPolicy", r.applied().Import) })
		},
		"export_policies": func(r T) jinja.Value {
			return method("export_policies", func() jinja.Value { return rows("RoutingPolicy", r.applied().Export) })
		},
		"policies": func(r T) jinja.Value {
			return method("policies", func() jinja.Value { return rows("RoutingPolicy", r.applied().both()) })
		},
	}
}

// both are the policies that are set for import and for export.
func (a *Applied) both() []*RoutingPolicy {
	return slices.DeleteFunc(slices.Clone(a.Export), func(p *RoutingPolicy) bool { return !slices.Contains(a.Import, p) })
}

func (a *Applied) sort() {
	slices.SortStableFunc(a.Import, byPolicy)
	slices.SortStableFunc(a.Export, byPolicy)
	slices.SortStableFunc(a.Communities, byCommunity)
}

// of gives the policies of one direction.
func (a *Applied) of(export bool) []*RoutingPolicy {
	if export {
		return a.Export
	}
	return a.Import
}

// merged is what can be asked for its policies together with those it inherits.
type merged interface {
	mergedPolicies(export bool) []*RoutingPolicy
}

// mergedMethods are the fields of what has merged policies.
func mergedMethods[T merged]() fields[T] {
	return fields[T]{
		"merged_import_policies": func(r T) jinja.Value { return mergedMethod("merged_import_policies", r, false) },
		"merged_export_policies": func(r T) jinja.Value { return mergedMethod("merged_export_policies", r, true) },
	}
}

func mergedMethod(name string, r merged, export bool) jinja.Value {
	return &jinja.Func{Name: name, Fn: func(s *jinja.State, a jinja.Args) (jinja.Value, error) {
		args, err := a.Bind(name, "reverse?")
		if err != nil || args[0] == nil {
			return listOf(r.mergedPolicies(export)), err
		}
		reverse, err := s.Truth(args[0])
		return mergedList(r, export, reverse), err
	}}
}

func mergedList(r merged, export, reverse bool) *jinja.List {
	policies := r.mergedPolicies(export)
	if reverse {
		policies = slices.Clone(policies)
		slices.Reverse(policies)
	}
	return listOf(policies)
}

// listOf is a Python list of records, to which a template may add.
func listOf[T jinja.Value](list []T) *jinja.List { return jinja.NewList(values(list)...) }

var policyFields = featured[*RoutingPolicy]().with(fields[*RoutingPolicy]{
	"name":           func(p *RoutingPolicy) jinja.Value { return jinja.Str(p.Name) },
	"slug":           func(p *RoutingPolicy) jinja.Value { return jinja.Str(p.Slug) },
	"type":           func(p *RoutingPolicy) jinja.Value { return jinja.Str(p.Type) },
	"weight":         func(p *RoutingPolicy) jinja.Value { return jinja.Int(p.Weight) },
	"address_family": func(p *RoutingPolicy) jinja.Value { return jinja.Int(p.Family) },
	"communities":    func(p *RoutingPolicy) jinja.Value { return manager("Community", p.Communities) },
	// Ours.
	"identifier": func(p *RoutingPolicy) jinja.Value { return jinja.Str(identifier(p.Slug)) },
	"direction":  func(p *RoutingPolicy) jinja.Value { return jinja.Str(p.direction()) },
	"family":     func(p *RoutingPolicy) jinja.Value { return familyName(p.Family) },
})

var policyNoun = describe("RoutingPolicy", policyFields, storedAlways+"name slug type weight address_family communities")

func (*RoutingPolicy) noun() *noun                            { return policyNoun }
func (*RoutingPolicy) TypeName() string                       { return "RoutingPolicy" }
func (p *RoutingPolicy) String() string                       { return p.Name }
func (p *RoutingPolicy) Repr() string                         { return reprOf(p) }
func (p *RoutingPolicy) Attr(name string) (jinja.Value, bool) { return policyFields.of(p, name) }
func (p *RoutingPolicy) rank(other jinja.Value) int {
	q, _ := other.(*RoutingPolicy)
	return nullsLast(p, q, byPolicy)
}

// byPolicy is the order in which policies apply: more weight first, then by name.
func byPolicy(a, b *RoutingPolicy) int {
	return cmp.Or(cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.Name, b.Name), byID(a, b))
}

func byPolicyName(a, b *RoutingPolicy) int { return cmp.Or(cmp.Compare(a.Name, b.Name), byID(a, b)) }

func (p *RoutingPolicy) direction() string {
	switch p.Type {
	case "export-policy":
		return "export"
	case "import-policy":
		return "import"
	}
	return "both"
}

func (p *RoutingPolicy) covers(family int) bool { return p.Family == 0 || p.Family == family }

// familyName is a family as our own templates know it; None for both.
func familyName(family int) jinja.Value {
	switch family {
	case 4:
		return jinja.Str("ipv4")
	case 6:
		return jinja.Str("ipv6")
	}
	return jinja.None
}

var communityFields = featured[*Community]().with(fields[*Community]{
	"name":  func(c *Community) jinja.Value { return jinja.Str(c.Name) },
	"slug":  func(c *Community) jinja.Value { return jinja.Str(c.Slug) },
	"value": func(c *Community) jinja.Value { return jinja.Str(c.Value) },
	"type":  func(c *Community) jinja.Value { return text(c.Type) },
	"kind":  func(c *Community) jinja.Value { return text(bgp.CommunityKind(c.Value)) },
})

var communityNoun = describe("Community", communityFields, storedAlways+"name slug value type")

func (*Community) noun() *noun                            { return communityNoun }
func (*Community) TypeName() string                       { return "Community" }
func (c *Community) String() string                       { return c.Name }
func (c *Community) Repr() string                         { return reprOf(c) }
func (c *Community) Attr(name string) (jinja.Value, bool) { return communityFields.of(c, name) }

func byCommunity(a, b *Community) int {
	return cmp.Or(cmp.Compare(a.Value, b.Value), cmp.Compare(a.Name, b.Name), byID(a, b))
}
