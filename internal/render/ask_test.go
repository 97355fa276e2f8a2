package render

import (
	"net/netip"
	"testing"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

func TestOneTextCoversAllExchanges(t *testing.T) {
	t.Parallel()
	session := func(f bgp.Family, ours, theirs string) peering.AskSession {
		return peering.AskSession{Family: f, OurASN: 64496, Ours: netip.MustParseAddr(ours), Theirs: netip.MustParseAddr(theirs)}
	}
	locked := session(bgp.IPv4, "198.51.100.1", "198.51.100.11")
	locked.Password = true
	text, err := Ask(t.Context(), peering.Ask{
		Peer: peering.AskSide{ASN: 64501, Name: "Example Net", IRRASSet: "AS64501:AS-ALL", Limits: peering.PDBLimits{IPv4: 20}},
		Us:   []peering.AskSide{{ASN: 64496, Name: "Our Net", IRRASSet: "AS-OURS", Limits: peering.PDBLimits{IPv4: 10, IPv6: 5}, Contact: "peering@example.net"}},
		Exchanges: []peering.AskExchange{
			{Name: "Example-IX", Sessions: []peering.AskSession{session(bgp.IPv4, "192.0.2.1", "192.0.2.11"), session(bgp.IPv6, "2001:db8::1", "2001:db8::11")}},
			{Name: "Other-IX", Agreed: true, Sessions: []peering.AskSession{locked}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	const subject, body = "Peering AS64496 with AS64501 at Example-IX, Other-IX", `Dear peering team of Example Net,

we would like to peer with AS64501 over these sessions:

Example-IX

  ours                      yours
  192.0.2.1                 192.0.2.11
  2001:db8::1               2001:db8::11

Other-IX (agreed, and not up yet)

  ours                      yours
  198.51.100.1              198.51.100.11  (TCP MD5: the password follows separately)

Please configure them on your side with our

  AS number   AS64496 Our Net
  AS-SET      AS-OURS
  max-prefix  IPv4 10, IPv6 5
  contact     peering@example.net, https://www.peeringdb.com/asn/64496

We go by what AS64501 publishes in PeeringDB:

  AS-SET      AS64501:AS-ALL
  prefixes    IPv4 20

Please tell us when your side is ready, or what you would like otherwise.
`
	if text.Subject != subject || text.Body != body {
		t.Errorf("%s\n\n%s", text.Subject, text.Body)
	}
	if text.Contacts != "https://www.peeringdb.com/asn/64501" {
		t.Error(text.Contacts)
	}
}

func TestATextOfAFewKnownThingsLeavesTheOthersOut(t *testing.T) {
	t.Parallel()
	text, err := Ask(t.Context(), peering.Ask{Peer: peering.AskSide{ASN: 64501}, Us: []peering.AskSide{{ASN: 64496}},
		Exchanges: []peering.AskExchange{{Name: "Example-IX", Agreed: true, Sessions: []peering.AskSession{{Family: bgp.IPv4, OurASN: 64496,
			Ours: netip.MustParseAddr("192.0.2.1"), Theirs: netip.MustParseAddr("192.0.2.11")}}}}})
	const body = `Dear peering team of AS64501,

these sessions are agreed, and not up yet:

Example-IX

  ours                      yours
  192.0.2.1                 192.0.2.11

Please configure them on your side with our

  AS number   AS64496
  contact     https://www.peeringdb.com/asn/64496

We go by what AS64501 publishes in PeeringDB:

  AS-SET      none
  prefixes    no figure

Please tell us when your side is ready, or what you would like otherwise.
`
	if err != nil || text.Body != body {
		t.Errorf("%v\n%s", err, text.Body)
	}
}
