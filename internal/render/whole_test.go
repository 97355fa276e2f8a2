package render

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// estate is two routers, each with a session with AS64501: the second one's platform ciphers passwords, and its session is asked for.
func estate(t testing.TB) peering.Inventory {
	t.Helper()
	d := desired(t, "bird")
	meta := func(id int64) peering.Meta {
		return peering.Meta{ID: id, CreatedAt: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)}
	}
	d.Networks[1] = peering.AutonomousSystem{Meta: meta(1), ASN: 64496, Name: "Us", Local: true}
	d.Networks[3] = peering.AutonomousSystem{Meta: meta(3), ASN: 64500, Name: "Us too", Local: true}
	d.Connections[2] = peering.Connection{Meta: meta(2), IXPID: 1, RouterID: 2, IPv4: netip.MustParseAddr("192.0.2.2"), IPv4LAN: netip.MustParsePrefix("192.0.2.0/24")}
	d.Peerings = map[int64]peering.Peering{1: {Meta: meta(1), State: peering.RequestedByUs}}
	d.Sessions[8] = peering.Session{Meta: meta(8), PeeringID: 1, Kind: peering.IXPSession, RouterID: 2, ConnectionID: 2, PeerAS: 64501, PeerAddress: netip.MustParseAddr("192.0.2.12"),
		Families: []bgp.Family{bgp.IPv4}, Intent: peering.Absent, Password: peering.SecretRef{ID: 18, Version: 1}}
	x := d.IXPs[1]
	x.IXLANID = 26
	d.IXPs[1] = x
	d.PeeringDB = peering.PDBObjects{LANs: []peering.PDBLAN{{PDBHead: peering.PDBHead{ID: 26}, Name: "the LAN"}}}
	d.Templates = map[int64]peering.Template{
		5: {Meta: meta(5), Name: "peers", Kind: peering.ExportTemplate, Dataset: "exchange-sessions", Body: "{% for s in dataset %}{{ s | ip }} {% endfor %}"},
		6: {Meta: meta(6), Name: "signature", Kind: peering.MailTemplate, Body: "{{ affiliated_autonomous_systems.first().name }}"},
	}
	return peering.Inventory{Desired: d,
		Routers: map[int64]peering.Router{
			1: {Meta: meta(1), Name: "edge1", LocalASID: 1, PlatformID: 1},
			2: {Meta: meta(2), Name: "edge2", LocalASID: 3, PlatformID: 2},
		},
		Platforms: map[int64]peering.PlatformRecord{1: {Meta: meta(1), Slug: "bird"}, 2: {Meta: meta(2), Slug: "juniper-junos"}},
	}
}

var noon = time.Date(2026, 2, 3, 12, 0, 0, 0, time.UTC)

func TestAnExportHasTheRecordsOfAllRouters(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"{% for s in dataset %}{{ s.id }} {{ s.ixp_connection.router }} {{ s.local_asn }} {{ s.status }} {{ s.encrypted_password }} {{ s.import_chain | iterate('slug') | join }};{% endfor %}":                                  "7 edge1 64496 enabled None peers-in;8 edge2 64500 requested <secret v1> peers-in;",
		"{{ dataset.filter(ixp_connection__router__name='edge2') | length }} {{ (dataset | first).autonomous_system | ixp_sessions | length }}":                                                                                  "1 2",
		"{{ now('%H') }} {{ (dataset | last).created }} {{ (dataset | last).ixp_connection.internet_exchange_point.connection_set.count() }} {{ (dataset | last).ixp_connection.internet_exchange_point.peeringdb_ixlan.name }}": "12 2026-02-03 04:05:06+00:00 2 the LAN",
	} {
		run, err := Export(t.Context(), peering.Template{Name: "all", Kind: peering.ExportTemplate, Dataset: "exchange-sessions", Body: body}, estate(t), noon)
		if err != nil || run.Text != want || run.Records != 2 || run.Dataset != "exchange-sessions" {
			t.Errorf("%s\n got %+v, %v\nwant %s", body, run, err, want)
		}
	}
	_, err := Export(t.Context(), peering.Template{Name: "all", Dataset: "routers", Body: "{% include_exporttemplate peers %}"}, estate(t), noon)
	if peering.KindOf(err) != peering.Invalid || !strings.Contains(err.Error(), "no exporttemplate template") {
		t.Errorf("an export in an export: %v", err)
	}
}

func TestAMailHasTheNetworkAndOurs(t *testing.T) {
	t.Parallel()
	mail := peering.Template{Name: "hello", Kind: peering.MailTemplate, Subject: " AS{{ autonomous_system.asn }} ",
		Body: "{{ autonomous_systems.0.asn }} {{ autonomous_systems.1.asn }} {{ affiliated_autonomous_systems | get(asn=64500) }} {% include_exporttemplate peers %}{% include_email signature %}"}
	for from, want := range map[int64]string{0: "64496 64501 AS64500 - Us too 192.0.2.11 192.0.2.12 Us", 3: "64500 64501 AS64500 - Us too 192.0.2.11 192.0.2.12 Us"} {
		if p, err := Mail(t.Context(), mail, estate(t), 2, from, noon); err != nil || p.Subject != "AS64501" || p.Body != want || p.To != "AS64501 Example Net" {
			t.Errorf("from %d: %+v, %v", from, p, err)
		}
	}
	none := estate(t)
	delete(none.Networks, 1)
	delete(none.Networks, 3)
	for what, c := range map[string]struct {
		all      peering.Inventory
		to, from int64
		kind     peering.Kind
	}{
		"a network that isn't there": {estate(t), 99, 0, peering.NotFound}, "of ours": {estate(t), 2, 99, peering.NotFound},
		"from a peer": {estate(t), 2, 2, peering.Invalid}, "none of ours": {none, 2, 0, peering.Conflict},
	} {
		if p, err := Mail(t.Context(), mail, c.all, c.to, c.from, noon); peering.KindOf(err) != c.kind || p.Body != "" {
			t.Errorf("%s: %+v, %v", what, p, err)
		}
	}
}

// A router's text doesn't move by the clock, whatever else is told elsewhere.
func TestARoutersTemplateIsToldNoTimes(t *testing.T) {
	t.Parallel()
	d := desired(t, "bird")
	s := d.Sessions[7]
	s.CreatedAt = noon
	d.Sessions[7] = s
	d.Template.Body = "{{ sessions[0].created }}"
	if text, err := Router(t.Context(), d); err != nil || text != "None" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestAMailsSubjectIsCheckedToo(t *testing.T) {
	t.Parallel()
	for subject, want := range map[string]string{
		"{{ autonomous_system.asn }}":         "",
		"{{ autonomous_sistem.asn }}":         `error unknown-variable subject 1:4 did you mean "autonomous_system"?`,
		"{{ autonomous_system.asnn }}":        "",
		"{{ autonomous_system.irr_as_sett }}": `warning unknown-field subject 1:21 did you mean "irr_as_set"?`,
		"{{ autonomous_system.asn":            "error syntax subject 1:22 mend the line: nothing else can be looked at before",
		"{{ 'x' | uper }}":                    `error unknown-filter subject 1:10 did you mean "upper"?`,
	} {
		var got string
		for _, f := range Check(t.Context(), peering.Template{Name: "hello", Kind: peering.MailTemplate, Subject: subject, Body: "Dear {{ autonomous_system.name }}"}, nil, nil) {
			got += string(f.Level) + " " + f.Code + " " + f.Template + fmt.Sprintf(" %d:%d ", f.Line, f.Column) + f.Fix
		}
		if got != want {
			t.Errorf("%s: %s, want %s", subject, got, want)
		}
	}
}
