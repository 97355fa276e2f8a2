package peering

import (
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
