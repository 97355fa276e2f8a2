package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gpb "github.com/openconfig/gnmi/proto/gnmi"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/standalone/lab"
	"peerflow/standalone/lab/gnmid"
	"peerflow/standalone/up"
)

// pair is peerflow with two routers, one that speaks gNMI and a BIRD.
type pair struct {
	*bed
	crash *crashBed // whose yard they stand in
	gnmi  *edge
	bird  *edge
	peers []*lab.Peer // of our sessions: the gNMI router's, BIRD's
	// untouched is since when the sessions that aren't ours are up: the gNMI router's, BIRD's.
	untouched [2]map[bgp.ASN]time.Time
	breaks    *breaking
}

// What holds on BIRD holds on a router that speaks gNMI, and what happens on one
// router of a change is told apart from what happens on the other.
func TestARouterOverGNMIAndOneOverSSH(t *testing.T) {
	t.Parallel()
	ctx, dir := folder(t)
	o := up.Options{PeeringDBURL: nobody}
	quick(&o)
	c := &crashBed{yard: startYard(t, filepath.Join(dir, "yard"))}
	p := &pair{crash: c, breaks: &breaking{}}
	p.breaks.wire(&o)
	p.bed = start(ctx, t, dir, o)
	c.parts, c.admin = p.Parts, p.admin
	c.seed(t)
	_, err := p.Parts.DB.RoutingPolicies().Patch(ctx, p.admin, c.nouns.policies[1], 0, []byte(`{"expect_prefixes_ipv4": 1}`))
	must(t, err)
	p.gnmi, p.bird = c.edge(t, "openconfig", ""), c.edge(t, "bird", "")
	for last := range byte(2) {
		peer, err := lab.StartPeer(ctx, lab.PeerConfig{ASN: 64501, Address: c.addr(200, last+1), Prefixes: lab.Routes(1000+10*int(last), 3)})
		must(t, err)
		t.Cleanup(func() { _ = peer.Close() })
		p.peers = append(p.peers, peer)
	}
	must(t, p.Parts.EnsureSchedules(ctx))
	p.untouched = [2]map[bgp.ASN]time.Time{p.gnmi.sessions(), p.bird.sessions()}
	type part struct {
		name string
		try  func(*pair)
	}
	parts := []part{
		{"a wrong login is told, with the remedy", (*pair).wrongLogin},
		{"a changed certificate is told, with the remedy", (*pair).changedCertificate},
		{"a session that leaks when it first comes up is shut", (*pair).leaksAtFirstUp},
		{"somebody's commit in the window is interference: frozen, and nothing confirmed", (*pair).interfered},
		{"a change with which the path of a single protected session breaks silently is never confirmed", (*pair).silentPath},
		{"confirmed on one router and rolled back on the other is partial", (*pair).partial},
		{"a password appears nowhere, and its change is a change", (*pair).canary},
	}
	if *record { // elsewhere the crash matrix tries it, on both drivers
		parts = append(parts, part{"a router that another machine answers for needs an operator", (*pair).needsOperator})
	}
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) {
			p := *p
			p.bed = p.bed.in(t)
			part.try(&p)
			for i, e := range []*edge{p.gnmi, p.bird} {
				if now := e.sessions(); !sameSessions(now, p.untouched[i]) {
					t.Errorf("%s: untouched sessions %v, before %v", e.name, now, p.untouched[i])
				}
			}
		})
	}
}

// session is an operation that adds our session with a peer.
func (p *pair) add(e *edge, peer *lab.Peer) peering.Operation {
	p.t.Helper()
	patch, err := json.Marshal(object{"kind": "direct", "peering_id": p.crash.nouns.peering, "router_id": e.id, "peer_address": peer.Config.Address, "multihop": 2,
		"local_address": e.address, "peer_asn": 64501, "families": []string{"ipv4"}, "intent": "present", "description": "ours on " + e.name,
		"import_policies": p.crash.nouns.policies[:1], "export_policies": p.crash.nouns.policies[1:]})
	p.must(err)
	return peering.Operation{RouterID: e.id, Object: peering.ObjectSession, Action: peering.Create, Patch: patch}
}

// ours is the recorded session on a router.
func (p *pair) ours(e *edge) peering.Session {
	p.t.Helper()
	list, err := p.Parts.DB.Sessions().List(context.Background(), []peering.Filter{{Field: "router_id", Values: []string{fmt.Sprint(e.id)}}}, peering.Page{Limit: 2})
	p.must(err)
	if len(list.Items) != 1 {
		p.t.Fatalf("%d sessions on %s, want 1", len(list.Items), e.name)
	}
	return list.Items[0]
}

// fails tries a change on a router whose record is spoilt for as long: nothing reaches the router.
func (p *pair) fails(spoil object, words ...string) {
	p.t.Helper()
	ctx, before := context.Background(), p.gnmi.photo(p.t)
	r, err := p.Parts.DB.Routers().Get(ctx, p.gnmi.id)
	p.must(err)
	patch := func(to object) {
		text, err := json.Marshal(to)
		p.must(err)
		_, err = p.Parts.DB.Routers().Patch(ctx, p.admin, p.gnmi.id, 0, text)
		p.must(err)
	}
	patch(spoil)
	ended := p.ends(p.open("spoilt", p.add(p.gnmi, p.peers[0])).ID)
	patch(object{"login": r.Login, "host_key": r.HostKey})
	p.t.Log(ended.Outcome)
	if ended.State != peering.ChangeFailed {
		p.t.Errorf("%s: %s", ended.State, ended.Outcome)
	}
	for _, w := range append(words, "router "+p.gnmi.name) {
		if !strings.Contains(ended.Outcome, w) {
			p.t.Errorf("%q isn't in %q", w, ended.Outcome)
		}
	}
	if now := p.gnmi.photo(p.t); now.runs != before.runs || now.boots != before.boots {
		p.t.Error("the router moved")
	}
}

func (p *pair) wrongLogin() {
	ref, err := p.Parts.DB.PutSecret(context.Background(), p.admin, "a stranger's login", "not the password")
	p.must(err)
	p.fails(object{"login": ref}, "refused the login", "check its username and credential")
}

func (p *pair) changedCertificate() {
	other, err := gnmid.Start(context.Background(), gnmid.Config{Dir: p.t.TempDir(), Listen: p.gnmi.address.String() + ":0", ServerName: "router.example.net",
		Username: gnmiLogin, Password: gnmiPassword, BGPAddress: p.crash.addr(99, 1), BGPPort: lab.DefaultBGPPort,
		Initial: json.RawMessage(`{"network-instances": {"network-instance": [{"name": "DEFAULT", "config": {"name": "DEFAULT", "type": "DEFAULT_INSTANCE"},
			"protocols": {"protocol": [{"identifier": "BGP", "name": "BGP", "config": {"identifier": "BGP", "name": "BGP"},
			"bgp": {"global": {"config": {"as": 64496, "router-id": "192.0.2.1"}}}}]}}]}}`)})
	p.must(err)
	defer other.Close()
	p.fails(object{"host_key": other.CertificatePEM()}, "certificate", "record the new one")
}

// leaksAtFirstUp: somebody opens the session's export by hand before the other side is there.
func (p *pair) leaksAtFirstUp() {
	ctx, peer := context.Background(), p.peers[0]
	p.deploy(p.edit("a session to guard", p.add(p.gnmi, peer)))
	session := p.ours(p.gnmi)
	p.must(p.gnmi.device.(*gnmiDevice).OperatorSet(ctx, &gpb.SetRequest{Replace: []*gpb.Update{{
		Path: neighborPath(peer.Config.Address, "apply-policy", "config", "export-policy"),
		Val:  &gpb.TypedValue{Value: &gpb.TypedValue_JsonIetfVal{JsonIetfVal: []byte(`["EVERYTHING"]`)}},
	}}}))
	p.must(peer.AddNeighbor(ctx, lab.PeerNeighbor{ASN: crashASN, Address: p.gnmi.address}))
	p.await("the session is recorded as held", 90*time.Second, func(ctx context.Context) bool {
		now, err := p.Parts.DB.Sessions().Get(ctx, session.ID)
		return err == nil && now.HeldByHand && now.Intent == peering.Shutdown && strings.Contains(now.HeldReason, "prefixes, expected 1 (limit 11)")
	})
	p.await("the session is shut on the router", time.Minute, func(ctx context.Context) bool {
		return peer.State(ctx, p.gnmi.address) != bgp.Established && peer.Received(ctx, p.gnmi.address) == 0
	})
	_, err := p.Parts.DB.Sessions().Patch(ctx, p.admin, session.ID, 0, json.RawMessage(`{"held_by_hand": false, "intent": "present"}`))
	p.must(err)
	p.deploy(p.inState(p.change(deployOf(p.gnmi.id)).ID, time.Minute, peering.ChangeAwaitingApproval))
	p.await("it is up with our prefix", time.Minute, func(ctx context.Context) bool {
		return peer.State(ctx, p.gnmi.address) == bgp.Established && peer.Received(ctx, p.gnmi.address) == len(originated)
	})
}

// describe is a harmless edit of our session on a router.
func (p *pair) describe(e *edge, text string) peering.Operation {
	return update(e.id, peering.ObjectSession, p.ours(e).ID, `{"description": %q}`, text)
}

func (p *pair) interfered() {
	ctx := context.Background()
	c := p.edit("a name", p.describe(p.gnmi, "while somebody works"))
	p.approve(c)
	p.soaking(c)
	p.must(p.gnmi.meddle(ctx))
	found := p.gnmi.photo(p.t)
	c = p.ends(c.ID)
	d := p.deployment(c)
	p.t.Log(c.Outcome)
	if c.State != peering.ChangeInterfered || d.State != peering.DeploymentInterfered || !d.ConfirmSentAt.IsZero() || !d.ConfirmedAt.IsZero() {
		p.t.Fatalf("change %s, deployment %s, confirm sent %s: %s", c.State, d.State, clock(d.ConfirmSentAt), c.Outcome)
	}
	if now := p.gnmi.photo(p.t); now.runs != found.runs || now.boots != found.boots {
		p.t.Error("the router was written to after the other writer's commit")
	}
	ours := p.ours(p.gnmi).ID
	p.shows(ours, peering.ShowInterfered, peering.SyncInterfered, "somebody else configured its router while a change was under way",
		fmt.Sprintf("peerflow router diff %d", p.gnmi.id), "turn us")
	freezes, err := p.Parts.DB.ListFreezes(ctx, false)
	p.must(err)
	if len(freezes) != 1 || freezes[0].RouterID != p.gnmi.id || !strings.Contains(freezes[0].Reason, fmt.Sprintf("deployment %d", d.ID)) {
		p.t.Fatalf("freezes: %+v", freezes)
	}
	built := p.ends(p.open("on top of what was left there", p.describe(p.gnmi, "on top")).ID)
	p.t.Log(built.Outcome)
	for _, w := range []string{fmt.Sprintf("deployment %d of change/%d left there", d.ID, c.ID), "peerflow router diff " + p.gnmi.name, "peerflow router deploy " + p.gnmi.name} {
		if built.State != peering.ChangeFailed || !strings.Contains(built.Outcome, w) {
			p.t.Errorf("%s: %q isn't in %q", built.State, w, built.Outcome)
		}
	}
	next := p.inState(p.change(deployOf(p.gnmi.id)).ID, time.Minute, peering.ChangeAwaitingApproval) // back to what is recorded
	p.approve(next)
	p.await("it says that it waits", 30*time.Second, func(ctx context.Context) bool {
		all, err := p.Parts.DB.Deployments(ctx, next.ID)
		return err == nil && len(all) == 1 && all[0].State == peering.DeploymentQueued &&
			strings.Contains(p.details(ctx, fmt.Sprintf("deployment/%d", all[0].ID)), "frozen")
	})
	if now := p.gnmi.photo(p.t); now.runs != found.runs {
		p.t.Error("frozen, and written to")
	}
	_, err = p.Parts.DB.LiftFreeze(ctx, p.admin, freezes[0].ID)
	p.must(err)
	p.inState(next.ID, time.Minute, peering.ChangeCompleted)
	p.shows(ours, peering.ShowUp, peering.InSync)
	if now := p.gnmi.photo(p.t); strings.Contains(now.runs+now.boots, "while somebody works") || !strings.Contains(now.boots, "ours on "+p.gnmi.name) {
		p.t.Error("the freeze is lifted, and the router isn't back at what is recorded")
	}
}

// silentPath breaks the path to a neighbor that isn't ours at the moment of the commit.
func (p *pair) silentPath() {
	broken := p.crash.yard.peers[2]
	asn := broken.Config.ASN
	before := p.gnmi.photo(p.t)
	freeze := broken.Freeze
	defer broken.Thaw()
	c := p.edit("a name", p.describe(p.gnmi, "while a path breaks"))
	p.breaks.do.Store(&freeze)
	p.approve(c)
	c = p.ends(c.ID)
	d := p.deployment(c)
	want := fmt.Sprintf("%s %s protected session (not ours) dropped", asn, broken.Config.Address)
	if c.State != peering.ChangeRolledBack || !d.ConfirmSentAt.IsZero() || !check(d.Verdict, "collateral", peering.CheckFailed, want) {
		p.t.Fatalf("%s, confirm sent %s: %s; verdict %+v", c.State, clock(d.ConfirmSentAt), c.Outcome, d.Verdict)
	}
	if now := p.gnmi.photo(p.t); now.pending || now.runs != before.runs || now.boots != before.boots {
		p.t.Errorf("rolled back, and the router runs\n%s\nnot\n%s", now.runs, before.runs)
	}
	broken.Thaw()
	for i, e := range []*edge{p.gnmi, p.bird} { // both have a session with it
		p.await("the path to "+e.name+" works again", time.Minute, func(context.Context) bool { return !e.sessions()[asn].IsZero() })
		p.untouched[i][asn] = e.sessions()[asn]
	}
}

// partial: one edit of a shared policy goes to both routers, and a person takes it back on the second.
func (p *pair) partial() {
	ctx := context.Background()
	p.must(p.peers[1].AddNeighbor(ctx, lab.PeerNeighbor{ASN: crashASN, Address: p.bird.address}))
	p.deploy(p.edit("a session on the second router", p.add(p.bird, p.peers[1])))
	before := p.gnmi.photo(p.t)
	c := p.edit("prefer peers more", update(0, peering.ObjectRoutingPolicy, p.crash.nouns.policies[0], `{"context": {"local_pref": 250}}`))
	if routers := p.plan(c).Routers; len(routers) != 2 || routers[0].RouterID != p.bird.id || routers[1].RouterID != p.gnmi.id {
		p.t.Fatalf("the plan is for %d routers: %+v", len(routers), routers)
	}
	p.approve(c)
	p.await("the second router soaks", 2*time.Minute, func(ctx context.Context) bool {
		all, err := p.Parts.DB.Deployments(ctx, c.ID)
		return err == nil && len(all) == 2 && all[1].State == peering.DeploymentSoaking
	})
	_, err := p.Parts.DB.AddCommand(ctx, p.admin, c.ID, peering.CommandRollBack, "looks wrong on this one")
	p.must(err)
	p.must(p.Parts.Workflows.LookAgain(ctx, c.ID, "roll back"))
	c = p.ends(c.ID)
	p.t.Log(c.Outcome)
	all, err := p.Parts.DB.Deployments(ctx, c.ID)
	p.must(err)
	if c.State != peering.ChangePartial || len(all) != 2 || all[0].State != peering.DeploymentConfirmed || all[1].State != peering.DeploymentRolledBack {
		p.t.Fatalf("%s: %s; deployments %+v", c.State, c.Outcome, all)
	}
	for _, w := range []string{p.bird.name, p.gnmi.name + " rolled back"} {
		if !strings.Contains(c.Outcome, w) {
			p.t.Errorf("%q isn't in %q", w, c.Outcome)
		}
	}
	if now := p.bird.photo(p.t); now.identity != all[0].ArtifactHash || !strings.Contains(now.boots, "bgp_local_pref = 250") {
		p.t.Errorf("confirmed on %s, which runs %s, not %s, and boots\n%s", p.bird.name, now.identity, all[0].ArtifactHash, now.boots)
	}
	if now := p.gnmi.photo(p.t); now.pending || now.runs != before.runs || now.boots != before.boots {
		p.t.Errorf("rolled back on %s, which runs\n%s\nnot\n%s", p.gnmi.name, now.runs, before.runs)
	}
}

func (p *pair) canary() {
	ctx, peer := context.Background(), p.peers[0]
	use := func(version int, clear string) {
		ref, err := p.Parts.DB.PutSecret(ctx, p.admin, "a session", clear)
		p.must(err)
		c := p.edit("a password", update(p.gnmi.id, peering.ObjectSession, p.ours(p.gnmi).ID, `{"password": {"id": %d, "version": %d}}`, ref.ID, ref.Version))
		plan := p.plan(c)
		if text := plan.Routers[0].Diff; !strings.Contains(text, fmt.Sprintf("<secret v%d>", version)) || !strings.Contains(plan.Impact.Line(), "resets 1: AS64501") {
			p.t.Errorf("%s\n%s", plan.Impact.Line(), text)
		}
		p.approve(c)
		p.soaking(c)
		p.must(peer.RemoveNeighbor(ctx, p.gnmi.address))
		p.must(peer.AddNeighbor(ctx, lab.PeerNeighbor{ASN: crashASN, Address: p.gnmi.address, Password: clear}))
		p.inState(c.ID, 2*time.Minute, peering.ChangeCompleted)
		p.await("the session with its password", 30*time.Second, func(ctx context.Context) bool { return peer.State(ctx, p.gnmi.address) == bgp.Established })
		if !strings.Contains(p.gnmi.photo(p.t).runs, clear) {
			p.t.Fatal("the router doesn't have the password: this proves nothing")
		}
	}
	use(1, firstPassword)
	use(2, secondPassword)

	// A configuration that the router refuses must not bring the password into an error.
	template, err := p.Parts.DB.Templates().Get(ctx, p.crash.nouns.template["openconfig"])
	p.must(err)
	c := p.edit("a mistake beside the password", update(0, peering.ObjectTemplate, template.ID, `{"body": %q}`,
		strings.Replace(template.Body, `"auth-password":`, `"no-such-leaf": 1, "auth-password":`, 1)))
	p.approve(c)
	if c = p.ends(c.ID); c.State != peering.ChangeFailed {
		p.t.Errorf("%s: %s", c.State, c.Outcome)
	}
	p.t.Log(c.Outcome)
	p.nowhere(map[string]string{"a session's password": firstPassword, "a session's next password": secondPassword, "the router's login": gnmiPassword})
}

// needsOperator lets another machine answer for a router until past its rollback timer.
func (p *pair) needsOperator() {
	other, err := lab.StartSSHD(context.Background(), p.t.TempDir(), "127.0.0.1:0")
	p.must(err)
	defer func() { _ = other.Close() }()
	c := p.edit("a name", p.describe(p.bird, "while another machine answers"))
	p.approve(c)
	p.soaking(c)
	router := p.bird.way.lead(other.Address)
	p.inState(c.ID, 5*time.Minute, peering.ChangeNeedsOperator)
	p.bird.way.lead(router)
	p.cli("change", "resolve", fmt.Sprint(c.ID))
	if c = p.ends(c.ID); c.State != peering.ChangeRolledBack {
		p.t.Errorf("%s: %s", c.State, c.Outcome)
	}
}
