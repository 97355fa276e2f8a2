package db_test

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// named prints what the records of a router refer to.
const named = all + `
{{ router.platform.name }}/{{ router.platform.slug }}/{{ router.platform.napalm_driver }} {{ router.configuration_template.name }}
{%- for s in sessions %} {{ s.peer_address }}: {{ s.autonomous_system }} {% if s.kind == "direct" %}{{ s.local_autonomous_system }} {{ s.bgp_group }}{% endif %} {{ s.relationship }} {{ s.bfd }} {{ s.import_chain }} {{ s.families }} {{ s.local_asn }}
{%- if s.kind == "ixp" %} {{ s.ixp_connection }} {{ s.ixp_connection.internet_exchange_point }} {{ s.is_route_server }}{% endif %}{% endfor %}
{%- for x in internet_exchange_points %} {{ x }}: {{ x.local_autonomous_system }}{% for c in x.connection_set.all() %} {{ c }} {{ c.router }}{% endfor %}{% endfor %}
{%- for c in router.connection_set.all() %} {{ c }}{% endfor %}`

// moves is what operations may move a router to.
type moves struct {
	small
	ids map[string]int64
}

func moving(t *testing.T, d *db.DB) moves {
	t.Helper()
	n := moves{smallNetwork(t, d), map[string]int64{}}
	spare := mustCreate(t, d.AutonomousSystems(), peering.AutonomousSystem{ASN: 64509, Name: "spare", Local: true})
	peer := mustCreate(t, d.AutonomousSystems(), peering.AutonomousSystem{ASN: 64502, Name: "second", Policies: peering.Policies{Import: []int64{n.accept.ID}}})
	published(t, d, n.peer.ASN, 26, "198.51.100.2", 500)
	published(t, d, peer.ASN, 26, "198.51.100.22", 1000)
	published(t, d, 64510, 26, "198.51.100.23", 2000) // that has no record
	group := mustCreate(t, d.BGPGroups(), peering.BGPGroup{Slug: "transit", Name: "Transit"})
	direct := mustCreate(t, d.Peerings(), peering.Peering{LocalASID: n.us.ID, PeerASID: n.peer.ID, State: peering.Agreed, Evidence: peering.ByMail})
	mustCreate(t, d.Sessions(), peering.Session{PeeringID: direct.ID, RouterID: n.router.ID, PeerAddress: netip.MustParseAddr("192.0.2.77"), PeerAS: n.peer.ASN})
	other := mustCreate(t, d.Routers(), peering.Router{Name: "fra-1", SiteID: n.site.ID, PlatformID: n.platform.ID, LocalASID: n.us.ID, Address: "127.0.0.2:22", Lab: true})
	far := mustCreate(t, d.IXPs(), peering.IXP{Slug: "far-ix", Name: "Far", LocalASID: spare.ID, Policies: peering.Policies{Import: []int64{n.accept.ID}}})
	lan := netip.MustParsePrefix("203.0.113.0/24")
	theirs := mustCreate(t, d.Connections(), peering.Connection{IXPID: far.ID, RouterID: other.ID, IPv4: netip.MustParseAddr("203.0.113.1"), IPv4LAN: lan})
	n.ids = map[string]int64{"router": n.router.ID, "session": n.session.ID, "ixp": n.ixp.ID, "port": n.port.ID, "us": n.us.ID, "peer": n.peer.ID,
		"spare": spare.ID, "second": peer.ID, "group": group.ID, "far": far.ID, "theirs": theirs.ID, "other": other.ID,
		"peering":    mustCreate(t, d.Peerings(), peering.Peering{LocalASID: spare.ID, PeerASID: peer.ID, IXPID: n.ixp.ID}).ID,
		"platform":   mustCreate(t, d.Platforms(), peering.PlatformRecord{Slug: "bird3", Name: "BIRD 3", Driver: "bird"}).ID,
		"openconfig": mustCreate(t, d.Platforms(), peering.PlatformRecord{Slug: "sros", Name: "SR OS", Driver: "openconfig"}).ID,
		"template":   mustCreate(t, d.Templates(), peering.Template{Name: "second", Body: named}).ID,
		"class":      mustCreate(t, d.Relationships(), peering.Relationship{Slug: "rs", Name: "Route server", Role: bgp.RoleRSClient}).ID,
		"bfd":        mustCreate(t, d.BFD(), peering.BFD{Slug: "fast"}).ID,
		"direct":     direct.ID,
	}
	if _, err := d.Templates().Patch(t.Context(), anna, n.template.ID, 0, patch(map[string]any{"body": named})); err != nil {
		t.Fatal(err)
	}
	return n
}

// operations reads operations in which $name stands for an id: a line for each, with its action, object, id and patch.
func (n moves) operations(t *testing.T, text string) (ops []peering.Operation) {
	t.Helper()
	for name, id := range n.ids {
		text = strings.ReplaceAll(text, "$"+name+"$", strconv.FormatInt(id, 10))
	}
	for line := range strings.SplitSeq(text, "\n") {
		f := strings.SplitN(strings.TrimSpace(line), " ", 4)
		id, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		ops = append(ops, peering.Operation{RouterID: n.router.ID, Object: peering.ObjectKind(f[1]), ObjectID: id, Action: peering.Action(f[0]), Patch: []byte(f[3])})
	}
	return ops
}

// Whatever record an operation moves a router's records to, used there or not: what people approve is what the record renders to later.
func TestAChangeThatMovesARecordRendersWhatItsRecordRenders(t *testing.T) {
	t.Parallel()
	const port = `"ipv4": "203.0.113.9", "ipv4_lan": "203.0.113.0/24"`
	for name, test := range map[string]string{
		"a router to another local network":                 `update router $router$ {"local_as_id": $spare$}`,
		"a router to another platform of its driver":        `update router $router$ {"platform_id": $platform$}`,
		"a router to another template":                      `update router $router$ {"template_id": $template$}`,
		"an exchange to another local network":              `update ixp $ixp$ {"local_as_id": $spare$}`,
		"an exchange to a class":                            `update ixp $ixp$ {"relationship_id": $class$}`,
		"a session to another local number":                 `update session $session$ {"local_asn": 64509}`,
		"a direct session to another local number":          "update session $session$ {\"kind\": \"direct\", \"connection_id\": 0, \"local_asn\": 64509}",
		"a session to another peer":                         `update session $session$ {"peering_id": $peering$, "peer_asn": 64502}`,
		"a session to a number that has no record":          `update session $session$ {"peer_asn": 64510}`,
		"a session to a peering of another network":         `update session $session$ {"peering_id": $peering$}`,
		"a session to a class":                              `update session $session$ {"relationship_id": $class$}`,
		"a session to BFD":                                  `update session $session$ {"bfd_id": $bfd$}`,
		"a session to a group":                              `update session $session$ {"kind": "direct", "connection_id": 0, "group_id": $group$}`,
		"a group to a class, and a session to the group":    "update bgp_group $group$ {\"relationship_id\": $class$}\nupdate session $session$ {\"kind\": \"direct\", \"connection_id\": 0, \"group_id\": $group$}",
		"a connection to another exchange":                  `update connection $port$ {"exchange_id": $far$, ` + port + `}`,
		"a connection that is gone":                         "delete session $session$ {}\ndelete connection $port$ {}",
		"a network to a number that sessions have":          "update autonomous_system $peer$ {\"asn\": 64999}\nupdate autonomous_system $second$ {\"asn\": 64501}",
		"a network to a number of a session that is new":    "update autonomous_system $second$ {\"asn\": 64510}\nupdate session $session$ {\"peer_asn\": 64510}",
		"a network's name, and a router to the network":     "update autonomous_system $spare$ {\"name\": \"renamed\"}\nupdate router $router$ {\"local_as_id\": $spare$}",
		"a router to a template that a change has edited":   "update template $template$ {\"body\": \"{{ router.name }}\"}\nupdate router $router$ {\"template_id\": $template$}",
		"a router's new connection, at another exchange":    `create connection 0 {"exchange_id": $far$, "router_id": $router$, ` + port + `}`,
		"a new session with a number that has no record":    `create session 0 {"peering_id": $direct$, "router_id": $router$, "peer_address": "192.0.2.99", "peer_asn": 64510}`,
		"a new session from another local number":           `create session 0 {"peering_id": $direct$, "router_id": $router$, "peer_address": "192.0.2.99", "peer_asn": 64501, "local_asn": 64509}`,
		"a new session of another peer at the new exchange": `create session 0 {"kind": "ixp", "peering_id": $peering$, "connection_id": $port$, "router_id": $router$, "peer_address": "198.51.100.22", "peer_asn": 64502}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dbtest.New(t)
			n := moving(t, d)
			by := asUser(newUser(t, d, "author", peering.Operator))
			change, _, err := d.CreateChange(t.Context(), by, db.NewChange{Kind: peering.KindMaintenance, Reason: "a test",
				Request: peering.ChangeRequest{Operations: n.operations(t, test)}})
			if err != nil {
				t.Fatal(err)
			}
			ops, err := d.Overlay(t.Context(), change.ID)
			if err != nil {
				t.Fatal(err)
			}
			before, with := renderedAs(t, d, n.router.ID, ops...)
			err = d.Write(t.Context(), anna, func(tx *db.Tx) error { return db.ApplyOperations(t.Context(), tx, ops) })
			if err != nil {
				t.Fatal(err)
			}
			sqlRun(t, d, `UPDATE change_operation SET applied_at = now()`)
			recorded, _ := renderedAs(t, d, n.router.ID)
			if with != recorded {
				t.Errorf("with the operations\n%s\nonce they are recorded\n%s", with, recorded)
			}
			if before == recorded && name != "a session to a peering of another network" {
				t.Errorf("moves nothing:\n%s", before)
			}
		})
	}
}

// A text for one driver isn't written through another one.
func TestAChangeDoesNotMoveARouterToAnotherDriver(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := moving(t, d)
	desired, err := d.Desired(t.Context(), n.router.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = desired.Apply(n.operations(t, `update router $router$ {"platform_id": $openconfig$}`))
	wantKind(t, "another driver", err, peering.Unsupported)
	if err == nil || !strings.Contains(err.Error(), "from driver bird to openconfig") || !strings.Contains(err.Error(), "platform_id") {
		t.Errorf("%v: want both drivers and the remedy", err)
	}
}

// What an operation does is rendered on the router that it names, and approved as such: on another one nobody would have seen it.
func TestAnOperationNamesItsObjectsOwnRouter(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := moving(t, d)
	there := mustCreate(t, d.Sessions(), peering.Session{PeeringID: n.ids["direct"], RouterID: n.ids["other"], PeerAddress: netip.MustParseAddr("192.0.2.78"), PeerAS: n.peer.ASN})
	n.ids["there"] = there.ID
	by := asUser(newUser(t, d, "author", peering.Operator))
	propose := func(ops []peering.Operation) (peering.Change, error) {
		c, _, err := d.CreateChange(t.Context(), by, db.NewChange{Kind: peering.KindMaintenance, Reason: "a test", Request: peering.ChangeRequest{Operations: ops}})
		return c, err
	}
	for name, c := range map[string]struct{ test, says string }{
		"a session edited":                  {`update session $there$ {"description": "unseen"}`, "nothing of session "},
		"a session shut":                    {`update session $there$ {"intent": "shutdown"}`, "name router "},
		"a session deleted":                 {`delete session $there$ {}`, "nothing of session "},
		"a session moved here":              {`update session $there$ {"router_id": $router$}`, "delete and create"},
		"a session moved away":              {`update session $session$ {"router_id": $other$}`, "delete and create"},
		"a connection moved here":           {`update connection $theirs$ {"router_id": $router$}`, "delete and create"},
		"a connection moved away":           {"delete session $session$ {}\nupdate connection $port$ {\"router_id\": $other$}", "operation 2: "},
		"a connection edited":               {`update connection $theirs$ {"description": "unseen"}`, "nothing of connection "},
		"a connection deleted":              {`delete connection $theirs$ {}`, "nothing of connection "},
		"a connection made there":           {`create connection 0 {"exchange_id": $ixp$, "router_id": $other$, "ipv4": "198.51.100.88", "ipv4_lan": "198.51.100.0/24"}`, "nothing of the new connection"},
		"another router edited":             {`update router $other$ {"address": "192.0.2.3:22"}`, "nothing of router "},
		"another router after its own edit": {"update session $session$ {\"description\": \"seen\"}\nupdate router $other$ {\"address\": \"192.0.2.3:22\"}", "operation 2: "},
	} {
		_, err := propose(n.operations(t, c.test))
		wantKind(t, name, err, peering.Invalid)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	ops := n.operations(t, "update session $there$ {\"description\": \"seen\"}\nupdate connection $theirs$ {\"description\": \"seen\"}")
	ops[0].RouterID, ops[1].RouterID = 0, 0
	change, err := propose(ops)
	if err != nil {
		t.Fatal(err)
	}
	if ops, err = d.Overlay(t.Context(), change.ID); err != nil || len(ops) != 2 || ops[0].RouterID != n.ids["other"] || ops[1].RouterID != n.ids["other"] {
		t.Errorf("operations that name no router: %+v, %v; want their records' own", ops, err)
	}
}

// A record that an edit moves or deletes between the proposal and the plan, or the confirm.
func TestAnOperationDoesNotFollowItsRecordToAnotherRouter(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := moving(t, d)
	direct := mustCreate(t, d.Sessions(), peering.Session{PeeringID: n.ids["direct"], RouterID: n.router.ID, PeerAddress: netip.MustParseAddr("192.0.2.79"), PeerAS: n.peer.ASN})
	spare := mustCreate(t, d.Connections(), peering.Connection{IXPID: n.ixp.ID, RouterID: n.router.ID, IPv4: netip.MustParseAddr("198.51.100.88"), IPv4LAN: netip.MustParsePrefix("198.51.100.0/24")})
	n.ids["direct_session"], n.ids["spare_port"] = direct.ID, spare.ID
	elsewhere := patch(map[string]any{"router_id": n.ids["other"]})
	movedSession, err := d.Sessions().Patch(t.Context(), anna, direct.ID, 0, elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	movedPort, err := d.Connections().Patch(t.Context(), anna, spare.ID, 0, elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	desired, err := d.Desired(t.Context(), n.router.ID)
	if err != nil {
		t.Fatal(err)
	}
	record := func(ops []peering.Operation) error {
		return d.Write(t.Context(), anna, func(tx *db.Tx) error { return db.ApplyOperations(t.Context(), tx, ops) })
	}
	for _, what := range []string{"session $direct_session$", "connection $spare_port$"} {
		update, remove := n.operations(t, "update "+what+` {"description": "for here"}`), n.operations(t, "delete "+what+" {}")
		_, err = desired.Apply(update)
		wantKind(t, what+" planned", err, peering.Conflict)
		if _, err := desired.Apply(remove); err != nil {
			t.Errorf("%s: to take off what is gone here: %v", what, err)
		}
		wantKind(t, what+" recorded", record(update), peering.Conflict)
		if err := record(remove); err != nil {
			t.Errorf("%s: recorded: %v", what, err)
		}
	}
	if now, err := d.Sessions().Get(t.Context(), direct.ID); err != nil || now.Version != movedSession.Version {
		t.Errorf("the session on the other router: %+v, %v; want it as it was", now, err)
	}
	if now, err := d.Connections().Get(t.Context(), spare.ID); err != nil || now.Version != movedPort.Version {
		t.Errorf("the connection on the other router: %+v, %v; want it as it was", now, err)
	}
}
