package db_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

// proposed opens a change with these operations, without a plan.
func proposed(t *testing.T, d *db.DB, n moves, by peering.Actor, operations string) int64 {
	t.Helper()
	change, _, err := d.CreateChange(t.Context(), by, db.NewChange{Kind: peering.KindMaintenance, Reason: "a test", Request: peering.ChangeRequest{Operations: n.operations(t, operations)}})
	if err != nil {
		t.Fatal(err)
	}
	return change.ID
}

// carriedAuthors plans a change and names those whose edits it carries.
func carriedAuthors(t *testing.T, d *db.DB, n moves, changeID int64) (names []string) {
	t.Helper()
	plan, texts := planOn(changeID, fmt.Sprintf("protocol bgp %d {}", changeID), n.router.ID)
	if _, err := d.StorePlan(t.Context(), plan, texts, "planned again"); err != nil {
		t.Fatal(err)
	}
	sqlRead(t, d, `SELECT ARRAY(SELECT u.name FROM app_user u JOIN change c ON u.id = ANY(c.carried_authors) WHERE c.id = $1 ORDER BY u.id)`, []any{changeID}, &names)
	return names
}

func wantsOwnVoteRefused(t *testing.T, d *db.DB, by peering.Actor, changeID int64) {
	t.Helper()
	for _, state := range []peering.ChangeState{peering.ChangePlanned, peering.ChangeAwaitingApproval} {
		if err := d.MoveChange(t.Context(), changeID, state, "", ""); err != nil {
			t.Fatal(err)
		}
	}
	change, err := d.Change(t.Context(), changeID)
	if err != nil {
		t.Fatal(err)
	}
	vote, err := d.CastVote(t.Context(), by, changeID, change.PlanHash, peering.Approve, "")
	if err != nil || vote.Accepted {
		t.Errorf("the own vote: %+v, %v", vote, err)
	}
	for _, says := range []string{"carries edits by " + by.Name, "a third person", "or " + change.Author + ", who opened it, where an approval rule lets authors", "solo_after_minutes",
		"once " + by.Name + " asks for the change instead", "peerflow router deploy ams-1"} {
		if !strings.Contains(vote.Text, says) {
			t.Errorf("the refusal doesn't say %q: %s", says, vote.Text)
		}
	}
}

// Whoever wrote what a change makes a router be rendered from doesn't approve it, though nothing that is recorded refers to it yet.
func TestAChangeCarriesTheAuthorsOfWhatItsOverlayBringsIntoUse(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := moving(t, d)
	n.ids["theirs"] = mustCreate(t, d.Peerings(), peering.Peering{LocalASID: n.us.ID, PeerASID: n.ids["second"], State: peering.Agreed, Evidence: peering.ByMail}).ID
	n.ids["tag"] = mustCreate(t, d.Tags(), peering.Tag{Slug: "a"}).ID
	n.ids["community"] = mustCreate(t, d.Communities(), peering.Community{Slug: "a", Value: "64500:1"}).ID
	n.ids["context"] = mustCreate(t, d.ConfigContexts(), peering.ConfigContext{Name: "a"}).ID
	n.ids["contact"] = mustCreate(t, d.Contacts(), peering.Contact{Name: "NOC"}).ID
	n.ids["role"] = mustCreate(t, d.ContactRoles(), peering.ContactRole{Slug: "noc"}).ID
	n.ids["policy"] = mustCreate(t, d.RoutingPolicies(), peering.RoutingPolicy{Slug: "a", Direction: peering.Import}).ID
	n.ids["included"] = mustCreate(t, d.Templates(), peering.Template{Name: "included-alone"}).ID
	n.ids["accept"], n.ids["used"] = n.accept.ID, mustCreate(t, d.BGPGroups(), peering.BGPGroup{Slug: "used"}).ID
	mustCreate(t, d.Sessions(), peering.Session{PeeringID: n.ids["direct"], RouterID: n.router.ID, GroupID: n.ids["used"], PeerAddress: netip.MustParseAddr("192.0.2.66"), PeerAS: n.peer.ASN})
	anna := asUser(newUser(t, d, "author", peering.Operator))
	type edit struct {
		write func(by peering.Actor, id int64) error
		id    string
	}
	of := func(id string, write func(peering.Actor, int64) error) edit { return edit{write, id} }
	tag := of("tag", func(by peering.Actor, id int64) error {
		_, err := d.Tags().Patch(t.Context(), by, id, 0, patch(map[string]any{"description": by.Name}))
		return err
	})
	community := of("community", func(by peering.Actor, id int64) error {
		_, err := d.Communities().Patch(t.Context(), by, id, 0, patch(map[string]any{"description": by.Name}))
		return err
	})
	context := of("context", func(by peering.Actor, id int64) error {
		_, err := d.ConfigContexts().Patch(t.Context(), by, id, 0, patch(map[string]any{"description": by.Name}))
		return err
	})
	contact := of("contact", func(by peering.Actor, id int64) error {
		_, err := d.Contacts().Patch(t.Context(), by, id, 0, patch(map[string]any{"title": by.Name}))
		return err
	})
	role := of("role", func(by peering.Actor, id int64) error {
		_, err := d.ContactRoles().Patch(t.Context(), by, id, 0, patch(map[string]any{"name": by.Name}))
		return err
	})
	policies := func(id string) edit {
		return of(id, func(by peering.Actor, id int64) error {
			_, err := d.RoutingPolicies().Patch(t.Context(), by, id, 0, patch(map[string]any{"name": by.Name}))
			return err
		})
	}
	bfd := of("bfd", func(by peering.Actor, id int64) error {
		_, err := d.BFD().Patch(t.Context(), by, id, 0, patch(map[string]any{"description": by.Name}))
		return err
	})
	class := of("class", func(by peering.Actor, id int64) error {
		_, err := d.Relationships().Patch(t.Context(), by, id, 0, patch(map[string]any{"name": by.Name}))
		return err
	})
	groups := func(id string) edit {
		return of(id, func(by peering.Actor, id int64) error {
			_, err := d.BGPGroups().Patch(t.Context(), by, id, 0, patch(map[string]any{"name": by.Name}))
			return err
		})
	}
	network := func(id string) edit {
		return of(id, func(by peering.Actor, id int64) error {
			_, err := d.AutonomousSystems().Patch(t.Context(), by, id, 0, patch(map[string]any{"name": by.Name}))
			return err
		})
	}
	list := of("second", func(by peering.Actor, id int64) error {
		return d.PutIRRLists(t.Context(), by, id, []peering.IRRList{prefixes("192.0.2.0/24")}, false)
	})
	platform := of("platform", func(by peering.Actor, id int64) error {
		_, err := d.Platforms().Patch(t.Context(), by, id, 0, patch(map[string]any{"name": by.Name}))
		return err
	})
	template := func(id string) edit {
		return of(id, func(by peering.Actor, id int64) error {
			_, err := d.Templates().Patch(t.Context(), by, id, 0, patch(map[string]any{"body": by.Name}))
			return err
		})
	}
	exchange := of("far", func(by peering.Actor, id int64) error {
		_, err := d.IXPs().Patch(t.Context(), by, id, 0, patch(map[string]any{"name": by.Name}))
		return err
	})
	const session = `create session 0 {"peering_id": $direct$, "router_id": $router$, "peer_address": "192.0.2.99", "peer_asn": 64501`
	for i, test := range []struct {
		what       string
		edit       edit
		operations string
	}{
		{"a tag of a session", tag, `update session $session$ {"tags": [$tag$]}`},
		{"a tag of a policy that a session gets", tag, "update routing_policy $policy$ {\"tags\": [$tag$]}\nupdate session $session$ {\"import_policies\": [$policy$]}"},
		{"a community of an exchange", community, `update ixp $ixp$ {"communities": [$community$]}`},
		{"a config context of a router", context, `update router $router$ {"config_contexts": [{"config_context_id": $context$}]}`},
		{"a contact of a network", contact, `update autonomous_system $peer$ {"contacts": [{"contact_id": $contact$, "role_id": $role$}]}`},
		{"a contact's role", role, `update ixp $ixp$ {"contacts": [{"contact_id": $contact$, "role_id": $role$}]}`},
		{"a policy of a session", policies("policy"), `update session $session$ {"import_policies": [$policy$]}`},
		{"a policy of a session that an exchange has", policies("accept"), `update session $session$ {"import_policies": [$accept$]}`},
		{"a policy of a new session", policies("policy"), session + `, "import_policies": [$policy$]}`},
		{"timers of a session", bfd, `update session $session$ {"bfd_id": $bfd$}`},
		{"a session's class", class, `update session $session$ {"relationship_id": $class$}`},
		{"an exchange's class", class, `update ixp $ixp$ {"relationship_id": $class$}`},
		{"a group of a new session", groups("group"), session + `, "group_id": $group$}`},
		{"a group of a new session that another one has", groups("used"), session + `, "group_id": $used$}`},
		{"a group's class", class, "update bgp_group $group$ {\"relationship_id\": $class$}\n" + session + `, "group_id": $group$}`},
		{"a router's local network", network("spare"), `update router $router$ {"local_as_id": $spare$}`},
		{"an exchange's local network", network("spare"), `update ixp $ixp$ {"local_as_id": $spare$}`},
		{"a session's local network", network("spare"), `update session $session$ {"local_asn": 64509}`},
		{"a new session's network", network("second"), `create session 0 {"peering_id": $theirs$, "router_id": $router$, "peer_address": "192.0.2.99", "peer_asn": 64502}`},
		{"the lists of a new session's network", list, `create session 0 {"peering_id": $theirs$, "router_id": $router$, "peer_address": "192.0.2.99", "peer_asn": 64502}`},
		{"a router's platform", platform, `update router $router$ {"platform_id": $platform$}`},
		{"a router's template", template("template"), `update router $router$ {"template_id": $template$}`},
		{"a template that a new text includes", template("included"), `update template ` + fmt.Sprint(n.template.ID) + ` {"body": "{% include 'included-alone' %}"}`},
		{"the exchange of a new connection", exchange, `create connection 0 {"exchange_id": $far$, "router_id": $router$, "ipv4": "203.0.113.9", "ipv4_lan": "203.0.113.0/24"}`},
	} {
		ben := asUser(newUser(t, d, fmt.Sprintf("ben-%d", i), peering.Operator, peering.Approver))
		if err := test.edit.write(ben, n.ids[test.edit.id]); err != nil {
			t.Fatal(err)
		}
		change := proposed(t, d, n, anna, test.operations)
		if got := carriedAuthors(t, d, n, change); !slices.Contains(got, ben.Name) || slices.Contains(got, anna.Name) {
			t.Errorf("%s: the plan carries edits by %q, want %s", test.what, got, ben.Name)
		}
		if i == 0 {
			wantsOwnVoteRefused(t, d, ben, change)
		}
		harmless := proposed(t, d, n, anna, `update session $session$ {"description": "harmless"}`)
		if got := carriedAuthors(t, d, n, harmless); len(got) > 0 {
			t.Errorf("%s: a change without it carries edits by %q", test.what, got)
		}
		sqlRun(t, d, `UPDATE change_operation SET discarded_at = now() WHERE discarded_at IS NULL`)
	}
}

// What is in use already and is edited while a change waits comes with its next plan.
func TestAChangeCarriesTheAuthorsOfEditsSinceItWasMade(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := moving(t, d)
	anna := asUser(newUser(t, d, "author", peering.Operator))
	renames := func(by peering.Actor, id int64) {
		t.Helper()
		if _, err := d.RoutingPolicies().Patch(t.Context(), by, id, 0, patch(map[string]any{"name": by.Name})); err != nil {
			t.Fatal(err)
		}
	}
	renames(asUser(newUser(t, d, "earlier", peering.Operator)), n.accept.ID)
	change := proposed(t, d, n, anna, `update session $session$ {"description": "harmless"}`)
	if got := carriedAuthors(t, d, n, change); len(got) > 0 {
		t.Errorf("what ran before the change was made: %q", got)
	}
	renames(asUser(newUser(t, d, "later", peering.Operator)), n.accept.ID)
	elsewhere := mustCreate(t, d.RoutingPolicies(), peering.RoutingPolicy{Slug: "elsewhere", Direction: peering.Import})
	renames(asUser(newUser(t, d, "elsewhere", peering.Operator)), elsewhere.ID)
	renames(anna, n.accept.ID)
	if got := carriedAuthors(t, d, n, change); !slices.Equal(got, []string{"later"}) {
		t.Errorf("carries edits by %q, want who edited the exchange's policy meanwhile", got)
	}
}

// People approved what a change wrote on its way to another router.
func TestWhatAnotherRouterConfirmedIsNobodysEdit(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := moving(t, d)
	carl := asUser(newUser(t, d, "carl", peering.Operator))
	earlier := proposed(t, d, n, carl, `update session $session$ {"description": "harmless"}`)
	by := peering.Actor{Kind: peering.ActorWorkflow, Name: "ProvisionPeering", ChangeID: earlier}
	if _, err := d.AutonomousSystems().Patch(t.Context(), by, n.ids["second"], 0, []byte(`{"name": "by carl's change"}`)); err != nil {
		t.Fatal(err)
	}
	sqlRun(t, d, `UPDATE change_operation SET discarded_at = now()`)
	change := proposed(t, d, n, asUser(newUser(t, d, "author", peering.Operator)), `update session $session$ {"peer_asn": 64502}`)
	if got := carriedAuthors(t, d, n, change); !slices.Equal(got, []string{"carl"}) {
		t.Errorf("of what nobody approved, it carries edits by %q", got)
	}
	confirmed(t, d, earlier, n.ids["other"])
	if got := carriedAuthors(t, d, n, change); len(got) > 0 {
		t.Errorf("of what was approved, it carries edits by %q", got)
	}
}

// A deployment that is in flight holds a router's record; a plan is only a trial.
func TestAPlanOfARoutersRecordIsStoredWhileTheRouterIsHeld(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	_, _, ids := s.queue(s.edge1)
	_, err := s.BeginDeployment(t.Context(), ids[0], 60e9, now)
	s.must(err)
	change := s.draft(peering.Operation{RouterID: s.edge1, Object: peering.ObjectRouter, ObjectID: s.edge1, Action: peering.Update, Patch: []byte(`{"bgp_port": 1790}`)})
	s.plan(change, "text", s.edge1)
	var port int64
	sqlRead(t, s.DB, `SELECT bgp_port FROM router WHERE id = $1`, []any{s.edge1}, &port)
	if port != 179 {
		t.Errorf("BGP port %d: the trial stayed", port)
	}
}
