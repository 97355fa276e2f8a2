package peering

import (
	"net/netip"
	"strings"
	"testing"

	"peerflow/internal/bgp"
)

func TestReservedNumbersStandWhereTheyMay(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		numbers                         []bgp.ASN
		recorded, lab, direct, exchange bool
		says                            string
	}{
		"assigned":              {[]bgp.ASN{2914, 23455, 64495, 131072, 4199999999}, true, true, true, true, ""},
		"never a network's":     {[]bgp.ASN{23456, 65535, 4294967295}, false, false, false, false, "never a network's"},
		"documentation":         {[]bgp.ASN{64496, 64511, 65536, 65551}, true, true, false, false, "documentation (RFC 5398)"},
		"private":               {[]bgp.ASN{64512, 65534, 4200000000, 4294967294}, true, true, true, false, "private use (RFC 6996)"},
		"reserved, and not set": {[]bgp.ASN{0}, true, true, true, true, ""}, // what is missing is told elsewhere
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, asn := range tt.numbers {
				wants := func(where string, err error, may bool) {
					t.Helper()
					if (err == nil) != may || err != nil && (KindOf(err) != Invalid || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), asn.String())) {
						t.Errorf("%s %s: %v, may: %t", asn, where, err, may)
					}
				}
				if asn != 0 {
					wants("on record", (&AutonomousSystem{ASN: asn}).Complete(), tt.recorded)
				}
				real, lab := Router{Name: "edge1"}, Router{Name: "edge1", Lab: true}
				const ours bgp.ASN = 2914
				wants("own, lab", lab.RefuseReserved(asn), tt.lab)
				wants("own", real.RefuseReserved(asn), tt.direct)
				for _, s := range []Session{{PeerAS: asn}, {PeerAS: 3333, LocalAS: asn}} {
					s.Kind = DirectSession
					wants("lab", s.RefuseReserved(lab, ours), tt.lab)
					wants("direct", s.RefuseReserved(real, ours), tt.direct)
					s.Kind = IXPSession
					wants("lab's exchange", s.RefuseReserved(lab, ours), tt.lab)
					wants("exchange", s.RefuseReserved(real, ours), tt.exchange)
				}
				wants("the router's, at an exchange", Session{Kind: IXPSession, PeerAS: 3333}.RefuseReserved(real, asn), tt.exchange)
			}
		})
	}
}

// All of a change's operations count together, and what stood before isn't asked about.
func TestAChangeBringsNoReservedNumberWhereItMayNotStand(t *testing.T) {
	t.Parallel()
	const doc, own, ixp, out = "64501", `{"local_as_id": 2}`, `"kind": "ixp", "connection_id": 1, `, `{"lab": false, "address": "203.0.113.1:22"}`
	session := func(asn, more string) Operation {
		return Operation{RouterID: 1, Object: ObjectSession, ObjectID: 9, Action: Create,
			Patch: []byte(`{"peering_id": 1, "router_id": 1, "peer_address": "203.0.113.9", ` + more + `"peer_asn": ` + asn + `}`)}
	}
	router := func(patch string) Operation {
		return Operation{RouterID: 1, Object: ObjectRouter, ObjectID: 1, Action: Update, Patch: []byte(patch)}
	}
	update := func(patch string) Operation {
		return Operation{RouterID: 1, Object: ObjectSession, ObjectID: 5, Action: Update, Patch: []byte(patch)}
	}
	lab, inPrivate, real := Router{Lab: true, LocalASID: 1}, Router{LocalASID: 3}, Router{LocalASID: 2}
	for name, c := range map[string]struct {
		router  Router
		ops     []Operation
		refused string
	}{
		"a lab's":                                  {lab, []Operation{session(doc, "")}, ""},
		"of a router that left the lab since":      {real, []Operation{session(doc, "")}, "session 203.0.113.9 (9) of router edge1: peer_asn: AS64501"},
		"of one that leaves it with the session":   {lab, []Operation{router(own), router(out), session(doc, "")}, "AS64501"},
		"an AS that comes along":                   {real, []Operation{{Object: ObjectAutonomousSystem, ObjectID: 7, Action: Create, Patch: []byte(`{"asn": 64500}`)}, router(`{"local_as_id": 7}`)}, "local_as_id: AS64500"},
		"its public AS, and an exchange's session": {inPrivate, []Operation{router(own), session("2914", ixp), update(`{"peer_asn": 2914}`)}, ""},
		"an exchange's session of a private AS":    {inPrivate, []Operation{session("2914", ixp)}, "our AS: AS64512"},
		"another edit of one that stood":           {real, []Operation{update(`{"description": "edited"}`)}, ""},
		"one that stood, renumbered":               {real, []Operation{update(`{"peer_asn": 65535}`)}, "session 192.0.2.5 (5)"},
		"the router of one that stood, renumbered": {inPrivate, []Operation{router(own)}, "session 192.0.2.5 (5) of router edge1: peer_asn: AS64502"},
	} {
		c.router.Meta, c.router.Name, c.router.Address, c.router.SiteID, c.router.PlatformID = Meta{ID: 1}, "edge1", "127.0.0.1:22", 1, 1
		there := Session{Meta: Meta{ID: 5}, Kind: DirectSession, PeeringID: 1, RouterID: 1, PeerAddress: netip.MustParseAddr("192.0.2.5"), PeerAS: 64502}
		if c.router.Lab {
			there.PeerAS = 2914
		}
		networks := map[int64]AutonomousSystem{}
		for id, asn := range map[int64]bgp.ASN{1: 64500, 2: 3333, 3: 64512} {
			networks[id] = AutonomousSystem{Meta: Meta{ID: id}, ASN: asn}
		}
		d := Desired{Router: c.router, LocalAS: networks[c.router.LocalASID], Networks: networks, Sessions: map[int64]Session{5: there}}
		_, err := d.Apply(c.ops)
		if (err == nil) != (c.refused == "") || err != nil && (KindOf(err) != Invalid || !strings.Contains(err.Error(), c.refused)) {
			t.Errorf("%s: %v, want %q", name, err, c.refused)
		}
	}
}
