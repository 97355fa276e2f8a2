package peering

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"peerflow/internal/bgp"
)

func TestRecordsThatCanNotBeAreRefusedInWords(t *testing.T) {
	t.Parallel()
	addr, lan := netip.MustParseAddr, netip.MustParsePrefix
	session := func(edit func(*Session)) *Session {
		s := &Session{PeeringID: 1, RouterID: 1, ConnectionID: 1, PeerAS: 64501, PeerAddress: addr("198.51.100.2")}
		edit(s)
		return s
	}
	router := func(edit func(*Router)) *Router {
		r := &Router{Name: "r", SiteID: 1, PlatformID: 1, LocalASID: 1, Address: "192.0.2.1:22"}
		edit(r)
		return r
	}
	port := func(edit func(*Connection)) *Connection {
		c := &Connection{IXPID: 1, RouterID: 1, IPv4: addr("198.51.100.1"), IPv4LAN: lan("198.51.100.0/24")}
		edit(c)
		return c
	}
	two := 2
	minus := int64(-1)
	tests := map[string]struct {
		record interface{ Complete() error }
		want   string
	}{
		"AS 0 (RFC 7607)":                     {&AutonomousSystem{}, "RFC 7607"},
		"context that is a list":              {&AutonomousSystem{ASN: 1, Context: Context(`[1]`)}, "context has to be a JSON object"},
		"context that is broken":              {&AutonomousSystem{ASN: 1, Context: Context(`{"a"`)}, "context has to be a JSON object"},
		"a policy twice":                      {&AutonomousSystem{ASN: 1, Policies: Policies{Import: []int64{7, 8, 7}}}, "policy 7 stands twice"},
		"a placeholder as a name":             {&AutonomousSystem{ASN: 1, Name: "Example {Secret:17@3}"}, `name holds "{secret:"`},
		"a placeholder in a context":          {&AutonomousSystem{ASN: 1, Context: Context(`{"a": [{"b": "x\u007bs\u0065cret:17@3}"}]}`)}, `context holds "{secret:"`},
		"a placeholder as a context's key":    {&ConfigContext{Name: "c", Data: Context(`{"{secret:17@3}": 1}`)}, `data holds "{secret:"`},
		"a context with more behind it":       {&AutonomousSystem{ASN: 1, Context: Context(`{} {}`)}, "context has to be a JSON object"},
		"a reference that opens a comment":    {session(func(s *Session) { s.ServiceReference = "A/*1" }), "service_reference has no"},
		"a reference that is a comment":       {session(func(s *Session) { s.ServiceReference = "A #1" }), "service_reference has no"},
		"a reference that ends a section":     {session(func(s *Session) { s.ServiceReference = "!" }), "service_reference has no"},
		"a name of two lines":                 {&AutonomousSystem{ASN: 1, Name: "Example\n neighbor 192.0.2.1"}, "name is one line of text, without control characters"},
		"a name that goes on and on":          {&AutonomousSystem{ASN: 1, Name: strings.Repeat("é", 256)}, "name has 256 characters: at most 255"},
		"a name that isn't text":              {&Site{Slug: "s", Name: "\xff"}, "name is one line of text"},
		"a description of two lines":          {session(func(s *Session) { s.Description = "a\r\nb" }), "description is one line of text"},
		"a VRF that ends a block":             {session(func(s *Session) { s.VRF = "blue;}" }), `vrf "blue;}"`},
		"an interface of two words":           {port(func(c *Connection) { c.Interface = "xe-0/0/0 unit 1" }), "interface \"xe-0/0/0 unit 1\": give one word"},
		"a role that RFC 9234 lacks":          {&Relationship{Slug: "s", Role: "boss"}, "RFC 9234"},
		"a slug with capitals":                {&Site{Slug: "Ams"}, `"Ams"`},
		"a platform without driver":           {&PlatformRecord{Slug: "s"}, "driver is missing"},
		"a template without name":             {&Template{}, "name is missing"},
		"an engine that we don't have":        {&Template{Name: "n", Engine: "jsonnet"}, "give one of jinja2, pongo2"},
		"a router's mode in other words":      {router(func(r *Router) { r.Mode = "write" }), "give one of observe, propose, manage"},
		"a management address without port":   {router(func(r *Router) { r.Address = "192.0.2.1" }), "host:port"},
		"a management port of 0":              {router(func(r *Router) { r.Address = "r1:0" }), "1 to 65535"},
		"a management address without host":   {router(func(r *Router) { r.Address = ":22" }), "host:port"},
		"a BGP port that is too large":        {router(func(r *Router) { r.BGPPort = 65536 }), "bgp_port 65536"},
		"half a secret":                       {router(func(r *Router) { r.Login = SecretRef{ID: 1} }), "id and version"},
		"an exchange without our AS":          {&IXP{Slug: "s"}, "local_as_id is missing"},
		"a connection without address":        {&Connection{IXPID: 1, RouterID: 1}, "IPv4 or an IPv6"},
		"an address outside its LAN":          {port(func(c *Connection) { c.IPv4LAN = lan("203.0.113.0/24") }), "doesn't lie in"},
		"a LAN of one address":                {port(func(c *Connection) { c.IPv4LAN = lan("198.51.100.1/32") }), "doesn't lie in"},
		"an address without its LAN":          {port(func(c *Connection) { c.IPv4LAN = netip.Prefix{} }), "belong together"},
		"an IPv6 address as IPv4":             {port(func(c *Connection) { c.IPv4, c.IPv4LAN = addr("2001:db8::1"), lan("2001:db8::/64") }), "no ipv4 address"},
		"a VLAN of 4095":                      {port(func(c *Connection) { c.VLAN = 4095 }), "vlan 4095"},
		"a policy without direction":          {&RoutingPolicy{Slug: "s"}, "direction is missing"},
		"fewer prefixes than none":            {&RoutingPolicy{Slug: "s", Direction: Export, ExpectIPv6: &minus}, "0 or more"},
		"a network that peers with itself":    {&Peering{LocalASID: 1, PeerASID: 1}, "with itself"},
		"an agreement without evidence":       {&Peering{LocalASID: 1, PeerASID: 2, State: Agreed}, "evidence"},
		"a session without peer AS":           {session(func(s *Session) { s.PeerAS = 0 }), "peer_asn is missing"},
		"a session without peer address":      {session(func(s *Session) { s.PeerAddress = netip.Addr{} }), "peer_address is missing"},
		"a session with a multicast address":  {session(func(s *Session) { s.PeerAddress = addr("224.0.0.5") }), "no host's address"},
		"a session with a zone":               {session(func(s *Session) { s.PeerAddress = addr("fe80::1%eth0") }), "its own field"},
		"a session with itself":               {session(func(s *Session) { s.LocalAddress = s.PeerAddress }), "both 198.51.100.2"},
		"an interface for a global address":   {session(func(s *Session) { s.Interface = "eth0" }), "link-local"},
		"a session at an exchange in a group": {session(func(s *Session) { s.GroupID = 1 }), "no BGP group"},
		"a session at no exchange":            {session(func(s *Session) { s.Kind, s.ConnectionID = IXPSession, 0 }), "connection_id"},
		"a direct session with a connection":  {session(func(s *Session) { s.Kind = DirectSession }), "no connection"},
		"a hold time of 2 s (RFC 4271 §4.2)":  {session(func(s *Session) { s.HoldTime = &two }), "RFC 4271"},
		"a TTL of 256":                        {session(func(s *Session) { s.Multihop = 256 }), "multihop 256"},
		"an intent that does not exist":       {session(func(s *Session) { s.Intent = "up" }), `intent "up"`},
		"half a password":                     {session(func(s *Session) { s.Password = SecretRef{Version: 1} }), "id and version"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := test.record.Complete()
			if KindOf(err) != Invalid || !strings.Contains(err.Error(), test.want) {
				t.Errorf("kind %q, %v: want invalid with %q", KindOf(err), err, test.want)
			}
		})
	}
}

func TestWhatIsLeftOutIsFilledIn(t *testing.T) {
	t.Parallel()
	s := Session{PeeringID: 1, RouterID: 1, ConnectionID: 1, PeerAS: 64501, PeerAddress: netip.MustParseAddr("::ffff:198.51.100.2")}
	if err := s.Complete(); err != nil {
		t.Fatal(err)
	}
	if s.Kind != IXPSession || s.Intent != Present || s.Sync != NotDeployed || !s.PeerAddress.Is4() || !slices.Equal(s.Families, []bgp.Family{bgp.IPv4}) || string(s.Context) != "{}" {
		t.Errorf("%+v", s)
	}
	s.Families = []bgp.Family{bgp.IPv6, bgp.IPv4, bgp.IPv6}
	if err := s.Complete(); err != nil || !slices.Equal(s.Families, bgp.Families) {
		t.Errorf("families %v, %v: want each once, in order", s.Families, err)
	}
	r := Router{Name: "r", SiteID: 1, PlatformID: 1, LocalASID: 1, Address: "[2001:db8::1]:22"}
	if err := r.Complete(); err != nil || r.Mode != Observe || r.BGPPort != 179 {
		t.Errorf("%+v, %v: a router begins observed, with BGP on 179", r, err)
	}
	c := Connection{IXPID: 1, RouterID: 1, IPv4: netip.MustParseAddr("198.51.100.1"), IPv4LAN: netip.MustParsePrefix("198.51.100.1/24")}
	if err := c.Complete(); err != nil || c.IPv4LAN.String() != "198.51.100.0/24" || c.State != ConnectionEnabled {
		t.Errorf("%+v, %v: want the LAN without host bits", c, err)
	}
	x := IXP{Slug: "ams-ix", LocalASID: 1}
	if err := x.Complete(); err != nil || x.Name != "ams-ix" || x.Mesh != OnePerPeerPort || x.Agreement != AskFirst {
		t.Errorf("%+v, %v", x, err)
	}
}

func TestStepsOfAgreementAndIntent(t *testing.T) {
	t.Parallel()
	for step, want := range map[[2]PeeringState]Kind{
		{PeeringNone, RequestedByUs}: "", {RequestedByUs, Agreed}: "", {RequestedByThem, Lapsed}: "", {Agreed, Disputed}: "", {Disputed, Agreed}: "",
		{Suspended, Ending}: "", {Ending, Ended}: "", {Ended, RequestedByUs}: "", {PeeringNone, Ignored}: "", {Ignored, PeeringNone}: "",
		{PeeringNone, Ended}: Conflict, {Agreed, Ended}: Conflict, {Ending, Agreed}: Conflict, {Agreed, Ignored}: Conflict,
		{Agreed, PeeringNone}: Conflict, {Agreed, "married"}: Invalid,
	} {
		if got := KindOf(step[0].To(step[1])); got != want {
			t.Errorf("peering %s to %s: %q, want %q", step[0], step[1], got, want)
		}
	}
	for step, want := range map[[2]Intent]Kind{
		{Absent, Present}: "", {Present, Draining}: "", {Draining, Present}: "", {Draining, Shutdown}: "", {Shutdown, Present}: "", {Shutdown, Removing}: "",
		{Removing, Absent}: "", {Present, Shutdown}: "",
		{Present, Removing}: Conflict, {Present, Absent}: Conflict, {Removing, Present}: Conflict, {Absent, Shutdown}: Conflict, {Present, "up"}: Invalid,
	} {
		if got := KindOf(step[0].To(step[1])); got != want {
			t.Errorf("intent %s to %s: %q, want %q", step[0], step[1], got, want)
		}
	}
}

func TestStrangersTextsFitRecords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Exam\x00ple\u2028two\u2029three\x1b": "Example two three ", "{{secret:17@3}}": "secret:17@3}}", "{\x00SEcret:": "SEcret:", "{sec{secret:ret:1": "{secsecret:ret:1", "Ünï {cøde}": "Ünï {cøde}",
	} {
		got := StrangersText(text)
		if err := oneLine("name", got, longestLine); got != want || err != nil {
			t.Errorf("%q becomes %q, %v; want %q", text, got, err, want)
		}
	}
}
