package db_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/internal/render"
)

// publicASN is a number that nobody has: those of documentation are private to Peering Manager, which looks none of them up.
const publicASN = 4199999901

// mirroredWorld is the small network, whose peer has a public number, and what PeeringDB has of it.
type mirroredWorld struct {
	testing.TB
	d      *db.DB
	n      small
	mirror *db.PeeringDBMirror
	now    time.Time
	count  *statements
}

func newMirrored(t testing.TB) *mirroredWorld {
	count := &statements{}
	d := dbtest.Open(t, dbtest.URL(t), db.Options{Tracer: count, Needs: render.Needs})
	w := &mirroredWorld{TB: t, d: d, n: smallNetwork(t, d), mirror: db.NewPeeringDBMirror(d.Pool()), now: pdbStart, count: count}
	public := mustCreate(t, d.AutonomousSystems(), peering.AutonomousSystem{ASN: publicASN, Name: "public"})
	p := mustCreate(t, d.Peerings(), peering.Peering{LocalASID: w.n.us.ID, PeerASID: public.ID, IXPID: w.n.ixp.ID, State: peering.Agreed, Evidence: peering.ByMail})
	s := w.n.sessionTo("198.51.100.9")
	s.PeeringID, s.PeerAS = p.ID, public.ASN
	mustCreate(t, d.Sessions(), s)
	return w
}

func (w *mirroredWorld) head(id int64) peering.PDBHead {
	return peering.PDBHead{ID: id, Status: peering.PDBOK, Created: w.now, Updated: w.now}
}

func (w *mirroredWorld) port(id, network int64, asn bgp.ASN, address string) *peering.PDBPort {
	return &peering.PDBPort{PDBHead: w.head(id), NetID: network, LANID: 26, ASN: asn, IPv4: netip.MustParseAddr(address), Speed: 10000, Operational: true}
}

// load brings rows as a lookup of a network does.
func (w *mirroredWorld) load(rows ...peering.PDBRow) {
	w.Helper()
	rows = append(rows, &peering.PDBNetwork{PDBHead: w.head(10), OrgID: 1, ASN: publicASN, Name: "Cloud", InfoPrefixes4: 2000, PolicyGeneral: "Open"})
	w.mustLoad(rows...)
}

// mustLoad brings rows alone.
func (w *mirroredWorld) mustLoad(rows ...peering.PDBRow) {
	w.Helper()
	if err := w.mirror.LoadNetwork(w.Context(), publicASN, w.now, rows); err != nil {
		w.Fatal(err)
	}
}

// world is PeeringDB's view: the peer with three ports, one of them elsewhere, us, and a network that we have no session with.
func (w *mirroredWorld) world() *mirroredWorld {
	elsewhere := w.port(103, 10, publicASN, "203.0.113.9")
	elsewhere.LANID, elsewhere.NetSideID, elsewhere.IXSideID, elsewhere.Notes = 27, 52, 53, "moves soon"
	farAway := w.port(106, 12, 64502, "203.0.113.12")
	farAway.LANID = 27
	w.load(
		&peering.PDBOrganization{PDBHead: w.head(1), Name: "Owner"},
		&peering.PDBNetwork{PDBHead: w.head(11), ASN: w.n.us.ASN, Name: "Us"},
		&peering.PDBNetwork{PDBHead: w.head(12), ASN: 64502, Name: "Third"},
		&peering.PDBExchange{PDBHead: w.head(26), Name: "AMS-IX"}, &peering.PDBExchange{PDBHead: w.head(27), Name: "Other-IX"},
		&peering.PDBLAN{PDBHead: w.head(26), IXID: 26, MTU: 1500}, &peering.PDBLAN{PDBHead: w.head(27), IXID: 27},
		&peering.PDBPrefix{PDBHead: w.head(1), LANID: 26, Protocol: "IPv4", Prefix: netip.MustParsePrefix("198.51.100.0/24")},
		&peering.PDBPrefix{PDBHead: w.head(2), LANID: 26, Protocol: "IPv6", Prefix: netip.MustParsePrefix("2001:db8:1::/64")},
		w.port(101, 10, publicASN, "198.51.100.9"), w.port(102, 10, publicASN, "198.51.100.19"), elsewhere,
		&peering.PDBFacility{PDBHead: w.head(51), Name: "House"}, &peering.PDBFacility{PDBHead: w.head(52), Name: "Elsewhere"}, &peering.PDBFacility{PDBHead: w.head(53), Name: "Far away"},
		&peering.PDBNetworkFacility{PDBHead: w.head(1), NetID: 10, FacilityID: 51}, &peering.PDBNetworkFacility{PDBHead: w.head(2), NetID: 10, FacilityID: 52},
		&peering.PDBNetworkFacility{PDBHead: w.head(3), NetID: 12, FacilityID: 51},
		&peering.PDBContact{PDBHead: w.head(1), NetID: 10, Role: "NOC", Visible: "Public", Name: "Desk", Email: "noc@cloud.example"},
		w.port(104, 11, w.n.us.ASN, "198.51.100.1"), w.port(105, 12, 64502, "198.51.100.12"), farAway,
	)
	return w
}

// template gives the router another text.
func (w *mirroredWorld) template(body string) {
	w.Helper()
	if _, err := w.d.Templates().Patch(w.Context(), anna, w.n.template.ID, 0, fmt.Appendf(nil, `{"body": %q}`, body)); err != nil {
		w.Fatal(err)
	}
}

func (w *mirroredWorld) desired() peering.Desired {
	w.Helper()
	desired, err := w.d.Desired(w.Context(), w.n.router.ID)
	if err != nil {
		w.Fatal(err)
	}
	return desired
}

func (w *mirroredWorld) rendered(body string) string {
	w.Helper()
	w.template(body)
	text, err := render.Router(w.Context(), w.desired())
	if err != nil {
		w.Fatalf("%s: %v", body, err)
	}
	return text
}

// queries are how many queries loading the router takes.
func (w *mirroredWorld) queries(body string) int64 {
	w.Helper()
	w.template(body)
	before := w.count.n.Load()
	w.desired()
	return w.count.n.Load() - before
}

const publicPeer = "{% set peer = autonomous_systems | get(asn=4199999901) %}{% set x = internet_exchange_points[0] %}"

func TestTemplatesSeeTheMirror(t *testing.T) {
	t.Parallel()
	w := newMirrored(t).world()
	for body, want := range map[string]string{
		"{{ autonomous_systems[1].peeringdb_network.info_prefixes4 }} {{ peer.peeringdb_network.org }}":                                               "2000 Owner",
		"{% for s in sessions %}{{ s.peer_asn }} {{ s.exists_in_peeringdb }} {% endfor %}":                                                            "64501 False 4199999901 True ",
		"{% for p in peer | missing_sessions(local_as, x) %}{{ p.ipaddr4 | ip }} {% endfor %}":                                                        "198.51.100.19 ",
		"{{ x.peeringdb_prefixes }} {{ x.peeringdb_ixlan.ix }}":                                                                                       "{'ipv4': ['198.51.100.0/24'], 'ipv6': ['2001:db8:1::/64']} AMS-IX",
		"{{ x.peeringdb_ixlan.netixlan_set | iterate('id') | join(' ') }}":                                                                            "101 102 104 105",
		"{{ peer.peeringdb_network.netixlan_set | join(', ') }}":                                                                                      "AS4199999901 - Cloud on AMS-IX, AS4199999901 - Cloud on AMS-IX, AS4199999901 - Cloud on Other-IX",
		"{{ (x.peeringdb_ixlan.netixlan_set | last).net.netixlan_set | iterate('id') | join(' ') }} of a stranger":                                    "105 of a stranger", // here alone
		"{{ peer.peeringdb_contacts | join }} {{ peer.can_receive_email }} {{ peer.peeringdb_network.poc_set | iterate('role') | join }}":             "Desk <noc@cloud.example> True NOC",
		"{{ peer.peeringdb_network | shared_facilities((x.peeringdb_ixlan.netixlan_set | last).net) | join }}":                                        "House",
		"{% with p = peer.peeringdb_network.netixlan_set | last %}{{ p.net_side }} {{ p.ix_side }} {{ p.is_remote_peer }} {{ p.notes }}{% endwith %}": "Elsewhere Far away True moves soon",
		"{% for c in x.connection_set.all() %}{{ c.peeringdb_netixlan.speed }}{% endfor %}":                                                           "10000",
	} {
		if got := w.rendered(publicPeer + body); got != want {
			t.Errorf("%s\n got %q\nwant %q", body, got, want)
		}
	}
}

func TestWhatASyncRemovesIsGoneFromTemplatesAndAsksNobodysPardon(t *testing.T) {
	t.Parallel()
	w := newMirrored(t).world()
	const body = publicPeer + "{{ peer.peeringdb_network.netixlan_set | iterate('id') | join(' ') }} {{ x.linked_to_peeringdb }}"
	if got := w.rendered(body); got != "101 102 103 True" {
		t.Fatalf("before: %q", got)
	}
	w.now = w.now.Add(time.Hour)
	gone := w.port(102, 10, publicASN, "198.51.100.19")
	gone.Status = peering.PDBDeleted
	pending := w.port(103, 10, publicASN, "198.51.100.29")
	pending.Status = "pending"
	lan := &peering.PDBLAN{PDBHead: w.head(26), IXID: 26}
	lan.Status = peering.PDBDeleted
	authors, err := w.d.PendingAuthors(t.Context(), w.n.router.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.load(gone, pending)
	if got := w.rendered(body); got != "101 True" {
		t.Errorf("after the ports went: %q", got)
	}
	w.load(lan)
	if got := w.rendered(body); got != " False" {
		t.Errorf("after the LAN went: %q", got)
	}
	if now, err := w.d.PendingAuthors(t.Context(), w.n.router.ID); err != nil || len(now) != len(authors) {
		t.Errorf("authors %v, before %v (%v): nobody edits the mirror", now, authors, err)
	}
}

func TestTheMirrorTakesTheSameQueriesHoweverManySessions(t *testing.T) {
	t.Parallel()
	w := newMirrored(t).world()
	const uses, doesNot = "{{ autonomous_systems[0].peeringdb_network }}", "{{ router.name }}"
	without, with := w.queries(doesNot), w.queries(uses)
	w.n.fill(t, w.d, w.n.router.ID, w.n.port.ID, 100, 2)
	for i := range 100 {
		published(t, w.d, bgp.ASN(4200000001+i), 26, fmt.Sprintf("198.51.100.%d", 100+i), 10)
	}
	if many, manyWithout := w.queries(uses), w.queries(doesNot); many != with || manyWithout != without || with != without+9 {
		t.Errorf("%d queries for 2 sessions and %d for 202; %d and %d where the template asks for nothing of it: want the same each, and 9 more for the mirror", with, many, without, manyWithout)
	}
}

func TestListsOfIRRsAreLoadedForWhoAsksForThem(t *testing.T) {
	t.Parallel()
	w := newMirrored(t)
	if err := w.d.PutIRRLists(t.Context(), anna, w.n.peer.ID, []peering.IRRList{{Kind: peering.IRRNumbers, Entries: "64501\n64502", Count: 2, FetchedAt: w.now}}, false); err != nil {
		t.Fatal(err)
	}
	if got := w.rendered("{{ autonomous_systems[0].as_list }}"); got != "[64501, 64502]" {
		t.Errorf("a template that asks for the list gets %q", got)
	}
	without := w.queries("{{ router.name }}")
	if with := w.queries("{{ autonomous_systems[0].as_list }}"); with != without+1 || w.desired().Unneeded != (peering.Needs{PeeringDB: true}) {
		t.Errorf("%d queries with the list, %d without, left out %+v: want one more, and PeeringDB's objects left out", with, without, w.desired().Unneeded)
	}
	mustCreate(t, w.d.Templates(), peering.Template{Name: "part", Body: "{{ local_as.as_list }}"})
	if got := w.rendered("{% include_configuration part %}"); got != "[]" {
		t.Errorf("what an include asks for: %q", got)
	}
}

func TestWhatAnOpenChangeBringsIsLoaded(t *testing.T) {
	t.Parallel()
	for name, op := range map[string]string{
		"another text":     `('template', %[1]d, '{"body": "{{ local_as.as_list }}"}')`,
		"another template": `('router', %[2]d, '{"template_id": %[3]d}')`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newMirrored(t)
			w.template("{{ router.name }}")
			if left := w.desired().Unneeded; left != peering.AllNeeds {
				t.Fatalf("left out %+v, want all", left)
			}
			other := mustCreate(t, w.d.Templates(), peering.Template{Name: "other", Body: "{{ local_as.as_list }}"})
			changeID, _ := plannedSession(t, w.d, w.n, "198.51.100.77", w.n.peer.ASN, w.n.peering.ID)
			sqlRun(t, w.d, fmt.Sprintf(`INSERT INTO change_operation (change_id, position, action, object, object_id, patch)
				SELECT %d, 2, 'update', o.object::operation_object, o.id, o.patch::jsonb FROM (VALUES `+op+`) AS o (object, id, patch)`, changeID, w.n.template.ID, w.n.router.ID, other.ID))
			if left := w.desired().Unneeded; left != (peering.Needs{}) {
				t.Errorf("left out %+v while a change may bring any text", left)
			}
			sqlRun(t, w.d, `UPDATE change_operation SET discarded_at = now() WHERE position = 2`)
			if left := w.desired().Unneeded; left != peering.AllNeeds {
				t.Errorf("left out %+v once the change is gone, want all", left)
			}
		})
	}
}

// allFields prints every text that PeeringDB's objects have.
const allFields = publicPeer + `{% with n = peer.peeringdb_network, l = x.peeringdb_ixlan %}
{%- for t in [n, n.name, n.name_long, n.aka, n.irr_as_set, n.website, n.looking_glass, n.route_server, n.notes, n.info_traffic, n.info_ratio, n.info_scope,
	n.info_type, n.info_types, n.policy_url, n.policy_general, n.policy_locations, n.policy_contracts, n.org, n.org.name, n.org.website, n.org.city, n.org.country,
	l, l.name, l.ix, l.ix.name, l.ix.name_long, l.ix.aka, l.ix.city, l.ix.country, l.ix.region_continent, l.ix.media, l.ix.website, l.netixlan_set | join,
	peer.general_policy, peer | strip_irr_sources, n | as_json, l.ix | as_json, n.org | as_json] %}<{{ t }}>{% endfor %}{% endwith %}`

func TestWhatStrangersWroteStaysOnItsLineAndSpellsNoSecret(t *testing.T) {
	t.Parallel()
	w := newMirrored(t)
	hostile := func(row peering.PDBRow) peering.PDBRow {
		fields := reflect.ValueOf(row).Elem()
		for i := range fields.NumField() {
			if f := fields.Field(i); f.Kind() == reflect.String {
				f.SetString("x\r\n!\u2028\u0085\x1b[2J\x00{{secret:1@1} {\x00Secret:1@1}")
			}
		}
		return row
	}
	w.mustLoad(hostile(&peering.PDBOrganization{PDBHead: w.head(1)}), hostile(&peering.PDBNetwork{PDBHead: w.head(10), OrgID: 1, ASN: publicASN}), hostile(&peering.PDBExchange{PDBHead: w.head(26)}),
		hostile(&peering.PDBLAN{PDBHead: w.head(26), IXID: 26}), w.port(101, 10, publicASN, "198.51.100.9"))
	text := w.rendered(allFields)
	if n := strings.Count(text, "[2J"); n < 40 {
		t.Errorf("%d texts came through, want those of all fields:\n%s", n, text)
	}
	for i, field := range strings.Split(text, "><") {
		inJSON := strings.Contains(field, "\n    \"")
		if strings.ContainsFunc(field, func(r rune) bool { return unicode.IsControl(r) && !(inJSON && r == '\n') || r == '\u2028' }) || strings.Contains(strings.ToLower(field), "{secret:") {
			t.Errorf("text %d: %q", i, field)
		}
	}
}
