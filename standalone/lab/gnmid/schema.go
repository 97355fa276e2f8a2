package gnmid

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// kind is what a schema node holds.
type kind int

const (
	container kind = iota
	list
	leaf
	leafList
)

// node is one node of the allow-list: what isn't in it doesn't exist.
type node struct {
	kind     kind
	children map[string]*node
	keys     []string // list keys, in the order of the YANG module
	check    check    // leaf and leaf-list
	ordered  bool     // list or leaf-list ordered by the user; others are kept sorted
}

// check turns a decoded JSON value into its canonical form, or says what was expected.
type check func(v any) (any, error)

type members map[string]*node

func box(m members) *node { return &node{kind: container, children: m} }

// config is a container with one "config" container in it, OpenConfig's usual shape.
func config(m members) *node { return box(members{"config": box(m)}) }

func rows(keys string, m members) *node {
	return &node{kind: list, keys: strings.Fields(keys), children: m}
}

func rowsInOrder(keys string, m members) *node {
	n := rows(keys, m)
	n.ordered = true
	return n
}

func one(c check) *node { return &node{kind: leaf, check: c} }

func many(c check) *node { return &node{kind: leafList, check: c} }

func manyInOrder(c check) *node { return &node{kind: leafList, check: c, ordered: true} }

// schemaRoot is the writable tree.
var schemaRoot = box(members{
	"network-instances": box(members{"network-instance": rows("name", members{
		"name":   one(text),
		"config": box(members{"name": one(text), "type": one(identity("DEFAULT_INSTANCE"))}),
		"protocols": box(members{"protocol": rows("identifier name", members{
			"identifier": one(identity("BGP")),
			"name":       one(text),
			"config":     box(members{"identifier": one(identity("BGP")), "name": one(text)}),
			"bgp":        bgpSchema(),
		})}),
	})}),
	"routing-policy": box(members{
		"defined-sets": box(members{
			"prefix-sets":      box(members{"prefix-set": prefixSetSchema()}),
			"bgp-defined-sets": definedSetsSchema(),
		}),
		"policy-definitions": box(members{"policy-definition": policySchema()}),
	}),
})

func bgpSchema() *node {
	neighborMembers := sessionSchema()
	neighborMembers["neighbor-address"] = one(ipAddress)
	neighborMembers["config"].children["neighbor-address"] = one(ipAddress)
	neighborMembers["config"].children["enabled"] = one(boolean)
	neighborMembers["config"].children["peer-group"] = one(text)
	groupMembers := sessionSchema()
	groupMembers["peer-group-name"] = one(text)
	groupMembers["config"].children["peer-group-name"] = one(text)
	return box(members{
		"global":      config(members{"as": one(unsigned(32)), "router-id": one(ipAddress)}),
		"neighbors":   box(members{"neighbor": rows("neighbor-address", neighborMembers)}),
		"peer-groups": box(members{"peer-group": rows("peer-group-name", groupMembers)}),
	})
}

// sessionSchema is what neighbors and peer groups share.
func sessionSchema() members {
	return members{
		"config": box(members{
			"peer-as": one(unsigned(32)), "local-as": one(unsigned(32)),
			"auth-password": one(text), "description": one(text),
		}),
		"timers":          config(members{"hold-time": one(unsigned(16)), "keepalive-interval": one(unsigned(16)), "connect-retry": one(unsigned(16))}),
		"transport":       config(members{"local-address": one(ipAddress), "passive-mode": one(boolean)}),
		"ebgp-multihop":   config(members{"enabled": one(boolean), "multihop-ttl": one(unsigned(8))}),
		"apply-policy":    applyPolicySchema(),
		"afi-safis":       box(members{"afi-safi": familySchema()}),
		"as-path-options": config(members{"allow-own-as": one(unsigned(8))}),
	}
}

func applyPolicySchema() *node {
	return config(members{
		"import-policy": manyInOrder(text), "export-policy": manyInOrder(text),
		"default-import-policy": one(enum("ACCEPT_ROUTE", "REJECT_ROUTE")),
		"default-export-policy": one(enum("ACCEPT_ROUTE", "REJECT_ROUTE")),
	})
}

func familySchema() *node {
	limit := func() *node {
		return box(members{"prefix-limit": config(members{
			"max-prefixes": one(unsigned(32)), "warning-threshold-pct": one(unsigned(8)), "prevent-teardown": one(boolean),
		})})
	}
	name := identity("IPV4_UNICAST", "IPV6_UNICAST")
	return rows("afi-safi-name", members{
		"afi-safi-name": one(name),
		"config":        box(members{"afi-safi-name": one(name), "enabled": one(boolean)}),
		"ipv4-unicast":  limit(),
		"ipv6-unicast":  limit(),
	})
}

func prefixSetSchema() *node {
	row := func() members { return members{"ip-prefix": one(ipPrefix), "masklength-range": one(maskRange)} }
	prefix := row()
	prefix["config"] = box(row())
	return rows("name", members{
		"name":     one(text),
		"config":   box(members{"name": one(text), "mode": one(enum("IPV4", "IPV6"))}),
		"prefixes": box(members{"prefix": rows("ip-prefix masklength-range", prefix)}),
	})
}

func definedSetsSchema() *node {
	return box(members{
		"community-sets": box(members{"community-set": rows("community-set-name", members{
			"community-set-name": one(text),
			"config": box(members{
				"community-set-name": one(text), "community-member": many(community), "match-set-options": one(enum("ANY", "ALL", "INVERT")),
			}),
		})}),
		"as-path-sets": box(members{"as-path-set": rows("as-path-set-name", members{
			"as-path-set-name": one(text),
			"config":           box(members{"as-path-set-name": one(text), "as-path-set-member": many(text)}),
		})}),
	})
}

func policySchema() *node {
	matchSet := func(set string) *node {
		return config(members{set: one(text), "match-set-options": one(enum("ANY", "ALL", "INVERT"))})
	}
	return rows("name", members{
		"name":   one(text),
		"config": box(members{"name": one(text)}),
		"statements": box(members{"statement": rowsInOrder("name", members{
			"name":   one(text),
			"config": box(members{"name": one(text)}),
			"conditions": box(members{
				"match-prefix-set": matchSet("prefix-set"),
				"bgp-conditions": box(members{
					"match-community-set": matchSet("community-set"),
					"match-as-path-set":   matchSet("as-path-set"),
					"as-path-length": config(members{
						"operator": one(identity("ATTRIBUTE_EQ", "ATTRIBUTE_GE", "ATTRIBUTE_LE")), "value": one(unsigned(32)),
					}),
				}),
			}),
			"actions": box(members{
				"config": box(members{"policy-result": one(enum("ACCEPT_ROUTE", "REJECT_ROUTE"))}),
				"bgp-actions": box(members{
					"config":              box(members{"set-local-pref": one(unsigned(32)), "set-med": one(med)}),
					"set-as-path-prepend": config(members{"repeat-n": one(unsigned(8)), "asn": one(unsigned(32))}),
					"set-community": box(members{
						"config": box(members{"method": one(enum("INLINE")), "options": one(enum("ADD", "REMOVE", "REPLACE"))}),
						"inline": config(members{"communities": many(community)}),
					}),
				}),
			}),
		})}),
	})
}

func text(v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("a string is expected")
	}
	return s, nil
}

func boolean(v any) (any, error) {
	b, ok := v.(bool)
	if !ok {
		return nil, fmt.Errorf("true or false is expected")
	}
	return b, nil
}

// unsigned refuses numbers in quotes: RFC 7951 §6.1 quotes 64-bit integers only.
func unsigned(bits int) check {
	return func(v any) (any, error) {
		n, ok := v.(json.Number)
		if !ok {
			return nil, fmt.Errorf("a number is expected")
		}
		if _, err := strconv.ParseUint(n.String(), 10, bits); err != nil {
			return nil, fmt.Errorf("a whole number of at most %d bits is expected", bits)
		}
		return n, nil
	}
}

func enum(names ...string) check {
	return func(v any) (any, error) {
		s, ok := v.(string)
		if !ok || !slices.Contains(names, s) {
			return nil, fmt.Errorf("one of %s is expected", strings.Join(names, ", "))
		}
		return s, nil
	}
}

var modulePrefix = regexp.MustCompile(`^[a-z][a-z0-9-]*:`)

// identity accepts a name with or without its module; the store keeps it without.
func identity(names ...string) check {
	plain := enum(names...)
	return func(v any) (any, error) {
		s, ok := v.(string)
		if !ok {
			return plain(v)
		}
		return plain(modulePrefix.ReplaceAllString(s, ""))
	}
}

func ipAddress(v any) (any, error) {
	s, _ := v.(string)
	a, err := netip.ParseAddr(s)
	if err != nil {
		return nil, fmt.Errorf("an IP address is expected")
	}
	return a.String(), nil
}

func ipPrefix(v any) (any, error) {
	s, _ := v.(string)
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Masked() != p {
		return nil, fmt.Errorf("a prefix without host bits is expected")
	}
	return p.String(), nil
}

var maskRangePattern = regexp.MustCompile(`^(exact|\d{1,3}\.\.\d{1,3})$`)

func maskRange(v any) (any, error) {
	s, ok := v.(string)
	if !ok || !maskRangePattern.MatchString(s) {
		return nil, fmt.Errorf("exact or a range such as 16..24 is expected")
	}
	return s, nil
}

var communityPattern = regexp.MustCompile(`^(\d{1,5}:\d{1,5}|NO_EXPORT|NO_ADVERTISE|NO_EXPORT_SUBCONFED)$`)

// community is a standard community; a bare number (RFC 1997 as one integer) isn't implemented.
func community(v any) (any, error) {
	s, _ := v.(string)
	if rest, ok := strings.CutPrefix(s, "openconfig-bgp-types:"); ok {
		s = rest
	}
	if !communityPattern.MatchString(s) {
		return nil, fmt.Errorf("a community such as 64500:100 is expected")
	}
	return s, nil
}

func med(v any) (any, error) {
	if _, err := unsigned(32)(v); err != nil {
		return nil, fmt.Errorf("a number is expected")
	}
	return v, nil
}
