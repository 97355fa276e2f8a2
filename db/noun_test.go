package db_test

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// comparable values: addresses, and records without what the database gives them.
var values = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Comparer(func(a, b bgp.PrefixLimit) bool { return a == b }),
	cmp.Comparer(func(a, b json.RawMessage) bool { return canonical(a) == canonical(b) }),
	cmpopts.IgnoreTypes(peering.Meta{}),
}

func canonical(text json.RawMessage) string {
	var v any
	_ = json.Unmarshal(text, &v)
	out, _ := json.Marshal(v)
	return string(out)
}

// roundTrip creates a record with every field set, reads it back, patches one field, and deletes it.
func roundTrip[T any](t *testing.T, n db.Noun[T], full T, meta func(T) peering.Meta, patch string) {
	t.Helper()
	created, err := n.Create(t.Context(), anna, full)
	if err != nil {
		t.Fatalf("create %T: %v", full, err)
	}
	if diff := cmp.Diff(full, created, values); diff != "" {
		t.Errorf("%T after create (-want +got):\n%s", full, diff)
	}
	m := meta(created)
	if m.ID == 0 || m.Version != 1 || m.CreatedAt.IsZero() || !m.CreatedAt.Equal(m.UpdatedAt) {
		t.Errorf("%T after create: %+v", full, m)
	}
	read, err := n.Get(t.Context(), m.ID)
	if err != nil || !cmp.Equal(created, read, values) || meta(read) != m {
		t.Errorf("%T read back differs, %v:\n%s", full, err, cmp.Diff(created, read, values))
	}
	want, err := peering.MergePatch(created, json.RawMessage(patch))
	if err != nil {
		t.Fatal(err)
	}
	patched, err := n.Patch(t.Context(), anna, m.ID, m.Version, json.RawMessage(patch))
	if err != nil || !cmp.Equal(want, patched, values) || meta(patched).Version != 2 || !meta(patched).UpdatedAt.After(m.UpdatedAt) {
		t.Errorf("%T after patch %s: %+v, %v:\n%s", full, patch, meta(patched), err, cmp.Diff(want, patched, values))
	}
	if again, err := n.Patch(t.Context(), anna, m.ID, 2, json.RawMessage(patch)); err != nil || meta(again).Version != 2 {
		t.Errorf("%T: a patch that changes nothing gives version %d, %v", full, meta(again).Version, err)
	}
	_, err = n.Patch(t.Context(), anna, m.ID, 1, json.RawMessage(patch))
	wantKind(t, "patch of an old version", err, peering.Stale)
	wantKind(t, "delete of an old version", n.Delete(t.Context(), anna, m.ID, 1), peering.Stale)
	_, err = n.Patch(t.Context(), anna, m.ID, 0, json.RawMessage(`{"no_such_field": 1}`))
	wantKind(t, "patch of a field that isn't there", err, peering.Invalid)
	if err := n.Delete(t.Context(), anna, m.ID, 2); err != nil {
		t.Errorf("delete %T: %v", full, err)
	}
	_, err = n.Get(t.Context(), m.ID)
	wantKind(t, "get after delete", err, peering.NotFound)
	wantKind(t, "delete after delete", n.Delete(t.Context(), anna, m.ID, 0), peering.NotFound)
}

func TestEveryNounKeepsEveryField(t *testing.T) {
	t.Parallel()
	d := withKeeper(t)
	n := smallNetwork(t, d)
	hundred, err := bgp.Limit(100)
	if err != nil {
		t.Fatal(err)
	}
	limits := peering.Limits{IPv4: hundred, IPv6: bgp.Unlimited}
	password, err := d.PutSecret(t.Context(), anna, "p", "p")
	if err != nil {
		t.Fatal(err)
	}
	second := mustCreate(t, d.RoutingPolicies(), peering.RoutingPolicy{Slug: "a-second", Direction: peering.Import})
	both := peering.Policies{Import: []int64{second.ID, n.accept.ID}, Export: []int64{n.announce.ID}}
	data := peering.Context(`{"a": [1, {"b": null}], "long": "x"}`)
	count, hold := int64(7), 90
	class := mustCreate(t, d.Relationships(), peering.Relationship{Slug: "customer", Role: bgp.RoleProvider})
	group := mustCreate(t, d.BGPGroups(), peering.BGPGroup{Slug: "transits"})
	direct := mustCreate(t, d.Peerings(), peering.Peering{LocalASID: n.us.ID, PeerASID: n.peer.ID})

	roundTrip(t, d.Communities(), peering.Community{Slug: "s", Name: "n", Value: "target:64500:1", Type: peering.Egress, Description: "d", Tags: []int64{}},
		func(v peering.Community) peering.Meta { return v.Meta }, `{"value": "no-export", "type": null}`)
	one := mustCreate(t, d.Communities(), peering.Community{Slug: "one", Value: "64500:1"})
	two := mustCreate(t, d.Communities(), peering.Community{Slug: "two", Value: "64500:2"})
	set := []int64{one.ID, two.ID}
	roundTrip(t, d.Tags(), peering.Tag{Slug: "s", Name: "n", Color: "00ff00", Description: "d"}, func(v peering.Tag) peering.Meta { return v.Meta }, `{"color": "0000ff", "name": "m"}`)
	roundTrip(t, d.BFD(), peering.BFD{Slug: "s", Name: "n", Description: "d", MinimumTransmit: 50, MinimumReceive: 255000, Multiplier: 255, HoldTime: 1},
		func(v peering.BFD) peering.Meta { return v.Meta }, `{"minimum_receive_interval": 1, "hold_time": null}`)
	fast := mustCreate(t, d.BFD(), peering.BFD{Slug: "fast"})
	no, light, heavy := false, 0, 1000
	roundTrip(t, d.ConfigContexts(), peering.ConfigContext{Name: "n", Description: "d", IsActive: &no, Data: data},
		func(v peering.ConfigContext) peering.Meta { return v.Meta }, `{"is_active": true, "data": {"a": null}}`)
	base, over := mustCreate(t, d.ConfigContexts(), peering.ConfigContext{Name: "base"}), mustCreate(t, d.ConfigContexts(), peering.ConfigContext{Name: "over"})
	given := []peering.ContextRef{{ID: over.ID, Weight: &light}, {ID: base.ID, Weight: &heavy}}
	roundTrip(t, d.Contacts(), peering.Contact{Name: "n", Title: "t", Phone: "+31 20", Email: "noc@example.net", Address: "a", Description: "d"},
		func(v peering.Contact) peering.Meta { return v.Meta }, `{"email": null, "title": "u"}`)
	roundTrip(t, d.ContactRoles(), peering.ContactRole{Slug: "s", Name: "n", Description: "d"}, func(v peering.ContactRole) peering.Meta { return v.Meta }, `{"name": "m"}`)
	desk, role := mustCreate(t, d.Contacts(), peering.Contact{Name: "NOC"}), mustCreate(t, d.ContactRoles(), peering.ContactRole{Slug: "noc"})
	desks := []peering.ContactRef{{ID: desk.ID, RoleID: role.ID}}
	red, blue := mustCreate(t, d.Tags(), peering.Tag{Slug: "red"}), mustCreate(t, d.Tags(), peering.Tag{Slug: "blue"})
	marks := []int64{blue.ID, red.ID}

	roundTrip(t, d.AutonomousSystems(), peering.AutonomousSystem{ASN: 4294967294, Name: "n", Local: true, IRRASSet: "AS-X", Contacts: desks, Limits: limits,
		Policies: both, Communities: set, Tags: marks, ConfigContexts: given, Context: data, Comments: "c"}, func(v peering.AutonomousSystem) peering.Meta { return v.Meta }, `{"import_policies": [1], "communities": [3], "contacts": [], "context": {"a": null}}`)
	roundTrip(t, d.Relationships(), peering.Relationship{Slug: "s", Name: "n", Role: bgp.RolePeer, Protected: true, Tags: marks},
		func(v peering.Relationship) peering.Meta { return v.Meta }, `{"protected": null, "tags": [2]}`)
	roundTrip(t, d.Sites(), peering.Site{Slug: "s", Name: "n"}, func(v peering.Site) peering.Meta { return v.Meta }, `{"name": "m"}`)
	roundTrip(t, d.Platforms(), peering.PlatformRecord{Slug: "s", Name: "n", Driver: "d"},
		func(v peering.PlatformRecord) peering.Meta { return v.Meta }, `{"driver": "e"}`)
	roundTrip(t, d.Templates(), peering.Template{Name: "n", Kind: "router", Mode: peering.ModeWhole, Engine: peering.EnginePongo2, Body: "b", Lenient: true,
		TrimBlocks: true, LstripBlocks: true}, func(v peering.Template) peering.Meta { return v.Meta }, `{"mode": "merge", "lenient": false}`)
	roundTrip(t, d.Routers(), peering.Router{Name: "n", SiteID: n.site.ID, PlatformID: n.platform.ID, LocalASID: n.us.ID, TemplateID: n.template.ID,
		Mode: peering.Manage, Address: "127.0.0.1:22", Username: "u", Login: password, HostKey: "k", BGPPort: 1790, Lab: true, Communities: set, Tags: marks, ConfigContexts: given, Settings: data, Context: data,
		ReachedVia: netip.MustParseAddr("2001:db8::9")}, func(v peering.Router) peering.Meta { return v.Meta }, `{"template_id": 0, "login": null, "reached_via": null, "communities": [], "tags": [2, 3], "config_contexts": [{"config_context_id": 3, "weight": 7}]}`)
	roundTrip(t, d.IXPs(), peering.IXP{Slug: "s", Name: "n", LocalASID: n.us.ID, RelationshipID: class.ID, IXLANID: 5, Contacts: desks, Mesh: peering.FullMesh,
		Agreement: peering.ConfigureThenAsk, Policies: both, Communities: set, Tags: marks, ConfigContexts: given, Context: data}, func(v peering.IXP) peering.Meta { return v.Meta }, `{"export_policies": [], "ixlan_id": null}`)
	roundTrip(t, d.Connections(), peering.Connection{IXPID: n.ixp.ID, RouterID: n.router.ID, State: peering.ConnectionMaintenance,
		IPv4: netip.MustParseAddr("198.51.100.7"), IPv4LAN: netip.MustParsePrefix("198.51.100.0/24"), IPv6: netip.MustParseAddr("2001:db8:1::7"),
		IPv6LAN: netip.MustParsePrefix("2001:db8:1::/64"), Interface: "eth0", VLAN: 4094, Primary: true, Description: "d", Tags: marks},
		func(v peering.Connection) peering.Meta { return v.Meta }, `{"ipv6": null, "ipv6_lan": null, "vlan": 0}`)
	roundTrip(t, d.BGPGroups(), peering.BGPGroup{Slug: "s", Name: "n", RelationshipID: class.ID, Limits: limits, Policies: both, Communities: set, Tags: marks, ConfigContexts: given, Context: data},
		func(v peering.BGPGroup) peering.Meta { return v.Meta }, `{"prefix_limits": {"ipv4": null, "ipv6": 5}}`)
	roundTrip(t, d.RoutingPolicies(), peering.RoutingPolicy{Slug: "s", Name: "n", Direction: peering.Export, Family: bgp.IPv6, Weight: -3,
		ExpectIPv4: &count, ExpectIPv6: &count, AllowDefault: true, AllowLong: true, Communities: set, Tags: marks, ConfigContexts: given, Context: data},
		func(v peering.RoutingPolicy) peering.Meta { return v.Meta }, `{"family": null, "expect_prefixes_ipv4": 0, "expect_prefixes_ipv6": null}`)
	roundTrip(t, d.ApprovalRules(), peering.ApprovalRule{Name: "n", Disabled: true, Kinds: []peering.ChangeKind{peering.KindPolicy, peering.KindDepeer},
		Disruption: peering.DisruptsRouter, Protected: true, MinSessions: 3, MinRouters: 2, RouterIDs: []int64{n.router.ID}, SiteIDs: []int64{n.site.ID},
		Terms: peering.Terms{VotesNeeded: 1, ApprovalMinutes: 600, SoloAfterMinutes: 30}}, func(v peering.ApprovalRule) peering.Meta { return v.Meta },
		`{"kinds": [], "disruption": "none", "router_ids": [], "solo_after_minutes": 0, "votes_needed": 3}`)
	roundTrip(t, d.ApprovalRules(), peering.ApprovalRule{Name: "auto", Kinds: []peering.ChangeKind{peering.KindRefresh}, Disruption: peering.DisruptsNone,
		RouterIDs: []int64{}, SiteIDs: []int64{}, FilterChangeLimit: 20}, func(v peering.ApprovalRule) peering.Meta { return v.Meta }, `{"filter_change_limit": 30}`)
	roundTrip(t, d.Peerings(), peering.Peering{LocalASID: n.peer.ID, PeerASID: n.us.ID, IXPID: n.ixp.ID, State: peering.Ignored, Evidence: peering.ByTicket,
		EvidenceText: "T-1", Via: peering.BothWays, IgnoredUntil: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC), Reason: "r"},
		func(v peering.Peering) peering.Meta { return v.Meta }, `{"state": "none", "ignored_until": null}`)
	roundTrip(t, d.Sessions(), peering.Session{Kind: peering.DirectSession, PeeringID: direct.ID, RouterID: n.router.ID, GroupID: group.ID, RelationshipID: class.ID,
		VRF: "v", Interface: "eth0", PeerAddress: netip.MustParseAddr("fe80::1"), LocalAddress: netip.MustParseAddr("fe80::2"), PeerAS: 64501, LocalAS: 64500,
		Families: bgp.Families, Intent: peering.Shutdown, HeldByHand: true, Sync: peering.SyncUnknown, Limits: limits, Policies: both, Communities: set, Tags: marks, ConfigContexts: given, Password: password,
		HoldTime: &hold, Multihop: 255, Passive: true, BFDID: fast.ID, ServiceReference: "ORDER-1 / 7", Description: "d", Context: data}, func(v peering.Session) peering.Meta { return v.Meta },
		`{"families": ["ipv6"], "hold_time": null, "password": null, "import_policies": [1, 3], "multihop": 0, "bfd_id": null, "service_reference": "x"}`)
	roundTrip(t, d.Sessions(), n.sessionTo2(), func(v peering.Session) peering.Meta { return v.Meta }, `{"intent": "draining"}`)
}

// sessionTo2 is an exchange session with all that is left out filled in, as it comes back.
func (n small) sessionTo2() peering.Session {
	s := n.sessionTo("2001:db8:1::2")
	s.Kind, s.Families, s.Intent, s.Sync, s.Context = peering.IXPSession, []bgp.Family{bgp.IPv6}, peering.Present, peering.NotDeployed, peering.Context("{}")
	s.Import, s.Export, s.Communities, s.Tags = []int64{}, []int64{}, []int64{}, []int64{}
	s.ConfigContexts = []peering.ContextRef{}
	return s
}

func TestEditsCanNotTouchIdentityNorWhatIsObserved(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	got, err := d.Sessions().Patch(t.Context(), anna, n.session.ID, 0,
		[]byte(`{"id": 77, "version": 9, "created_at": null, "sync": "in_sync", "watch_until": "2030-01-01T00:00:00Z", "description": "d"}`))
	if err != nil || got.ID != n.session.ID || got.Version != 2 || got.Sync != peering.NotDeployed || !got.WatchUntil.IsZero() || !got.CreatedAt.Equal(n.session.CreatedAt) || got.Description != "d" {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = d.Sessions().Patch(t.Context(), anna, n.session.ID, 2, []byte(`{"sync": "in_sync"}`))
	if err != nil || got.Version != 2 {
		t.Errorf("version %d, %v: an edit of what is observed alone is no edit", got.Version, err)
	}
}

func TestStepsThatCanNotBeAreRefused(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	patch := func(by peering.Actor, text string) error {
		_, err := d.Sessions().Patch(t.Context(), by, n.session.ID, 0, []byte(text))
		return err
	}
	wantKind(t, "removing before it is shut down", patch(anna, `{"intent": "removing"}`), peering.Conflict)
	if err := patch(anna, `{"intent": "shutdown", "held_by_hand": true}`); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "automation opens what was shut down by hand", patch(anna, `{"intent": "present"}`), peering.Denied)
	wantKind(t, "automation forgets that it was", patch(anna, `{"held_by_hand": false}`), peering.Denied)
	if err := patch(peering.Actor{Kind: peering.ActorUser, Name: "bob"}, `{"intent": "present", "held_by_hand": false}`); err != nil {
		t.Errorf("a person lifts it: %v", err)
	}
	_, err := d.Peerings().Patch(t.Context(), anna, n.peering.ID, 0, []byte(`{"state": "none"}`))
	wantKind(t, "an agreement that never was", err, peering.Conflict)
}

func TestEveryWriteIsLoggedWithBeforeAndAfter(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	bob := newUser(t, d, "bob", peering.Operator)
	by := peering.Actor{Kind: peering.ActorUser, UserID: bob.ID, Name: "bob", RequestID: "req-7"}
	site, err := d.Sites().Create(t.Context(), by, peering.Site{Slug: "ams"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Sites().Patch(t.Context(), by, site.ID, 1, []byte(`{"name": "Amsterdam"}`)); err != nil {
		t.Fatal(err)
	}
	if err := d.Sites().Delete(t.Context(), by, site.ID, 2); err != nil {
		t.Fatal(err)
	}
	var got []string
	for page := (peering.Page{Limit: 2}); ; {
		list, err := d.ChangeLog(t.Context(), []peering.Filter{{Field: "object", Values: []string{"site"}}}, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list.Items {
			if e.UserID != bob.ID || e.RequestID != "req-7" || e.ObjectID != site.ID || e.Actor != "bob" || e.At.IsZero() {
				t.Errorf("%+v", e)
			}
			got = append(got, e.Action+" "+nameIn(e.Before)+" "+nameIn(e.After))
		}
		if page.After = list.Next; page.After == "" {
			break
		}
	}
	var events int
	sqlRead(t, d, `SELECT count(*) FROM outbox o JOIN change_log l ON (o.body->>'log_id')::bigint = l.id AND l.action = o.event AND o.topic = 'site'`, nil, &events)
	if events != 3 {
		t.Errorf("%d outbox rows that name their entry, want 3", events)
	}
	if want := []string{"delete Amsterdam -", "update ams Amsterdam", "create - ams"}; !cmp.Equal(want, got) {
		t.Errorf("log %q, want %q", got, want)
	}
}

// nameIn is the name in a logged record, "-" where there was none.
func nameIn(record json.RawMessage) string {
	v := struct{ Name string }{"-"}
	_ = json.Unmarshal(record, &v)
	return v.Name
}
