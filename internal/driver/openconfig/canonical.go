package openconfig

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// listKeys are the lists inside stanzas, and their keys.
var listKeys = map[string][]string{
	"afi-safi":  {"afi-safi-name"},
	"statement": {"name"},
	"prefix":    {"ip-prefix", "masklength-range"},
}

// userOrdered lists and leaf-lists keep the order in which they are written
// ("ordered-by user" in YANG); routers may sort the others, and so do we.
var userOrdered = map[string]bool{"statement": true, "import-policy": true, "export-policy": true}

// defaults are leaves which routers show whether or not anybody set them, with
// their YANG defaults: setting them says nothing, so canonical text omits them.
var defaults = map[string]any{
	"enabled:neighbor-address": true, // of a neighbor, not of a family, whose default is false
	"default-import-policy":    "REJECT_ROUTE",
	"default-export-policy":    "REJECT_ROUTE",
	"prevent-teardown":         false,
	"send-community":           "NONE",
	"replace-peer-as":          false,
	"match-set-options":        "ANY",
}

// canonical gives a list entry its one form: no module names, no state, no
// defaults, no empty containers, keys both beside and in config, and sorted
// wherever the order says nothing. Its result shares nothing with its argument.
func canonical(raw map[string]any, keys ...string) map[string]any {
	entry := canonicalObject(raw)
	fillKeys(entry, keys)
	return canonicalObject(entry) // again: what is a default may depend on a key
}

func canonicalObject(raw map[string]any) map[string]any {
	out := make(map[string]any, len(raw))
	for qualified, v := range raw {
		name := bare(qualified)
		if name == "state" {
			continue
		}
		if c := canonicalValue(name, v); c != nil && !isDefault(raw, name, c) {
			out[name] = c
		}
	}
	return out
}

// canonicalValue is nil for what is empty.
func canonicalValue(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		if out := canonicalObject(v); len(out) > 0 {
			return out
		}
		return nil
	case []any:
		return canonicalList(name, v)
	case string:
		if name == "description" || name == "auth-password" {
			return v
		}
		return bareIdentity(v)
	}
	return v
}

func canonicalList(name string, values []any) any {
	if len(values) == 0 {
		return nil
	}
	out := make([]any, 0, len(values))
	for _, v := range values {
		c := canonicalValue(name, v)
		if row, ok := c.(map[string]any); ok {
			fillKeys(row, listKeys[name])
		}
		if c != nil {
			out = append(out, c)
		}
	}
	if !userOrdered[name] {
		slices.SortStableFunc(out, func(a, b any) int { return cmp.Compare(sortKey(name, a), sortKey(name, b)) })
	}
	return out
}

func sortKey(list string, v any) string {
	row, ok := v.(map[string]any)
	if !ok {
		return fmt.Sprint(v)
	}
	var parts []string
	for _, k := range listKeys[list] {
		parts = append(parts, fmt.Sprint(row[k]))
	}
	return strings.Join(parts, " ")
}

// fillKeys writes each key beside config and into it, from where it stands.
func fillKeys(row map[string]any, keys []string) {
	for _, k := range keys {
		config, _ := row["config"].(map[string]any)
		if config == nil {
			config = map[string]any{}
			row["config"] = config
		}
		if v, ok := row[k]; ok {
			config[k] = v
		} else if v, ok := config[k]; ok {
			row[k] = v
		}
	}
}

func isDefault(in map[string]any, name string, v any) bool {
	if name == "enabled" {
		_, ofNeighbor := in["neighbor-address"]
		return ofNeighbor && v == defaults["enabled:neighbor-address"]
	}
	d, known := defaults[name]
	return known && v == d
}

// bare removes a module name from a member name.
func bare(name string) string {
	if _, after, ok := strings.Cut(name, ":"); ok {
		return after
	}
	return name
}

var identityPattern = regexp.MustCompile(`^openconfig-[a-z0-9-]+:([A-Z][A-Z0-9_]*)$`)

func bareIdentity(v string) string {
	if m := identityPattern.FindStringSubmatch(v); m != nil {
		return m[1]
	}
	return v
}

// identityModule is where RFC 7951 §6.8 asks for an identity's module.
var identityModule = map[string]string{
	"afi-safi-name":    "openconfig-bgp-types",
	"operator":         "openconfig-policy-types",
	"community-member": "openconfig-bgp-types",
	"communities":      "openconfig-bgp-types",
}

// augmented are members of another module than their parent.
var augmented = map[string]string{"bgp-conditions": "openconfig-bgp-policy", "bgp-actions": "openconfig-bgp-policy"}

var identityName = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

// qualified is a canonical value as it is sent: with modules where the standard asks for them.
func qualified(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for n, x := range v {
			member := n
			if m, ok := augmented[n]; ok {
				member = m + ":" + n
			}
			out[member] = qualified(n, x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = qualified(name, x)
		}
		return out
	case string:
		if m, ok := identityModule[name]; ok && identityName.MatchString(v) {
			return m + ":" + v
		}
	}
	return v
}
