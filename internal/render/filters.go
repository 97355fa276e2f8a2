package render

import (
	"strings"

	"peerflow/internal/jinja"
)

// filters are Peering Manager's, and our own. They replace Jinja2's of the same name: length, count and indent.
var filters = map[string]jinja.Filter{
	"safe_string": filterSafeString, "quote": filterQuote, "indent": filterIndent, "as_json": filterAsJSON, "as_yaml": filterAsYAML,
	"tags": filterTags, "has_tag": hasTag(true), "has_not_tag": hasTag(false), "inherited_status": filterInheritedStatus,
	"ipv4": parsedAddress(4), "ipv6": parsedAddress(6), "ip": filterIP, "ip_version": filterIPVersion, "mac": filterMAC, "local_ips": filterLocalIPs,
	"length": filterLength, "len": filterLength, "count": filterLength,
	"filter": filterFilter, "get": filterGet, "unique_items": filterUniqueItems, "iterate": filterIterate,
	"ixps": filterIXPs, "shared_ixps": filterSharedIXPs, "shared_facilities": filterSharedFacilities, "missing_sessions": filterMissingSessions,
	"prefix_list": filterPrefixList, "as_list": filterASList, "strip_irr_sources": filterStripIRRSources, "relationships": filterRelationships,
	"direct_sessions": filterDirectSessions, "ixp_sessions": filterIXPSessions, "sessions": filterSessions, "route_server": filterRouteServer,
	"max_prefix": filterMaxPrefix, "connections": filterConnections, "direct_peers": filterDirectPeers, "ixp_peers": filterIXPPeers, "bfds": filterBFDs,
	"communities": filterCommunities, "merge_communities": filterMergeCommunities, "contact": filterContact,
	"iter_export_policies": iterPolicies("iter_export_policies", true), "iter_import_policies": iterPolicies("iter_import_policies", false),
	"merge_export_policies": mergePolicies("merge_export_policies", true), "merge_import_policies": mergePolicies("merge_import_policies", false),
	"routing_policies": filterRoutingPolicies,
	"context_has_key":  contextHasKey(true), "context_has_not_key": contextHasKey(false), "context_get_key": filterContextGetKey,
	"cisco_password": filterType7, "arista_password": filterType7, "cipher": filterCipher,
	// Ours.
	"label": filterLabel, "integer": filterInteger, "digest": filterDigest, "prefix_range": filterPrefixRange,
}

// invalidInput is what a filter says of a value it isn't for. An undefined value says itself what is missing.
func invalidInput(s *jinja.State, in jinja.Value, format string, args ...any) error {
	if _, undefined := in.(*jinja.Undefined); undefined {
		_, err := s.Attr(in, "value")
		return err
	}
	return jinja.Errorf(jinja.ValueErr, format, args...)
}

// name is a value as a message shows it.
func name(v jinja.Value) string {
	if row, ok := v.(object); ok {
		return row.String()
	}
	return "a value of type " + v.TypeName()
}

// textOf takes text and nothing else.
func textOf(s *jinja.State, v jinja.Value, otherwise string) (string, error) {
	switch v := v.(type) {
	case jinja.Str:
		return string(v), nil
	case jinja.Markup:
		return string(v), nil
	}
	return "", invalidInput(s, v, "%s, and not %s", otherwise, name(v))
}

// textArgs binds arguments that are text. A parameter that ends with ? may be left out, and is "" then.
func textArgs(s *jinja.State, a jinja.Args, fn string, params ...string) ([]string, error) {
	bound, err := a.Bind(fn, params...)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(bound))
	for i, v := range bound {
		if v == nil {
			continue
		}
		if out[i], err = textOf(s, v, fn+"() takes text for "+strings.TrimSuffix(params[i], "?")); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// number binds to a whole number, or to what stands for one that was left out.
func numberOr(v jinja.Value, byDefault int) int {
	if n, ok := v.(jinja.Int); ok {
		return int(n)
	}
	return byDefault
}

// truthOr is the truth of an argument, or what holds when it was left out.
func truthOr(s *jinja.State, v jinja.Value, byDefault bool) (bool, error) {
	if v == nil {
		return byDefault, nil
	}
	return s.Truth(v)
}

// getattr is Python's: an attribute of a record or value of ours. Lists and dicts of templates have none that are of use here.
func getattr(v jinja.Value, attr string) (jinja.Value, bool) {
	if row, ok := v.(jinja.Object); ok {
		return row.Attr(attr)
	}
	return nil, false
}

// fieldOf is an attribute that has to be there.
func fieldOf(v jinja.Value, attr string) (jinja.Value, error) {
	if found, ok := getattr(v, attr); ok {
		return found, nil
	}
	return nil, jinja.Errorf(jinja.AttributeErr, "'%s' object has no attribute '%s'%s", v.TypeName(), attr, nearField(v, attr))
}

// pluck gives records, or with a field that field of each.
func pluck[T jinja.Value](list []T, field string) (*jinja.List, error) {
	out := listOf(list)
	if field == "" {
		return out, nil
	}
	for i, row := range out.Items {
		v, err := fieldOf(row, field)
		if err != nil {
			return nil, err
		}
		out.Items[i] = v
	}
	return out, nil
}
