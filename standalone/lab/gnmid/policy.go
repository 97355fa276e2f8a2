package gnmid

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/osrg/gobgp/v4/api"
)

// GoBGP has one import and one export policy for its table. OpenConfig has a
// chain per neighbor. So each chain becomes statements that first match the
// neighbors which use it; neighbors with equal chains share them. What no
// statement decides is rejected, as RFC 8212 asks.
const (
	importAll = "all-imports"
	exportAll = "all-exports"
)

// assignPolicies sets the two table policies once; later loads replace their statements.
func (s *speaker) assignPolicies(ctx context.Context) error {
	if err := s.setPolicies(ctx, &compiler{}); err != nil {
		return err
	}
	for name, d := range map[string]api.PolicyDirection{importAll: api.PolicyDirection_POLICY_DIRECTION_IMPORT, exportAll: api.PolicyDirection_POLICY_DIRECTION_EXPORT} {
		err := s.bgp.AddPolicyAssignment(ctx, &api.AddPolicyAssignmentRequest{Assignment: &api.PolicyAssignment{
			Name: "global", Direction: d, DefaultAction: api.RouteAction_ROUTE_ACTION_REJECT,
			Policies: []*api.Policy{{Name: name}},
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// applyPolicies replaces all policies at once, and reports whether anything moved.
func (s *speaker) applyPolicies(ctx context.Context, root tree, next map[netip.Addr]session) (bool, error) {
	c, err := compile(root, next)
	if err != nil {
		return false, err
	}
	raw, err := json.Marshal([]any{c.sets, c.imports, c.exports})
	if err != nil {
		return false, err
	}
	if s.chains == string(raw) {
		return false, nil
	}
	if err := s.setPolicies(ctx, c); err != nil {
		return false, err
	}
	s.chains = string(raw)
	return true, nil
}

func (s *speaker) setPolicies(ctx context.Context, c *compiler) error {
	local := &api.Statement{
		Name:       "own-routes",
		Conditions: &api.Conditions{RouteType: api.Conditions_ROUTE_TYPE_LOCAL},
		Actions:    &api.Actions{RouteAction: api.RouteAction_ROUTE_ACTION_ACCEPT},
	}
	rest := func(name string) *api.Statement {
		return &api.Statement{Name: name, Actions: &api.Actions{RouteAction: api.RouteAction_ROUTE_ACTION_REJECT}}
	}
	return s.bgp.SetPolicies(ctx, &api.SetPoliciesRequest{
		DefinedSets: c.sets,
		Policies: []*api.Policy{
			{Name: importAll, Statements: slices.Concat([]*api.Statement{local}, c.imports, []*api.Statement{rest("no-import")})},
			{Name: exportAll, Statements: slices.Concat(c.exports, []*api.Statement{rest("no-export")})},
		},
	})
}

// compiler collects defined sets and statements.
type compiler struct {
	policies map[string]conf
	sets     []*api.DefinedSet
	imports  []*api.Statement
	exports  []*api.Statement
}

func compile(root tree, next map[netip.Addr]session) (*compiler, error) {
	c := &compiler{policies: map[string]conf{}}
	for _, p := range policyDefinitions(root) {
		c.policies[p.text("name")] = p
	}
	if err := c.addSets(root); err != nil {
		return nil, err
	}
	c.imports = c.chains("in", next, func(p policyPart) (string, bool) { return p.imports, p.importsPass })
	c.exports = c.chains("out", next, func(p policyPart) (string, bool) { return p.exports, p.exportsPass })
	return c, nil
}

// chains makes the statements of one direction, chain by chain.
func (c *compiler) chains(direction string, next map[netip.Addr]session, pick func(policyPart) (string, bool)) []*api.Statement {
	users := map[string][]string{}
	for a, s := range next {
		names, pass := pick(s.policy)
		key := fmt.Sprintf("%v %s", pass, names)
		users[key] = append(users[key], netip.PrefixFrom(a, a.BitLen()).String())
	}
	var out []*api.Statement
	for i, key := range sortedKeys(users) {
		slices.Sort(users[key])
		set := fmt.Sprintf("%s-%d", direction, i)
		c.sets = append(c.sets, &api.DefinedSet{DefinedType: api.DefinedType_DEFINED_TYPE_NEIGHBOR, Name: set, List: users[key]})
		fields := strings.Fields(key)
		out = append(out, c.chain(set, fields[1:], fields[0] == "true")...)
	}
	return out
}

func (c *compiler) chain(set string, names []string, pass bool) []*api.Statement {
	var out []*api.Statement
	for i, name := range names {
		for j, s := range c.policies[name].at("statements").rows("statement") {
			out = append(out, statement(fmt.Sprintf("%s/%d/%s/%d", set, i, name, j), set, s))
		}
	}
	end := api.RouteAction_ROUTE_ACTION_REJECT
	if pass {
		end = api.RouteAction_ROUTE_ACTION_ACCEPT
	}
	return append(out, &api.Statement{
		Name: set + "/default", Conditions: &api.Conditions{NeighborSet: neighbors(set)}, Actions: &api.Actions{RouteAction: end},
	})
}

func neighbors(set string) *api.MatchSet {
	return &api.MatchSet{Type: api.MatchSet_TYPE_ANY, Name: set}
}

func statement(name, set string, s conf) *api.Statement {
	conditions := s.at("conditions")
	bgp := conditions.at("bgp-conditions")
	out := &api.Statement{Name: name, Conditions: &api.Conditions{
		NeighborSet:  neighbors(set),
		PrefixSet:    match(conditions.at("match-prefix-set", "config"), "prefix-set"),
		CommunitySet: match(bgp.at("match-community-set", "config"), "community-set"),
		AsPathSet:    match(bgp.at("match-as-path-set", "config"), "as-path-set"),
	}, Actions: actions(s.at("actions"))}
	if l := bgp.at("as-path-length", "config"); l.has("value") {
		out.Conditions.AsPathLength = &api.AsPathLength{Type: comparisons[l.text("operator")], Length: l.number("value")}
	}
	return out
}

var comparisons = map[string]api.Comparison{
	"ATTRIBUTE_EQ": api.Comparison_COMPARISON_EQ, "ATTRIBUTE_GE": api.Comparison_COMPARISON_GE, "ATTRIBUTE_LE": api.Comparison_COMPARISON_LE,
}

func match(c conf, leaf string) *api.MatchSet {
	if c.text(leaf) == "" {
		return nil
	}
	types := map[string]api.MatchSet_Type{"ALL": api.MatchSet_TYPE_ALL, "INVERT": api.MatchSet_TYPE_INVERT}
	t, ok := types[c.text("match-set-options")]
	if !ok {
		t = api.MatchSet_TYPE_ANY // the YANG default
	}
	return &api.MatchSet{Type: t, Name: c.text(leaf)}
}

func actions(a conf) *api.Actions {
	out := &api.Actions{}
	switch a.at("config").text("policy-result") {
	case "ACCEPT_ROUTE":
		out.RouteAction = api.RouteAction_ROUTE_ACTION_ACCEPT
	case "REJECT_ROUTE":
		out.RouteAction = api.RouteAction_ROUTE_ACTION_REJECT
	}
	bgp := a.at("bgp-actions")
	if c := bgp.at("config"); c.has("set-local-pref") {
		out.LocalPref = &api.LocalPrefAction{Value: c.number("set-local-pref")}
	}
	if c := bgp.at("config"); c.has("set-med") {
		out.Med = &api.MedAction{Type: api.MedAction_TYPE_REPLACE, Value: int64(c.number("set-med"))}
	}
	if c := bgp.at("set-as-path-prepend", "config"); c.number("repeat-n") > 0 {
		out.AsPrepend = &api.AsPrependAction{Asn: c.number("asn"), Repeat: c.number("repeat-n")}
	}
	if c := bgp.at("set-community"); c.has("inline") {
		types := map[string]api.CommunityAction_Type{"ADD": api.CommunityAction_TYPE_ADD, "REMOVE": api.CommunityAction_TYPE_REMOVE, "REPLACE": api.CommunityAction_TYPE_REPLACE}
		out.Community = &api.CommunityAction{Type: types[c.at("config").text("options")], Communities: c.at("inline", "config").texts("communities")}
	}
	return out
}

func (c *compiler) addSets(root tree) error {
	for _, set := range prefixSets(root) {
		prefixes, err := setPrefixes(set)
		if err != nil {
			return err
		}
		c.sets = append(c.sets, &api.DefinedSet{DefinedType: api.DefinedType_DEFINED_TYPE_PREFIX, Name: set.text("name"), Prefixes: prefixes})
	}
	for _, set := range communitySets(root) {
		c.sets = append(c.sets, &api.DefinedSet{DefinedType: api.DefinedType_DEFINED_TYPE_COMMUNITY, Name: set.text("community-set-name"), List: set.at("config").texts("community-member")})
	}
	for _, set := range asPathSets(root) {
		c.sets = append(c.sets, &api.DefinedSet{DefinedType: api.DefinedType_DEFINED_TYPE_AS_PATH, Name: set.text("as-path-set-name"), List: set.at("config").texts("as-path-set-member")})
	}
	return nil
}

func setPrefixes(set conf) ([]*api.Prefix, error) {
	var out []*api.Prefix
	for _, row := range set.at("prefixes").rows("prefix") {
		p, err := netip.ParsePrefix(row.text("ip-prefix"))
		if err != nil {
			return nil, err
		}
		if mode := set.at("config").text("mode"); mode == "IPV4" && !p.Addr().Is4() || mode == "IPV6" && !p.Addr().Is6() {
			return nil, fmt.Errorf("prefix %s doesn't fit the set's mode", p)
		}
		low, high, err := maskBounds(p, row.text("masklength-range"))
		if err != nil {
			return nil, err
		}
		out = append(out, &api.Prefix{IpPrefix: p.String(), MaskLengthMin: low, MaskLengthMax: high})
	}
	return out, nil
}

func maskBounds(p netip.Prefix, text string) (low, high uint32, err error) {
	if text == "exact" {
		return uint32(p.Bits()), uint32(p.Bits()), nil
	}
	if _, err := fmt.Sscanf(text, "%d..%d", &low, &high); err != nil {
		return 0, 0, err
	}
	if int(low) < p.Bits() || low > high || int(high) > p.Addr().BitLen() {
		return 0, 0, fmt.Errorf("mask length range %s doesn't fit %s", text, p)
	}
	return low, high, nil
}
