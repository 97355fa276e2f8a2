package render

import (
	"slices"
	"strings"

	"peerflow/internal/jinja"
)

// families are those that Peering Manager's filters take for one: 0 is that of policies for both.
var families = []int{0, 4, 6}

// ofFamilies keeps the policies that are for a family or for both; any other number keeps all.
func ofFamilies(policies []*RoutingPolicy, family int) []*RoutingPolicy {
	if !slices.Contains(families, family) {
		return policies
	}
	return only(policies, func(p *RoutingPolicy) bool { return p.covers(family) })
}

// iterPolicies gives the policies that are set on something itself, or a field of each.
func iterPolicies(filter string, export bool) jinja.Filter {
	return func(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
		own, ok := in.(applier)
		if !ok {
			return nil, invalidInput(s, in, "%s: %s has no policies", filter, name(in))
		}
		return chosen(s, a, filter, own.applied().of(export))
	}
}

// chosen are policies by the arguments field and family.
func chosen(s *jinja.State, a jinja.Args, filter string, policies []*RoutingPolicy) (jinja.Value, error) {
	bound, err := a.Bind(filter, "field?", "family?")
	if err != nil {
		return nil, err
	}
	field := ""
	if bound[0] != nil {
		if field, err = textOf(s, bound[0], "field must be a string"); err != nil {
			return nil, err
		}
	}
	return pluck(ofFamilies(policies, numberOr(bound[1], -1)), field)
}

// mergePolicies gives the policies of a session with those it inherits, most specific first, or those of an exchange.
func mergePolicies(filter string, export bool) jinja.Filter {
	return func(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
		bound, err := a.Bind(filter, "order?")
		if err != nil {
			return nil, err
		}
		from, ok := in.(merged)
		if !ok {
			return nil, invalidInput(s, in, "%s: %s has no merged policies: take a session or an exchange", filter, name(in))
		}
		return mergedList(from, export, bound[0] == jinja.Str("reverse")), nil
	}
}

func filterRoutingPolicies(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	r, err := routerOnly(s, in)
	if err != nil {
		return nil, err
	}
	return chosen(s, a, "routing_policies", r.policyList())
}

// communitiesOf are those set on something itself; none where there can't be any.
func communitiesOf(in jinja.Value) (list []*Community, ok bool) {
	switch v := in.(type) {
	case applier:
		return v.applied().Communities, true
	case *RoutingPolicy:
		return v.Communities, true
	case *RouterRecord:
		return v.Communities, true
	}
	return nil, false
}

func filterCommunities(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	field, err := textArgs(s, a, "communities", "field?")
	if err != nil {
		return nil, err
	}
	if _, undefined := in.(*jinja.Undefined); undefined {
		return nil, invalidInput(s, in, "")
	}
	all, ok := communitiesOf(in)
	if !ok || field[0] != "" {
		return pluck(all, field[0])
	}
	return rows("Community", all), nil
}

func filterMergeCommunities(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	if session, ok := in.(*Session); ok {
		return listOf(session.mergedCommunities()), none("merge_communities", a)
	}
	return filterCommunities(s, in, a)
}

// filterContact is the first contact in a role, or a field of it; None when there is none.
func filterContact(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	args, err := textArgs(s, a, "contact", "role", "field?")
	if err != nil {
		return nil, err
	}
	var contacts []*ContactAssignment
	switch v := in.(type) {
	case *AutonomousSystem:
		contacts = v.Contacts
	case *InternetExchange:
		contacts = v.Contacts
	case *Session:
		contacts = v.AS.Contacts
	default:
		return nil, invalidInput(s, in, "%s has no contacts", name(in))
	}
	for _, c := range inOrder(contacts, byContact) {
		switch {
		case c.Role == nil || !strings.EqualFold(c.Role.Name, args[0]):
		case args[1] == "":
			return c.Contact, nil
		default:
			return fieldOf(c.Contact, args[1])
		}
	}
	return jinja.None, nil
}
