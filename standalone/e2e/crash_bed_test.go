//go:build crash

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"peerflow/cmd"
	"peerflow/db"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/internal/render"
	"peerflow/standalone/lab"
)

// yard is a row of small edges, each a BIRD with an sshd of its own and three
// sessions that aren't peerflow's. Several points are tried at once, one per edge.
type yard struct {
	net   byte // 127.<net>.x.1 is the edge x
	edges []*edge
	peers []*lab.Peer
}

// edge is one router of the yard.
type edge struct {
	name    string
	address netip.Addr
	bird    *lab.Bird
	ssh     *lab.SSHD
	router  int64
	news    int // sessions that changes asked for so far
}

const crashASN bgp.ASN = 64496

func startYard(t *testing.T, dir string, net byte, n int) *yard {
	t.Helper()
	y := &yard{net: net, edges: make([]*edge, n)}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	foreign := []lab.EdgeNeighbor{
		{Name: "core1", ASN: crashASN, Address: y.addr(0, 2), Kind: "ibgp", Routes: 20},
		{Name: "transit1", ASN: 64497, Address: y.addr(0, 3), Kind: "transit", Routes: 30},
		{Name: "peer1", ASN: 64502, Address: y.addr(0, 4), Kind: "peer", Routes: 5},
	}
	started := make([]error, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { y.edges[i], started[i] = y.startEdge(ctx, dir, i, foreign) })
	}
	wait.Wait()
	t.Cleanup(y.close)
	errs := slices.Clone(started)
	for i, f := range foreign {
		peer, err := y.startPeer(ctx, f, 100*i)
		errs = append(errs, err)
		y.peers = append(y.peers, peer)
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return y
}

func (y *yard) addr(third, last byte) netip.Addr {
	return netip.AddrFrom4([4]byte{127, y.net, third, last})
}

func (y *yard) startEdge(ctx context.Context, dir string, i int, foreign []lab.EdgeNeighbor) (e *edge, err error) {
	e = &edge{name: fmt.Sprintf("edge%d", i+1), address: y.addr(byte(i+1), 1)}
	dir = filepath.Join(dir, e.name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return e, err
	}
	if e.ssh, err = lab.StartSSHD(ctx, filepath.Join(dir, "ssh"), e.address.String()+":0"); err != nil {
		return e, err
	}
	main := lab.EdgeMain(lab.EdgeConfig{ASN: crashASN, Address: e.address, Originate: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Neighbors: foreign})
	e.bird, err = lab.StartBird(ctx, filepath.Join(dir, "bird"), lab.BirdConfig{Main: main})
	return e, err
}

func (y *yard) startPeer(ctx context.Context, f lab.EdgeNeighbor, first int) (*lab.Peer, error) {
	c := lab.PeerConfig{ASN: f.ASN, Address: f.Address, Prefixes: lab.Routes(first, f.Routes)}
	for _, e := range y.edges {
		c.Neighbors = append(c.Neighbors, lab.PeerNeighbor{ASN: crashASN, Address: e.address})
	}
	return lab.StartPeer(ctx, c)
}

func (y *yard) close() {
	for _, p := range y.peers {
		if p != nil {
			_ = p.Close()
		}
	}
	for _, e := range y.edges {
		if e != nil && e.bird != nil {
			_ = e.bird.Close()
		}
		if e != nil && e.ssh != nil {
			_ = e.ssh.Close()
		}
	}
}

// crashBed is a yard with a peerflow that knows it. Reading and deciding go
// through connections of the test's own, which outlive the processes under test.
type crashBed struct {
	*yard
	*watch
	parts *cmd.Parts
	admin peering.Actor

	policies [2]int64                // import, export
	lead     func(*testing.T, *wish) // starts a change's workflow; nil where peerflow does it by itself
}

// open connects to what serves now.
func (b *crashBed) open(t *testing.T, c cmd.Config) {
	t.Helper()
	parts, err := cmd.OpenParts(t.Context(), c, quiet())
	must(t, err)
	b.parts = parts
	t.Cleanup(parts.Close)
}

// seed records the yard.
func (b *crashBed) seed(t *testing.T) {
	t.Helper()
	ctx, d := t.Context(), b.parts.DB
	by := peering.Actor{Kind: peering.ActorImport, Name: "crash test"}
	us, err := d.AutonomousSystems().Create(ctx, by, peering.AutonomousSystem{ASN: crashASN, Local: true})
	must(t, err)
	them, err := d.AutonomousSystems().Create(ctx, by, peering.AutonomousSystem{ASN: 64501})
	must(t, err)
	_, err = d.Peerings().Create(ctx, by, peering.Peering{LocalASID: us.ID, PeerASID: them.ID, State: peering.Agreed, Evidence: peering.PersonSaysSo})
	must(t, err)
	site, err := d.Sites().Create(ctx, by, peering.Site{Slug: "lab", Name: "Lab"})
	must(t, err)
	platform, err := d.Platforms().Create(ctx, by, peering.PlatformRecord{Slug: "bird", Name: "BIRD 2", Driver: "bird"})
	must(t, err)
	body, err := render.Starter("bird")
	must(t, err)
	template, err := d.Templates().Create(ctx, by, peering.Template{Name: "BIRD 2", Mode: peering.ModeStanza, Engine: peering.EngineJinja2, Body: body})
	must(t, err)
	for _, e := range b.edges {
		login, err := d.PutSecret(ctx, by, e.name, e.ssh.PrivateKey)
		must(t, err)
		r, err := d.Routers().Create(ctx, by, peering.Router{Name: e.name, SiteID: site.ID, PlatformID: platform.ID, LocalASID: us.ID,
			TemplateID: template.ID, Mode: peering.Manage, Address: e.ssh.Address, Username: e.ssh.Username, Login: login,
			HostKey: e.ssh.HostKey, BGPPort: lab.DefaultBGPPort, Lab: true, Settings: e.bird.Settings()})
		must(t, err)
		e.router = r.ID
	}
	in, err := d.RoutingPolicies().Create(ctx, by, peering.RoutingPolicy{Slug: "peers-in", Direction: peering.Import})
	must(t, err)
	out, err := d.RoutingPolicies().Create(ctx, by, peering.RoutingPolicy{Slug: "peers-out", Direction: peering.Export,
		Context: json.RawMessage(`{"announce": ["192.0.2.0/24"]}`)})
	must(t, err)
	b.policies = [2]int64{in.ID, out.ID}
}

// settled waits until every foreign session is up, so that baselines hold them.
func (y *yard) settled(t *testing.T) {
	t.Helper()
	for _, e := range y.edges {
		eventually(t, 2*time.Minute, "the foreign sessions of "+e.name, func() bool { return len(e.foreign()) == 3 })
	}
}

// eventually polls until the condition holds.
func eventually(t *testing.T, patience time.Duration, what string, holds func() bool) {
	t.Helper()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-look.C:
		case <-deadline:
			t.Fatalf("%s didn't come true within %s", what, patience)
		}
	}
}

// ask runs birdc as a person on the router would.
func (e *edge) ask(command ...string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := e.bird.Birdc(ctx, command...)
	if err != nil {
		return err.Error()
	}
	return out
}

// foreign tells since when each foreign session is up.
func (e *edge) foreign() map[string]string {
	up := map[string]string{}
	for line := range strings.Lines(e.ask("show", "protocols")) {
		f := strings.Fields(line)
		if len(f) >= 6 && f[1] == "BGP" && f[5] == "Established" && !strings.Contains(f[0], "64501") {
			up[f[0]] = f[4]
		}
	}
	return up
}

// identity is the artifact that BIRD says it runs, "" for none of ours.
func (e *edge) identity() string {
	_, value, _ := strings.Cut(e.ask("eval", "PEERFLOW_ARTIFACT"), "\n")
	if value = strings.Trim(strings.TrimSpace(value), `"`); len(value) == 64 {
		return value
	}
	return ""
}

func (e *edge) pending() bool { return strings.Contains(e.ask("configure", "status"), "undo in") }

// photo is what a router looks like to somebody who logs in.
type photo struct {
	identity, main, owned string
	pending               bool
	foreign               map[string]string
	candidates            []string
}

func (e *edge) photo(t *testing.T) photo {
	t.Helper()
	main, err := os.ReadFile(e.bird.Main)
	must(t, err)
	owned, err := os.ReadFile(e.bird.Owned)
	must(t, err)
	candidates, err := filepath.Glob(filepath.Join(filepath.Dir(e.bird.Owned), "candidate-*"))
	must(t, err)
	return photo{e.identity(), string(main), string(owned), e.pending(), e.foreign(), candidates}
}

// wish is a change that adds one session to one edge.
type wish struct {
	b      *crashBed
	edge   *edge
	change int64
	peer   string
	before photo
	dep    peering.Deployment // once it is known
}

// wish records a change; its router must not know the session yet.
func (b *crashBed) wish(t *testing.T, e *edge) *wish {
	t.Helper()
	e.news++
	w := &wish{b: b, edge: e, peer: b.addr(200, byte(e.news)).String(), before: e.photo(t)}
	if strings.Contains(e.ask("show", "protocols", "all"), w.peer) || strings.Contains(w.before.owned, w.peer) {
		t.Fatalf("%s has a session with %s before the change", e.name, w.peer)
	}
	patch, err := json.Marshal(map[string]any{"kind": "direct", "peering_id": 1, "router_id": e.router, "peer_address": w.peer, "multihop": 2,
		"local_address": e.address, "peer_asn": 64501, "families": []string{"ipv4"}, "intent": "present",
		"import_policies": b.policies[:1], "export_policies": b.policies[1:]})
	must(t, err)
	change, _, err := b.parts.DB.CreateChange(t.Context(), b.admin, db.NewChange{Kind: peering.KindMaintenance, Reason: "crash test",
		Request: peering.ChangeRequest{Operations: []peering.Operation{{RouterID: e.router, Object: peering.ObjectSession, Action: peering.Create, Patch: patch}}}})
	must(t, err)
	w.change = change.ID
	if b.lead != nil {
		b.lead(t, w)
	}
	return w
}

// planned waits for the plan.
func (w *wish) planned(t *testing.T) peering.Change {
	t.Helper()
	var c peering.Change
	defer func() {
		if t.Failed() {
			t.Logf("change %d is %s: %s\n%s", w.change, c.State, c.Step, w.stuck())
		}
	}()
	eventually(t, 2*time.Minute, fmt.Sprintf("%s: plan of change %d", w.edge.name, w.change), func() bool {
		var err error
		c, err = w.b.parts.DB.Change(t.Context(), w.change)
		if err == nil && c.State.Ended() {
			t.Fatalf("change %d ended %s: %s", c.ID, c.State, c.Outcome)
		}
		return err == nil && c.State == peering.ChangeAwaitingApproval
	})
	return c
}

func (w *wish) approve(t *testing.T) {
	t.Helper()
	c := w.planned(t)
	result, err := w.b.parts.DB.CastVote(t.Context(), w.b.admin, c.ID, c.PlanHash, peering.Approve, "looks right")
	must(t, err)
	if !result.Accepted {
		t.Fatal(result.Text)
	}
	must(t, w.b.parts.Workflows.LookAgain(t.Context(), c.ID, "vote"))
}

// stuck says what the change's workflow waits for.
func (w *wish) stuck() string {
	described, err := w.b.parts.Temporal.DescribeWorkflowExecution(context.Background(), changeRunOf(w.change), "")
	if err != nil {
		return err.Error()
	}
	queue := described.GetExecutionConfig().GetTaskQueue().GetName()
	pollers, err := w.b.parts.Temporal.DescribeTaskQueue(context.Background(), queue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	return fmt.Sprint(described.GetWorkflowExecutionInfo().GetStatus(), described.GetPendingActivities(), described.GetPendingWorkflowTask(),
		queue, pollers.GetPollers(), err)
}

// deployment is the change's newest, zero while there is none.
func (w *wish) deployment(t *testing.T) peering.Deployment {
	t.Helper()
	all, err := w.b.parts.DB.Deployments(t.Context(), w.change)
	must(t, err)
	if len(all) > 0 {
		w.dep = all[len(all)-1]
	}
	return w.dep
}

// deploymentID is the deployment's, as last read.
func (w *wish) deploymentID() int64 { return w.dep.ID }

func (w *wish) soaking(t *testing.T) {
	t.Helper()
	eventually(t, 2*time.Minute, w.edge.name+" soaks", func() bool { return w.deployment(t).State == peering.DeploymentSoaking })
}

// Patience of the property: T + margin after the commit the router is at its
// base or at the artifact for good, and within a minute the record says which.
const (
	routerMargin = 3 * time.Second
	recordMargin = time.Minute
)

// judge waits until the timer must be over, reads the router first, and then
// holds the record against it.
func (w *wish) judge(t *testing.T, want ...peering.DeploymentState) {
	t.Helper()
	w.outlast(t)
	now := w.edge.photo(t)
	eventually(t, recordMargin, fmt.Sprintf("%s: terminal record (%s, %s)", w.edge.name, w.deployment(t).State, w.deployment(t).Outcome), func() bool {
		w.dep = w.deployment(t)
		return w.dep.ID != 0 && w.dep.State.Ended()
	})
	w.matches(t, now)
	final := w.edge.photo(t)
	w.matches(t, final) // recording it moved nothing
	w.boots(t, final)
	for _, state := range want {
		if w.dep.State == state {
			return
		}
	}
	t.Errorf("%s ended %s (%s), want %s", w.edge.name, w.dep.State, w.dep.Outcome, want)
}

// outlast waits until commit + T + margin. A deployment that never gets as far ends at once.
func (w *wish) outlast(t *testing.T) {
	t.Helper()
	eventually(t, 3*time.Minute, w.edge.name+": end of the rollback timer", func() bool {
		w.dep = w.deployment(t)
		if w.dep.CommitSentAt.IsZero() {
			return w.dep.ID != 0 && w.dep.State.Ended()
		}
		return time.Since(w.dep.CommitSentAt) > w.dep.Timer+routerMargin
	})
}

// matches says where router and record differ.
func (w *wish) matches(t *testing.T, now photo) {
	t.Helper()
	runs := strings.Contains(w.edge.ask("show", "protocols", "all"), w.peer)
	identity := w.before.identity
	if w.dep.State == peering.DeploymentConfirmed {
		identity = w.dep.ArtifactHash
	}
	switch {
	case now.pending:
		t.Errorf("%s: a rollback timer still runs", w.edge.name)
	case now.identity != identity:
		t.Errorf("%s: recorded %s, but it runs %.12q, not %.12q", w.edge.name, w.dep.State, now.identity, identity)
	case runs != (w.dep.State == peering.DeploymentConfirmed):
		t.Errorf("%s: recorded %s, session with %s on the router: %t", w.edge.name, w.dep.State, w.peer, runs)
	case now.main != w.before.main:
		t.Errorf("%s: the main file was written", w.edge.name)
	}
	if w.before.foreign != nil && !sameSince(now.foreign, w.before.foreign) {
		t.Errorf("%s: foreign sessions %v, before %v", w.edge.name, now.foreign, w.before.foreign)
	}
	if n := len(w.b.passages(w.dep.ID, "before commit")); n > 1 {
		t.Errorf("%s: committed %d times", w.edge.name, n)
	}
}

// boots says where the files that a restart loads differ from the record, and what was left behind.
func (w *wish) boots(t *testing.T, now photo) {
	t.Helper()
	switch confirmed := w.dep.State == peering.DeploymentConfirmed; {
	case confirmed && (!strings.Contains(now.owned, w.dep.ArtifactHash) || !strings.Contains(now.owned, w.peer)):
		t.Errorf("%s: confirmed, and it would boot something else", w.edge.name)
	case !confirmed && now.owned != w.before.owned:
		t.Errorf("%s: our file isn't as before", w.edge.name)
	}
	for _, file := range now.candidates {
		if strings.HasSuffix(file, fmt.Sprintf("candidate-%d.conf", w.dep.ID)) {
			t.Errorf("%s: %s is left behind", w.edge.name, file)
		}
	}
}

// sameSince compares since when sessions are up. BIRD's clock of the day and the one it counts by differ by milliseconds.
func sameSince(a, b map[string]string) bool {
	for name, since := range a {
		one, err1 := time.Parse("15:04:05.000", since)
		two, err2 := time.Parse("15:04:05.000", b[name])
		if err1 != nil || err2 != nil || one.Sub(two).Abs() > 100*time.Millisecond {
			return false
		}
	}
	return len(a) == len(b)
}

// told is judge for a failure's reader: what each process did comes with it.
func (w *wish) told(t *testing.T) {
	t.Helper()
	if t.Failed() {
		w.dep = w.deployment(t)
		t.Logf("%s, change %d: deployment %d %s (%s)\n%s", w.edge.name, w.change, w.dep.ID, w.dep.State, w.dep.Outcome, w.b.story(w.edge.name))
	}
}

// end waits for the change's own end.
func (w *wish) end(t *testing.T, want peering.ChangeState) {
	t.Helper()
	var c peering.Change
	eventually(t, recordMargin, fmt.Sprintf("end of change %d", w.change), func() bool {
		var err error
		c, err = w.b.parts.DB.Change(t.Context(), w.change)
		return err == nil && c.State.Ended()
	})
	if c.State != want {
		t.Errorf("change %d ended %s (%s), want %s", c.ID, c.State, c.Outcome, want)
	}
}
