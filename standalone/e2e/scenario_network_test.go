package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"peerflow/db"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/internal/peeringdb/pdbfake"
	"peerflow/internal/render"
	"peerflow/standalone/lab"
	"peerflow/standalone/up"
)

// The scenarios' network: AS64496 at one exchange, in a block of addresses of its
// own, with a PeeringDB whose answers a test may spoil.
const (
	ourAS       bgp.ASN = 64496
	firstPeer           = 21 // last byte of the first session of ours; the others follow
	knownAS     bgp.ASN = 64501
	openAS      bgp.ASN = 64510
	selectiveAS bgp.ASN = 64511
	elsewhereAS bgp.ASN = 64509 // has a port at another exchange only
	twinAS      bgp.ASN = 64508 // has two ports, and isn't there yet
	lanID               = 1
)

// peeringDBKey is the key with which peerflow asks PeeringDB.
const peeringDBKey = "canary-cGVlcmluZ2Ri-3"

// handmade are the neighbors that the edge carries and peerflow doesn't own, at the addresses behind the edge's.
var handmade = []lab.EdgeNeighbor{
	{Name: "core1", ASN: ourAS, Kind: "ibgp", Routes: 20},
	{Name: "transit1", ASN: 64497, Kind: "transit", Routes: 300},
	{Name: "hand1", ASN: 64498, Kind: "peer", Routes: 5},
	{Name: "hand2", ASN: 64499, Kind: "peer", Routes: 5},
}

// newcomers have ports at the exchange, at these last bytes, and no session with us.
var newcomers = map[bgp.ASN]int{knownAS: 201, openAS: 202, selectiveAS: 203}

// twins are the ports of the network that has two.
var twins = []int{204, 205} // last bytes

// scene is peerflow beside the scenarios' network.
type scene struct {
	*bed
	space *lab.Block // its addresses
	edge  *lab.Bird
	ssh   *lab.SSHD
	other *lab.SSHD // another machine's, with keys of its own
	peers map[netip.Addr]*lab.Peer
	pdb   *pdbfake.Server
	// sessions are those of ours that the edge runs from the start, in order of address.
	sessions []peering.Session
}

// peerAS is the network of the i-th session of ours: sixteen networks, several ports each.
func peerAS(i int) bgp.ASN { return bgp.ASN(65536 + i%16) }

// stage starts network and peerflow, with so many sessions of ours up.
func stage(t *testing.T, ours int, change ...func(*up.Options)) *scene {
	t.Helper()
	ctx, dir := folder(t)
	space, err := lab.TakeBlock(netip.MustParsePrefix("127.66.0.0/24"), 32)
	must(t, err)
	s := &scene{space: space, peers: map[netip.Addr]*lab.Peer{}}
	t.Cleanup(func() { _ = s.close() })
	if err := s.network(ctx, filepath.Join(dir, "lab"), ours); err != nil {
		t.Fatal(err)
	}
	s.pdb = pdbfake.New(s.pdbRows()...)
	s.pdb.Keys = []string{peeringDBKey}
	server := httptest.NewServer(s.pdb)
	t.Cleanup(server.Close)
	o := up.Options{PeeringDBURL: server.URL + "/api", PeeringDBKey: peeringDBKey}
	quick(&o)
	for _, c := range change {
		c(&o)
	}
	s.bed = start(ctx, t, dir, o)
	s.seed(ctx, ours)
	s.must(s.Parts.EnsureSchedules(ctx))
	_, err = s.Parts.Workflows.SyncNow(ctx, true)
	s.must(err)
	_, err = s.Parts.Workflows.AwaitSync(ctx)
	s.must(err)
	s.await("the sessions that were there before", time.Minute, func(ctx context.Context) bool { return s.established(ctx) == len(handmade) })
	if ours > 0 {
		s.firstDeploy(ours)
	}
	return s
}

// host is the address with a last byte; the edge has 1.
func (s *scene) host(last int) netip.Addr {
	return s.space.At(netip.AddrFrom4([4]byte{127, 0, 0, byte(last)}))
}

// ourAddr is the edge's.
func (s *scene) ourAddr() netip.Addr { return s.host(1) }

// newcomer is a network's port at the exchange.
func (s *scene) newcomer(asn bgp.ASN) netip.Addr { return s.host(newcomers[asn]) }

// byHand is the i-th of the neighbors that aren't ours.
func (s *scene) byHand(i int) netip.Addr { return s.host(2 + i) }

func (s *scene) network(ctx context.Context, dir string, ours int) (err error) {
	if s.ssh, err = lab.StartSSHD(ctx, filepath.Join(dir, "ssh"), s.ourAddr().String()+":0"); err != nil {
		return err
	}
	if s.other, err = lab.StartSSHD(ctx, filepath.Join(dir, "other"), s.ourAddr().String()+":0"); err != nil {
		return err
	}
	neighbors := slices.Clone(handmade)
	for i := range neighbors {
		neighbors[i].Address = s.byHand(i)
	}
	main := lab.EdgeMain(lab.EdgeConfig{ASN: ourAS, Address: s.ourAddr(), Originate: ourPrefixes, Neighbors: neighbors})
	if s.edge, err = lab.StartBird(ctx, filepath.Join(dir, "edge"), lab.BirdConfig{Main: main}); err != nil {
		return err
	}
	first := 0
	add := func(asn bgp.ASN, at netip.Addr, routes int, knowsUs bool) {
		c := lab.PeerConfig{ASN: asn, Address: at, Prefixes: lab.Routes(first, routes)}
		if knowsUs {
			c.Neighbors = []lab.PeerNeighbor{{ASN: ourAS, Address: s.ourAddr()}}
		}
		p, started := lab.StartPeer(ctx, c)
		s.peers[at], err, first = p, errors.Join(err, started), first+routes
	}
	for _, n := range neighbors {
		add(n.ASN, n.Address, n.Routes, true)
	}
	for i := range ours {
		add(peerAS(i), s.host(firstPeer+i), 3, true)
	}
	for asn := range newcomers {
		add(asn, s.newcomer(asn), 3, false)
	}
	return err
}

var ourPrefixes = []netip.Prefix{
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
}

func (s *scene) close() error {
	var errs []error
	for _, p := range s.peers {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	if s.edge != nil {
		errs = append(errs, s.edge.Close())
	}
	for _, d := range []*lab.SSHD{s.ssh, s.other} {
		if d != nil {
			errs = append(errs, d.Close())
		}
	}
	return errors.Join(append(errs, s.space.Close())...)
}

func (s *scene) pdbRows() []peering.PDBRow {
	at := time.Now().Add(-24 * time.Hour).UTC().Truncate(time.Second)
	head := func(id int64) peering.PDBHead {
		return peering.PDBHead{ID: id, Status: peering.PDBOK, Created: at, Updated: at}
	}
	rows := []peering.PDBRow{&peering.PDBOrganization{PDBHead: head(1), Name: "Networks"}}
	for id, prefix := range map[int64]netip.Prefix{lanID: s.space.Prefix, 2: netip.MustParsePrefix("127.67.0.0/24")} {
		rows = append(rows, &peering.PDBExchange{PDBHead: head(id), OrgID: 1, Name: fmt.Sprintf("Exchange %d", id)},
			&peering.PDBLAN{PDBHead: head(id), IXID: id},
			&peering.PDBPrefix{PDBHead: head(id), LANID: id, Protocol: "IPv4", Prefix: prefix})
	}
	id := int64(10)
	add := func(asn bgp.ASN, lan int64, address netip.Addr, policy string) {
		id++
		rows = append(rows, &peering.PDBNetwork{PDBHead: head(id), OrgID: 1, ASN: asn, Name: fmt.Sprintf("Network %d", asn), InfoPrefixes4: 10, PolicyGeneral: policy},
			&peering.PDBPort{PDBHead: head(id), NetID: id, LANID: lan, ASN: asn, IPv4: address, Speed: 10000, Operational: true})
	}
	add(knownAS, lanID, s.newcomer(knownAS), "Open")
	add(openAS, lanID, s.newcomer(openAS), "Open")
	add(selectiveAS, lanID, s.newcomer(selectiveAS), "Selective")
	add(twinAS, lanID, s.host(twins[0]), "Open")
	rows = append(rows, &peering.PDBPort{PDBHead: head(id + 100), NetID: id, LANID: lanID, ASN: twinAS, IPv4: s.host(twins[1]), Speed: 10000, Operational: true})
	add(elsewhereAS, 2, netip.MustParseAddr("127.67.0.9"), "Open")
	return rows
}

// seed records the network, with sessions that no router has yet.
func (s *scene) seed(ctx context.Context, ours int) {
	d := s.Parts.DB
	us := make1(s, d.AutonomousSystems(), peering.AutonomousSystem{ASN: ourAS, Name: "Us", Local: true})
	class := make1(s, d.Relationships(), peering.Relationship{Slug: "peer", Name: "Peer", Role: "peer"})
	site := make1(s, d.Sites(), peering.Site{Slug: "lab", Name: "Lab"})
	platform := make1(s, d.Platforms(), peering.PlatformRecord{Slug: "bird", Name: "BIRD", Driver: "bird"})
	body, err := render.Starter("bird")
	s.must(err)
	template := make1(s, d.Templates(), peering.Template{Name: "starter", Mode: peering.ModeStanza, Engine: peering.EngineJinja2, Body: body})
	login, err := d.PutSecret(ctx, s.admin, "edge1 login", s.ssh.PrivateKey)
	s.must(err)
	router := make1(s, d.Routers(), peering.Router{Name: "edge1", SiteID: site.ID, PlatformID: platform.ID, LocalASID: us.ID, TemplateID: template.ID,
		Mode: peering.Manage, Address: s.ssh.Address, Username: s.ssh.Username, HostKey: s.ssh.HostKey, Login: login,
		BGPPort: lab.DefaultBGPPort, Lab: true, Settings: s.edge.Settings()})
	in := make1(s, d.RoutingPolicies(), peering.RoutingPolicy{Slug: "peers-in", Name: "From peers", Direction: peering.Import, Context: json.RawMessage(`{"local_pref": 200}`)})
	announce, err := json.Marshal(map[string]any{"announce": ourPrefixes})
	s.must(err)
	expect := int64(len(ourPrefixes))
	out := make1(s, d.RoutingPolicies(), peering.RoutingPolicy{Slug: "peers-out", Name: "To peers", Direction: peering.Export, ExpectIPv4: &expect, Context: announce})
	ixp := make1(s, d.IXPs(), peering.IXP{Slug: "ix1", Name: "Exchange 1", LocalASID: us.ID, RelationshipID: class.ID, IXLANID: lanID,
		Mesh: peering.OnePerPeerPort, Agreement: peering.ConfigureThenAsk, Policies: peering.Policies{Import: []int64{in.ID}, Export: []int64{out.ID}}})
	port := make1(s, d.Connections(), peering.Connection{IXPID: ixp.ID, RouterID: router.ID, State: peering.ConnectionEnabled,
		IPv4: s.ourAddr(), IPv4LAN: s.space.Prefix, Interface: "lo", Primary: true})
	agreed := map[bgp.ASN]int64{}
	for i := range ours {
		asn := peerAS(i)
		if agreed[asn] == 0 {
			peer := make1(s, d.AutonomousSystems(), peering.AutonomousSystem{ASN: asn, Name: fmt.Sprintf("Network %d", asn)})
			agreed[asn] = make1(s, d.Peerings(), peering.Peering{LocalASID: us.ID, PeerASID: peer.ID, IXPID: ixp.ID,
				State: peering.Agreed, Evidence: peering.ByMail, EvidenceText: "a mail"}).ID
		}
		s.sessions = append(s.sessions, make1(s, d.Sessions(), peering.Session{Kind: peering.IXPSession, PeeringID: agreed[asn], RouterID: router.ID,
			ConnectionID: port.ID, PeerAddress: s.host(firstPeer + i), PeerAS: asn, Families: []bgp.Family{bgp.IPv4}, Intent: peering.Present, Multihop: 2,
			Description: fmt.Sprintf("session %d", i)}))
	}
}

func make1[T any](s *scene, n db.Noun[T], v T) T {
	s.t.Helper()
	made, err := n.Create(context.Background(), s.admin, v)
	s.must(err)
	return made
}

// firstDeploy brings the recorded sessions to the router.
func (s *scene) firstDeploy(ours int) {
	s.t.Helper()
	s.deploy(s.inState(s.deployAll("first").ID, time.Minute, peering.ChangeAwaitingApproval))
	s.await("our sessions", time.Minute, func(ctx context.Context) bool { return s.established(ctx) == len(handmade)+ours })
	s.await("a poll that sees them", 30*time.Second, func(ctx context.Context) bool {
		seen, err := s.Parts.DB.NeighborStates(ctx, s.router().ID)
		up := 0
		for _, n := range seen {
			if n.Established() {
				up++
			}
		}
		return err == nil && up == len(handmade)+ours
	})
}

// deployAll opens a change that carries pending edits of the records.
func (s *scene) deployAll(reason string) peering.Change {
	s.t.Helper()
	n := deployOf(s.router().ID)
	n.Reason = reason
	return s.change(n)
}

// deployOf carries a router's pending edits.
func deployOf(router int64) db.NewChange {
	return db.NewChange{Kind: peering.KindDeploy, Reason: "pending edits", Request: peering.ChangeRequest{Routers: []int64{router}}}
}

// in is the same scene for a part of the test.
func (s *scene) in(t *testing.T) *scene {
	part := *s
	part.bed = s.bed.in(t)
	return &part
}

// established counts the sessions that the other sides see up.
func (s *scene) established(ctx context.Context) int {
	n := 0
	for _, p := range s.peers {
		if p.State(ctx, s.ourAddr()) == bgp.Established {
			n++
		}
	}
	return n
}

// peer is the other side of a session of ours.
func (s *scene) peer(i int) *lab.Peer { return s.peers[s.host(firstPeer+i)] }

// boot is everything that a restart of the edge would load.
func (s *scene) boot() string {
	s.t.Helper()
	text := ""
	for _, f := range []string{s.edge.Main, s.edge.Owned} {
		b, err := os.ReadFile(f)
		s.must(err)
		text += string(b)
	}
	return text
}

func (s *scene) birdc(command ...string) string {
	s.t.Helper()
	out, err := s.edge.Birdc(context.Background(), command...)
	s.must(err)
	return out
}

// runs reports that the edge runs a protocol, filter or neighbor with this in its name or number.
func (s *scene) runs(what string) bool {
	s.t.Helper()
	return strings.Contains(s.birdc("show", "protocols"), what)
}

// identity is the artifact that the running BIRD names.
func (s *scene) identity() string {
	s.t.Helper()
	lines := strings.Split(strings.TrimSpace(s.birdc("eval", "PEERFLOW_ARTIFACT")), "\n")
	return strings.Trim(strings.TrimSpace(lines[len(lines)-1]), `"`)
}

// sinceJitter is what two reads of the same uptime may differ by: BIRD counts by a clock that
// runs by itself and prints by one that is set, in milliseconds.
const sinceJitter = time.Second

// since maps each BGP protocol of the edge that is up to the time of day when it came up.
func (s *scene) since() map[string]time.Time {
	s.t.Helper()
	came := map[string]time.Time{}
	for line := range strings.Lines(s.birdc("show", "protocols")) {
		if f := strings.Fields(line); len(f) >= 6 && f[1] == "BGP" && f[5] == "Established" {
			at, err := time.Parse("15:04:05", f[4])
			s.must(err)
			came[f[0]] = at
		}
	}
	return came
}

// uptimes tells since when each session that is up has been so, as the other side saw it.
func (s *scene) uptimes() map[netip.Addr]time.Time {
	up := map[netip.Addr]time.Time{}
	for at, p := range s.peers {
		if since := p.Since(context.Background(), s.ourAddr()); !since.IsZero() {
			up[at] = since
		}
	}
	return up
}

// unbroken checks that every session that was up has stayed so, those with the peers at except apart.
func (s *scene) unbroken(before map[netip.Addr]time.Time, except ...netip.Addr) {
	s.t.Helper()
	if len(before) < len(handmade) {
		s.t.Errorf("only %d sessions were up: this proves nothing", len(before))
	}
	now := s.uptimes()
	for at, since := range before {
		if !slices.Contains(except, at) && !now[at].Equal(since) {
			s.t.Errorf("the session with %s was up since %s, and now since %s", at, clock(since), clock(now[at]))
		}
	}
}

// look is what the edge boots, names and runs: equal before and after something that must not touch it.
func (s *scene) look() string {
	s.t.Helper()
	var running []string
	for line := range strings.Lines(s.birdc("show", "protocols")) {
		if f := strings.Fields(line); len(f) >= 2 {
			running = append(running, f[0]+" "+f[1])
		}
	}
	named := ""
	if out, err := s.edge.Birdc(context.Background(), "eval", "PEERFLOW_ARTIFACT"); err == nil {
		named = out
	}
	return s.boot() + named + strings.Join(running, "\n")
}

// untouched compares with an earlier look.
func (s *scene) untouched(before string) {
	s.t.Helper()
	if now := s.look(); now != before {
		s.t.Errorf("the router moved. Before:\n%s\nNow:\n%s", before, now)
	}
}

// provision opens a change for a peer and waits until it can be approved.
func (s *scene) provision(asn bgp.ASN, reason string) peering.Change {
	s.t.Helper()
	return s.inState(s.wish(asn, reason).ID, time.Minute, peering.ChangeAwaitingApproval)
}

// wish opens a change for a peer.
func (s *scene) wish(asn bgp.ASN, reason string) peering.Change {
	s.t.Helper()
	return s.change(db.NewChange{Kind: peering.KindProvision, Reason: reason, Request: peering.ChangeRequest{ASN: asn}})
}

// describe is a harmless edit of one session of ours.
func (s *scene) describe(i int, text string) peering.Operation {
	return update(s.sessions[i].RouterID, peering.ObjectSession, s.sessions[i].ID, `{"description": %q}`, text)
}
