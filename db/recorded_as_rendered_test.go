package db_test

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

// all prints what an operation may assign to a record, in the order in which a template sees it.
const all = `
{%- macro all(o) %}{{ o }} id={{ o.id }} data={{ o.local_context_data }}
{%- for k, v in o.context.items() %} {{ k }}:{{ v }}{% endfor %} first={{ o | context_get_key("first") }}
{%- for t in o.tags.all() %} tag={{ t.slug }}{% endfor %}{% for c in o.config_contexts.all() %} context={{ c.config_context.name }}@{{ c.weight }}{% endfor %}
{%- for c in o.communities.all() %} community={{ c.slug }}{% endfor %}
{% endmacro %}
{%- macro policed(o) %}{{ all(o) }}{% for p in o.import_policies() %} import={{ p.slug }}{% endfor %}{% for p in o.export_policies() %} export={{ p.slug }}{% endfor %}
{% endmacro %}
{%- macro contacts(o) %}{{ policed(o) }}{% for c in o.contacts.all() %} contact={{ c.contact.name }}/{{ c.contact.title }}/{{ c.role.slug }}{% endfor %}
{% endmacro %}
{{- all(router) }}{{ local_as }}{% for o in autonomous_systems %}{{ contacts(o) }}{% endfor %}{% for o in internet_exchange_points %}{{ contacts(o) }}{% endfor %}
{%- for o in bgp_groups %}{{ policed(o) }}{% endfor %}{% for o in sessions %}{{ policed(o) }} {{ o.ip_address }}{% endfor %}{% for o in routing_policies %}{{ all(o) }}{% endfor %}`

// What people approve is rendered with an operation on top; what the router is held to later, from the record that it
// became. Each part that may be left out, each order that may differ, has to come to the same text.
func TestAChangeRendersWhatItsRecordRenders(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	group := mustCreate(t, d.BGPGroups(), peering.BGPGroup{Slug: "transit"})
	direct := mustCreate(t, d.Peerings(), peering.Peering{LocalASID: n.us.ID, PeerASID: n.peer.ID, State: peering.Agreed, Evidence: peering.ByMail})
	mustCreate(t, d.Sessions(), peering.Session{PeeringID: direct.ID, RouterID: n.router.ID, GroupID: group.ID, PeerAddress: netip.MustParseAddr("192.0.2.77"), PeerAS: n.peer.ASN})
	names := map[string]int64{"accept": n.accept.ID, "later": mustCreate(t, d.RoutingPolicies(), peering.RoutingPolicy{Slug: "later", Direction: peering.Import}).ID,
		"light": mustCreate(t, d.ConfigContexts(), peering.ConfigContext{Name: "light", Data: []byte(`{"zz": {"first": "light"}, "a": {"first": "a"}}`)}).ID,
		"heavy": mustCreate(t, d.ConfigContexts(), peering.ConfigContext{Name: "heavy", Data: []byte(`{"mtu": 9000}`)}).ID,
		"red":   mustCreate(t, d.Tags(), peering.Tag{Slug: "red"}).ID, "blue": mustCreate(t, d.Tags(), peering.Tag{Slug: "blue"}).ID,
		"one": mustCreate(t, d.Communities(), peering.Community{Slug: "one", Value: "64500:1"}).ID, "two": mustCreate(t, d.Communities(), peering.Community{Slug: "two", Value: "64500:2"}).ID,
		"noc": mustCreate(t, d.Contacts(), peering.Contact{Name: "NOC", Title: "first"}).ID, "desk": mustCreate(t, d.Contacts(), peering.Contact{Name: "NOC", Title: "second"}).ID,
		"role": mustCreate(t, d.ContactRoles(), peering.ContactRole{Slug: "noc"}).ID,
	}
	contexts := `"config_contexts": [{"config_context_id": $heavy}, {"config_context_id": $light, "weight": 7}]`
	data := `"context": {"zone": {"first": "by the alphabet"}, "b": {"first": "by length"}, "deep": [{"long": 1, "z": 2, "aa": 12345678901234567890}]}`
	marks := `"tags": [$blue, $red], "communities": [$two, $one], ` + contexts
	contacts := `"contacts": [{"contact_id": $desk, "role_id": $role}, {"contact_id": $noc, "role_id": $role}]`
	policies := `"import_policies": [$later, $accept]`
	for _, test := range []struct {
		what   string
		object peering.ObjectKind
		id     int64
		patch  string
	}{
		{"a weight left out", peering.ObjectSession, n.session.ID, contexts},
		{"free data", peering.ObjectSession, n.session.ID, data},
		{"other fields as they are", peering.ObjectSession, n.session.ID, `"description": "x"`},
		{"free data emptied", peering.ObjectSession, n.session.ID, `"context": null`},
		{"a session", peering.ObjectSession, n.session.ID, marks + ", " + policies},
		{"all that a session has", peering.ObjectSession, n.session.ID, `"tags": null, "communities": null, "config_contexts": null, "import_policies": null`},
		{"a router", peering.ObjectRouter, n.router.ID, marks + ", " + data},
		{"an exchange", peering.ObjectIXP, n.ixp.ID, marks + ", " + data + ", " + policies + ", " + contacts},
		{"a network", peering.ObjectAutonomousSystem, n.peer.ID, marks + ", " + data + ", " + policies + ", " + contacts},
		{"a group", peering.ObjectBGPGroup, group.ID, marks + ", " + data + ", " + policies},
		{"a policy", peering.ObjectRoutingPolicy, n.accept.ID, marks + ", " + data},
		{"a name as it is", peering.ObjectRoutingPolicy, n.accept.ID, `"name": ""`},
		{"an id as it is", peering.ObjectSession, n.session.ID, `"id": 4711, "description": "y"`},
	} {
		patch := "{" + test.patch + "}"
		for name, id := range names {
			patch = strings.ReplaceAll(patch, "$"+name, strconv.FormatInt(id, 10))
		}
		op := peering.Operation{Object: test.object, ObjectID: test.id, Action: peering.Update, Patch: []byte(patch)}
		before, with := renderedWith(t, d, n.router.ID, all, op)
		if err := d.Write(t.Context(), anna, func(tx *db.Tx) error { return db.ApplyOperations(t.Context(), tx, []peering.Operation{op}) }); err != nil {
			t.Fatalf("%s: %v", test.what, err)
		}
		recorded, _ := renderedWith(t, d, n.router.ID, all)
		if with != recorded {
			t.Errorf("%s: with the operation\n%s\nonce it is recorded\n%s", test.what, with, recorded)
		}
		if !strings.HasSuffix(test.what, "as it is") && !strings.HasSuffix(test.what, "as they are") && before == recorded {
			t.Errorf("%s: moves nothing", test.what)
		}
	}
}
