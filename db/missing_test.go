package db_test

import (
	"strings"
	"testing"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

// What an operation names has to be there when it is proposed: it would be rendered and approved without it.
func TestAnOperationThatNamesWhatIsNotThereIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	group := mustCreate(t, d.BGPGroups(), peering.BGPGroup{Slug: "transit"})
	by := asUser(newUser(t, d, "author", peering.Operator))
	propose := func(ops ...peering.Operation) error {
		_, _, err := d.CreateChange(t.Context(), by, db.NewChange{Kind: peering.KindPolicy, Reason: "a test", Request: peering.ChangeRequest{Operations: ops}})
		return err
	}
	update := func(object peering.ObjectKind, id int64, patch string) peering.Operation {
		return peering.Operation{RouterID: n.router.ID, Object: object, ObjectID: id, Action: peering.Update, Patch: []byte(patch)}
	}
	create := func(object peering.ObjectKind, record string) peering.Operation {
		return peering.Operation{RouterID: n.router.ID, Object: object, Action: peering.Create, Patch: []byte(record)}
	}
	harmless := update(peering.ObjectSession, n.session.ID, `{"description": "harmless"}`)
	var entries, later int
	sqlRead(t, d, `SELECT (SELECT count(*) FROM change_log) + (SELECT count(*) FROM outbox)`, nil, &entries)

	const policy = "routing policy in this direction: create it first"
	objects := map[peering.ObjectKind]int64{peering.ObjectSession: n.session.ID, peering.ObjectBGPGroup: group.ID, peering.ObjectIXP: n.ixp.ID,
		peering.ObjectRoutingPolicy: n.accept.ID, peering.ObjectRouter: n.router.ID, peering.ObjectAutonomousSystem: n.peer.ID, peering.ObjectConnection: n.port.ID}
	for object, patches := range map[peering.ObjectKind]map[string]string{
		peering.ObjectSession: {
			`{"peering_id": 999}`: "peering (peering_id): create it first", `{"connection_id": 999}`: "connection of the session's router",
			`{"relationship_id": 999}`: "relationship (relationship_id): create it first", `{"bfd_id": 999}`: "BFD (bfd_id): create it first",
			`{"kind": "direct", "connection_id": 0, "group_id": 999}`: "BGP group (group_id): create it first",
			`{"password": {"id": 999, "version": 1}}`:                 "version of the password's secret: record it first",
			`{"import_policies": [999]}`:                              policy, `{"export_policies": [999]}`: policy,
		},
		peering.ObjectBGPGroup: {`{"relationship_id": 999}`: "relationship (relationship_id): create it first", `{"import_policies": [999]}`: policy},
		peering.ObjectIXP: {`{"relationship_id": 999}`: "relationship (relationship_id): create it first", `{"export_policies": [999]}`: policy,
			`{"local_as_id": 999}`:                              "autonomous system (local_as_id): create it first",
			`{"contacts": [{"contact_id": 999, "role_id": 1}]}`: "contact (contact_id): create it first"},
		peering.ObjectAutonomousSystem: {`{"import_policies": [999]}`: policy, `{"contacts": [{"contact_id": 999, "role_id": 1}]}`: "contact (contact_id): create it first"},
		peering.ObjectConnection:       {`{"exchange_id": 999}`: "exchange (exchange_id): create it first", `{"tags": [999]}`: "tag (tags): create it first"},
		peering.ObjectRoutingPolicy:    {},
		peering.ObjectRouter: {
			`{"site_id": 999}`: "site (site_id): create it first", `{"platform_id": 999}`: "platform (platform_id): create it first",
			`{"local_as_id": 999}`: "autonomous system (local_as_id): create it first", `{"template_id": 999}`: "template (template_id): create it first",
			`{"login": {"id": 999, "version": 1}}`: "version of the login secret: record it first",
		},
	} {
		if object != peering.ObjectConnection {
			patches[`{"communities": [999]}`] = "community (communities): create it first"
			patches[`{"tags": [999]}`] = "tag (tags): create it first"
			patches[`{"config_contexts": [{"config_context_id": 999}]}`] = "config context (config_contexts): create it first"
		}
		for patch, want := range patches {
			err := propose(harmless, update(object, objects[object], patch))
			if peering.KindOf(err) != peering.Invalid || !strings.Contains(err.Error(), "operation 2: ") || !strings.Contains(err.Error(), want) {
				t.Errorf("%s %s: %v, want operation 2 and %q", object, patch, err, want)
			}
		}
	}
	for name, test := range map[string]struct {
		op   peering.Operation
		want string
	}{
		"a new session on a router that isn't there": {peering.Operation{RouterID: 999, Object: peering.ObjectSession, Action: peering.Create,
			Patch: []byte(`{"router_id": 999, "peering_id": 1, "peer_address": "192.0.2.9", "peer_asn": 64501}`)}, "router (router_id)"},
		"a new policy":     {create(peering.ObjectRoutingPolicy, `{"slug": "new", "direction": "import", "communities": [999]}`), "community (communities): create it first"},
		"a new connection": {create(peering.ObjectConnection, `{"exchange_id": 999, "router_id": 1, "ipv4": "198.51.100.7", "ipv4_lan": "198.51.100.0/24"}`), "exchange (exchange_id): create it first"},
	} {
		if err := propose(test.op); peering.KindOf(err) != peering.Invalid || !strings.Contains(err.Error(), "operation 1: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want operation 1 and %q", name, err, test.want)
		}
	}
	change, _, err := d.CreateChange(t.Context(), by, db.NewChange{Kind: peering.KindPolicy, Reason: "a test", Request: peering.ChangeRequest{Operations: []peering.Operation{harmless}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.RecordOverlay(t.Context(), change.ID, []peering.Operation{update(peering.ObjectSession, n.session.ID, `{"tags": [999]}`)}, peering.Findings{})
	wantKind(t, "an overlay that planning found", err, peering.Invalid)

	sqlRead(t, d, `SELECT (SELECT count(*) FROM change_log) + (SELECT count(*) FROM outbox)`, nil, &later)
	if later != entries+2 {
		t.Errorf("%d entries of change log and outbox from what was tried: want the one change's own two", later-entries)
	}
	if s, err := d.Sessions().Get(t.Context(), n.session.ID); err != nil || s.Description != "" || s.Version != n.session.Version {
		t.Errorf("the session is %q in version %d, %v: want nothing of a try to stay", s.Description, s.Version, err)
	}
}

// Operations may name what earlier ones create; what stands in their way by other people's hand is told when they are recorded.
func TestAChangeMayNameWhatItCreates(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	by := asUser(newUser(t, d, "author", peering.Operator))
	policy, err := d.NewID(t.Context(), peering.ObjectRoutingPolicy)
	if err != nil {
		t.Fatal(err)
	}
	ops := []peering.Operation{
		{Object: peering.ObjectRoutingPolicy, ObjectID: policy, Action: peering.Create, Patch: []byte(`{"slug": "new", "direction": "import"}`)},
		{RouterID: n.router.ID, Object: peering.ObjectSession, ObjectID: n.session.ID, Action: peering.Update, Patch: patch(map[string]any{"import_policies": []int64{policy}})},
		{RouterID: n.router.ID, Object: peering.ObjectSession, Action: peering.Create, // that is there already: somebody may remove it until then
			Patch: patch(map[string]any{"kind": "ixp", "router_id": n.router.ID, "connection_id": n.port.ID, "peering_id": n.peering.ID, "peer_address": n.session.PeerAddress, "peer_asn": n.session.PeerAS})},
	}
	propose := func(ops ...peering.Operation) error {
		_, _, err := d.CreateChange(t.Context(), by, db.NewChange{Kind: peering.KindPolicy, Reason: "a test", Request: peering.ChangeRequest{Operations: ops}})
		return err
	}
	if err := propose(ops[:2]...); err != nil {
		t.Errorf("a policy and a session that it is for: %v", err)
	}
	if err := propose(ops[1], ops[0]); peering.KindOf(err) != peering.Invalid || !strings.Contains(err.Error(), "operation 1: ") {
		t.Errorf("a policy that is created too late: %v", err)
	}
	if err := propose(ops[2]); peering.KindOf(err) != peering.Conflict || strings.Contains(err.Error(), "operation") {
		t.Errorf("a session that is there: %v, want what the overlay's own rule says", err)
	}
}
