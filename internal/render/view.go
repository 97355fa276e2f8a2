package render

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"peerflow/internal/bgp"
	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// view offers a desired state to a template as plain values: router, local_as,
// sessions and the policies that they use. A template sees what stands here and
// nothing else; of a session's four axes it sees the intent.
type view struct {
	d        peering.Desired
	sessions []peering.Session
	policies map[int64]*jinja.Dict
}

func newView(d peering.Desired) *view {
	return &view{d: d, sessions: d.SessionsInOrder(), policies: map[int64]*jinja.Dict{}}
}

func (v *view) context() *jinja.Dict {
	root := jinja.NewDict(4)
	sessions := jinja.NewList()
	for _, s := range v.sessions {
		sessions.Items = append(sessions.Items, v.session(s))
	}
	root.SetStr("router", v.router())
	root.SetStr("local_as", network(v.d.LocalAS))
	root.SetStr("sessions", sessions)
	root.SetStr("policies", v.usedPolicies())
	return root
}

func (v *view) router() *jinja.Dict {
	r := v.d.Router
	return dict(
		"name", jinja.Str(r.Name),
		"bgp_port", jinja.Int(r.BGPPort),
		"lab", jinja.Bool(r.Lab),
		"context", fromJSON(r.Context),
	)
}

func network(n peering.AutonomousSystem) *jinja.Dict {
	return dict(
		"asn", jinja.Int(n.ASN),
		"name", jinja.Str(n.Name),
		"irr_as_set", jinja.Str(n.IRRASSet),
		"context", fromJSON(n.Context),
	)
}

func (v *view) session(s peering.Session) *jinja.Dict {
	peer, known := v.d.Network(s.PeerAS)
	if !known {
		peer = peering.AutonomousSystem{ASN: s.PeerAS}
	}
	var local jinja.Value = jinja.None
	if a := v.d.LocalAddressOf(s); a.Value != "" {
		local = jinja.Str(a.Value)
	}
	families := jinja.NewList()
	for _, f := range s.Families {
		families.Items = append(families.Items, v.family(s, f))
	}
	relationship := v.d.Relationship(s).Value
	return dict(
		"id", jinja.Int(s.ID),
		"name", jinja.Str(fmt.Sprintf("as%d_%d", s.PeerAS, s.ID)),
		"kind", jinja.Str(string(s.Kind)),
		"enabled", jinja.Bool(s.Intent == peering.Present),
		"shutdown", jinja.Bool(s.Intent == peering.Shutdown || s.HeldByHand),
		"draining", jinja.Bool(s.Intent == peering.Draining),
		"peer_asn", jinja.Int(s.PeerAS),
		"local_asn", jinja.Int(v.d.LocalASOf(s)),
		"peer_address", jinja.Str(s.PeerAddress.String()),
		"local_address", local,
		"afi", jinja.Str(bgp.FamilyOf(s.PeerAddress).String()),
		"families", families,
		"import_policies", v.policyList(s, peering.Import, s.Families...), // of all families, in the order they apply
		"export_policies", v.policyList(s, peering.Export, s.Families...),
		"vrf", jinja.Str(s.VRF),
		"interface", jinja.Str(s.Interface),
		"multihop", jinja.Int(s.Multihop),
		"passive", jinja.Bool(s.Passive),
		"hold_time", intOrNone(s.HoldTime),
		"password", password(s.Password),
		"description", jinja.Str(s.Description),
		"relationship", jinja.Str(relationship.Slug),
		"peer", network(peer),
		"context", fromJSON(s.Context),
	)
}

func (v *view) family(s peering.Session, f bgp.Family) *jinja.Dict {
	limit := v.d.LimitOf(s, f)
	var count jinja.Value = jinja.None
	if n, ok := limit.Value.Count(); ok {
		count = jinja.Int(n)
	}
	return dict(
		"name", jinja.Str(f.String()),
		"prefix_limit", count, // none when unlimited
		"prefix_limit_origin", jinja.Str(string(limit.Origin)),
		"import_policies", v.policyList(s, peering.Import, f),
		"export_policies", v.policyList(s, peering.Export, f),
	)
}

// policyList gives the policies of one direction that hold for any of the families.
func (v *view) policyList(s peering.Session, dir peering.Direction, families ...bgp.Family) *jinja.List {
	list := jinja.NewList()
	for _, p := range v.d.PolicyOf(s, dir, families...) {
		list.Items = append(list.Items, v.policy(p.Value))
	}
	return list
}

// policy is one dictionary per policy, shared by the sessions that use it.
func (v *view) policy(p peering.RoutingPolicy) *jinja.Dict {
	if known, ok := v.policies[p.ID]; ok {
		return known
	}
	made := dict(
		"id", jinja.Int(p.ID),
		"slug", jinja.Str(p.Slug),
		"identifier", jinja.Str(identifier(p.Slug)),
		"name", jinja.Str(p.Name),
		"direction", jinja.Str(string(p.Direction)),
		"family", familyOrNone(p.Family), // none: both
		"weight", jinja.Int(p.Weight),
		"context", fromJSON(p.Context),
	)
	v.policies[p.ID] = made
	return made
}

func familyOrNone(f bgp.Family) jinja.Value {
	if f == 0 {
		return jinja.None
	}
	return jinja.Str(f.String())
}

// usedPolicies lists the policies of all sessions, by slug.
func (v *view) usedPolicies() *jinja.List {
	ids := make([]int64, 0, len(v.policies))
	for id := range v.policies {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b int64) int { return cmp.Compare(v.d.Policies[a].Slug, v.d.Policies[b].Slug) })
	list := jinja.NewList()
	for _, id := range ids {
		list.Items = append(list.Items, v.policies[id])
	}
	return list
}

// identifier is a slug as most router languages accept a name.
func identifier(slug string) string { return strings.ReplaceAll(slug, "-", "_") }

func dict(pairs ...any) *jinja.Dict {
	d := jinja.NewDict(len(pairs) / 2)
	for i := 0; i < len(pairs); i += 2 {
		d.SetStr(pairs[i].(string), pairs[i+1].(jinja.Value))
	}
	return d
}

func intOrNone(n *int) jinja.Value {
	if n == nil {
		return jinja.None
	}
	return jinja.Int(*n)
}

// secretValue prints as its placeholder and can do nothing else.
type secretValue struct{ ref peering.SecretRef }

func (secretValue) TypeName() string         { return "secret" }
func (s secretValue) Print() (string, error) { return s.ref.String(), nil }

// password is the session's secret, or "" when it has none, so that a template
// may simply test it.
func password(ref peering.SecretRef) jinja.Value {
	if ref.IsZero() {
		return jinja.Str("")
	}
	return secretValue{ref}
}

// fromJSON gives free data to a template with its keys in their order.
func fromJSON(text json.RawMessage) jinja.Value {
	if len(bytes.TrimSpace(text)) == 0 {
		return jinja.NewDict(0)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	value, err := decodeValue(decoder)
	if err != nil || value == jinja.None {
		return jinja.NewDict(0)
	}
	return value
}

func decodeValue(d *json.Decoder) (jinja.Value, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return decodeObject(d)
		}
		return decodeArray(d)
	case string:
		return jinja.Str(t), nil
	case bool:
		return jinja.Bool(t), nil
	case json.Number:
		if n, err := t.Int64(); err == nil {
			return jinja.Int(n), nil
		}
		f, err := t.Float64()
		return jinja.Float(f), err
	}
	return jinja.None, nil
}

func decodeObject(d *json.Decoder) (jinja.Value, error) {
	object := jinja.NewDict(4)
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		value, err := decodeValue(d)
		if err != nil {
			return nil, err
		}
		object.SetStr(key.(string), value)
	}
	_, err := d.Token()
	return object, err
}

func decodeArray(d *json.Decoder) (jinja.Value, error) {
	list := jinja.NewList()
	for d.More() {
		value, err := decodeValue(d)
		if err != nil {
			return nil, err
		}
		list.Items = append(list.Items, value)
	}
	_, err := d.Token()
	return list, err
}
