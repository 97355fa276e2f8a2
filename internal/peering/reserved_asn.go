package peering

import (
	"maps"
	"slices"

	"peerflow/internal/bgp"
)

// asnPlace is where an AS number stands.
type asnPlace string

const (
	onRecord   asnPlace = "recorded"
	inLab      asnPlace = "lab router"
	direct     asnPlace = "direct session" // or a router's own
	atExchange asnPlace = "exchange"
)

// reservedASNs is the policy on AS numbers that no registry gives to a network:
// where else than in these places they are refused.
var reservedASNs = []struct {
	has    func(bgp.ASN) bool
	places []asnPlace
	says   string // why, and the remedy
}{
	{bgp.ASN.Unusable, nil, "is never a network's (RFC 6793, RFC 7300, RFC 7607): check the number"},
	{bgp.ASN.Documentation, []asnPlace{onRecord, inLab}, "is for documentation (RFC 5398), and only lab routers (lab: true, on loopback) have such: check the number"},
	{bgp.ASN.Private, []asnPlace{onRecord, inLab, direct}, "is for private use (RFC 6996), and another network at an exchange may use it too: only direct sessions have such"},
}

// asnAt refuses an AS number that may not stand in a place, and names the field; 0 is none.
func asnAt(place asnPlace, field string, asn bgp.ASN) error {
	for _, r := range reservedASNs {
		if asn != 0 && r.has(asn) && !slices.Contains(r.places, place) {
			return Errorf(Invalid, "%s: %s %s", field, asn, r.says)
		}
	}
	return nil
}

// RefuseReserved refuses a router of an AS that no router outside a lab can be of.
func (r Router) RefuseReserved(ours bgp.ASN) error {
	place := direct
	if r.Lab {
		place = inLab
	}
	return asnAt(place, "router "+r.Name+", local_as_id", ours)
}

// RefuseReserved refuses a session of a router with AS numbers that can't be there.
func (s Session) RefuseReserved(r Router, ours bgp.ASN) error {
	place := direct
	switch {
	case r.Lab:
		place = inLab
	case s.Kind == IXPSession:
		place = atExchange
	}
	if s.LocalAS != 0 {
		ours = s.LocalAS
	}
	return firstError(asnAt(place, "peer_asn", s.PeerAS), asnAt(place, "our AS", ours))
}

// Renumbers tells of an edit after which a session's AS numbers may stand where they may not.
func (s Session) Renumbers(before Session) bool {
	return s.RouterID != before.RouterID || s.Kind != before.Kind || s.PeerAS != before.PeerAS || s.LocalAS != before.LocalAS
}

// Renumbers is that of a router's own number, and of all its sessions'.
func (r Router) Renumbers(before Router) bool {
	return r.Lab != before.Lab || r.LocalASID != before.LocalASID
}

// refuseReserved refuses numbers that what a change does to the router or its sessions would have there;
// those that stood before do.
func (d Desired) refuseReserved(before Desired) error {
	all := d.Router.Renumbers(before.Router)
	if all {
		if err := d.Router.RefuseReserved(d.LocalAS.ASN); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(d.Sessions)) {
		s := d.Sessions[id]
		if old, stood := before.Sessions[id]; stood && !all && !s.Renumbers(old) {
			continue
		}
		if err := s.RefuseReserved(d.Router, d.LocalAS.ASN); err != nil {
			return Errorf(Invalid, "session %s (%d) of router %s: %w", s.PeerAddress, id, d.Router.Name, err)
		}
	}
	return nil
}
