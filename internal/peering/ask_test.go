package peering

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"peerflow/internal/bgp"
)

// asked is what a text goes by, with the peering at the one exchange in a state.
func asked(state PeeringState, edits ...func(*PlanningFacts)) AskFacts {
	f := AskFacts{PlanningFacts: venueFacts(edits...), Recorded: map[int64]Session{}, Up: map[int64]bool{},
		Ours:      map[int64]AutonomousSystem{1: {Meta: Meta{ID: 1}, ASN: 64496, Name: "Us", Context: Context(`{"contact": "peering@example.net"}`)}},
		Published: map[bgp.ASN]PDBNetwork{64496: {ASN: 64496, IRRASSet: "AS-US", InfoPrefixes4: 7}}}
	for id, r := range f.Routers {
		r.LocalASID = 1
		f.Routers[id] = r
	}
	p := f.Peerings[1]
	p.State = state
	f.Peerings[1] = p
	return f
}

func TestAPeerIsAskedForWhatIsMissingOfItsSide(t *testing.T) {
	t.Parallel()
	stands := func(f *AskFacts, s Session) {
		f.Sessions[SessionKey{1, netip.MustParseAddr("192.0.2.11")}] = SessionFact{SessionID: 5, PeerAS: 64501}
		s.ID, s.PeerAS = 5, 64501
		f.Recorded[5] = s
	}
	for name, c := range map[string]struct {
		state PeeringState
		edit  func(*AskFacts)
		want  string // "" is a conflict
	}{
		"we asked":                         {RequestedByUs, nil, "192.0.2.1-192.0.2.11"},
		"they asked, and its policy is No": {RequestedByThem, func(f *AskFacts) { f.Peer.PolicyGeneral = "No" }, "192.0.2.1-192.0.2.11"},
		"nobody asked":                     {PeeringNone, nil, ""},
		"suspended":                        {Suspended, nil, ""},
		"agreed, and planned by a change": {Agreed, func(f *AskFacts) {
			f.Sessions[SessionKey{1, netip.MustParseAddr("192.0.2.11")}] = SessionFact{SessionID: 5, PeerAS: 64501, ChangeID: 9}
		}, "agreed 192.0.2.1-192.0.2.11"},
		"agreed, configured here and not up": {Agreed, func(f *AskFacts) { stands(f, Session{Intent: Present}) }, "agreed 192.0.2.1-192.0.2.11"},
		"agreed, with a password":            {Agreed, func(f *AskFacts) { stands(f, Session{Intent: Present, Password: SecretRef{ID: 1, Version: 2}}) }, "agreed 192.0.2.1-192.0.2.11 password"},
		"agreed and up":                      {Agreed, func(f *AskFacts) { stands(f, Session{Intent: Present}); f.Up[5] = true }, ""},
		"agreed, and shut down by us":        {Agreed, func(f *AskFacts) { stands(f, Session{Intent: Shutdown}) }, ""},
		"the address is another network's": {RequestedByUs, func(f *AskFacts) {
			f.Sessions[SessionKey{1, netip.MustParseAddr("192.0.2.11")}] = SessionFact{SessionID: 5, PeerAS: 64502}
		}, ""},
		"by the exchange's route servers":     {Agreed, func(f *AskFacts) { p := f.Peerings[1]; p.Via = RouteServer; f.Peerings[1] = p }, ""},
		"17 ports, which only a change minds": {RequestedByUs, func(f *AskFacts) { ports(17)(&f.PlanningFacts); f.Ports = f.Ports[:17] }, "192.0.2.1-192.0.2.11"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := asked(c.state, ports(1))
			if c.edit != nil {
				c.edit(&f)
			}
			ask, err := NewAsk(f)
			if c.want == "" {
				if KindOf(err) != Conflict {
					t.Errorf("%+v, %v", ask, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			x := ask.Exchanges[0]
			got := fmt.Sprintf("%s-%s", x.Sessions[0].Ours, x.Sessions[0].Theirs)
			if x.Agreed {
				got = "agreed " + got
			}
			if x.Sessions[0].Password {
				got += " password"
			}
			if got != c.want || len(x.Sessions) != len(f.Ports) {
				t.Errorf("%s of %d sessions, want %s", got, len(x.Sessions), c.want)
			}
			us := ask.Us[0]
			if us.ASN != 64496 || us.Contact != "peering@example.net" || us.IRRASSet != "AS-US" || us.Limits.IPv4 != 7 {
				t.Errorf("our side is %+v", us)
			}
		})
	}
}

func TestWhatIsRecordedOfUsGoesBeforeWhatPeeringDBSays(t *testing.T) {
	t.Parallel()
	f := asked(RequestedByUs, ports(1))
	most, err := bgp.Limit(99)
	if err != nil {
		t.Fatal(err)
	}
	f.Ours[1] = AutonomousSystem{ASN: 64496, IRRASSet: "AS-RECORDED", Limits: Limits{IPv4: most}, Context: Context(`{"contact": ["not", "text"]}`)}
	ask, err := NewAsk(f)
	if err != nil || ask.Us[0].IRRASSet != "AS-RECORDED" || ask.Us[0].Limits.IPv4 != 99 || ask.Us[0].Contact != "" {
		t.Errorf("%+v, %v", ask.Us, err)
	}
	f.Ports = nil
	if _, err := NewAsk(f); KindOf(err) != NotFound || !strings.Contains(err.Error(), "no common exchange") {
		t.Errorf("no common exchange: %v", err)
	}
}
