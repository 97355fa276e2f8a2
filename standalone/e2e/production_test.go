package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/internal/peeringdb/pdbfake"
	"peerflow/internal/render"
	"peerflow/standalone/lab"
)

// The lean binary, by its command line and its API alone: one schema, one API,
// two workers, of which one is killed while it watches a commit.
func TestProductionRunsAsProcessesThatMayDie(t *testing.T) {
	t.Parallel()
	yard := startYard(t, filepath.Join(t.TempDir(), "yard"))
	edge := yard.edge(t, "bird", "")
	lan := netip.PrefixFrom(yard.addr(1, 0), 24)
	peer, err := lab.StartPeer(t.Context(), lab.PeerConfig{ASN: knownAS, Address: yard.addr(1, 201), Prefixes: lab.Routes(1000, 4),
		Neighbors: []lab.PeerNeighbor{{ASN: crashASN, Address: edge.address}}})
	must(t, err)
	t.Cleanup(func() { _ = peer.Close() })
	pdb := httptest.NewServer(pdbfake.New(atOneExchange(lan, knownAS, peer.Config.Address)...))
	t.Cleanup(pdb.Close)

	i := install(t, pdb.URL+"/api")
	_, err = i.temporal.OperatorService().RemoveSearchAttributes(t.Context(), &operatorservice.RemoveSearchAttributesRequest{
		Namespace: client.DefaultNamespace, SearchAttributes: []string{"PeerflowTurn"}}) // an earlier version's namespace
	must(t, err)
	i.run("migrate")
	i.run("migrate") // changes nothing
	i.token = strings.TrimSpace(i.run("user", "first", "ada"))
	if code, said := i.command(t.Context(), "", "user", "first", "bob"); code != 3 || !strings.Contains(said, "somebody may log in already") {
		t.Errorf("a second first user: exit %d, %s", code, said)
	}
	_, found := i.serve("api", regexp.MustCompile(`msg="API serves" address=(\S+)`), "api")
	i.url = "http://" + found[1]
	workers := map[int]*served{}
	for n := range 2 {
		w, _ := i.serve(fmt.Sprintf("worker %d", n+1), regexp.MustCompile(`msg="worker runs"`), "worker")
		workers[w.cmd.Process.Pid] = w
	}
	i.network(edge, lan)
	before := edge.sessions()
	if strings.Contains(edge.photo(t).runs, peer.Config.Address.String()) {
		t.Fatal("the router has the session before the change")
	}

	// One worker dies while it watches the commit; the other one goes on.
	ended := make(chan string, 1)
	go func() {
		code, said := i.command(context.WithoutCancel(t.Context()), "", "peer", "AS64501", "--yes", "--wait=up", "--reason", "a test")
		ended <- fmt.Sprintf("exit %d\n%s", code, said)
	}()
	deployment := i.soaking()
	killed := 0
	eventually(t, 30*time.Second, "a worker watches the commit", func() bool {
		killed = i.worksOn(fmt.Sprintf("deployment/%d", deployment))
		return workers[killed] != nil
	})
	workers[killed].end(syscall.SIGKILL)
	delete(workers, killed)
	select {
	case said := <-ended:
		t.Log(said)
		if !strings.HasPrefix(said, "exit 0\n") {
			t.Fatal("the change didn't end well")
		}
	case <-time.After(4 * time.Minute):
		t.Fatal("peerflow peer doesn't end")
	}
	if peer.State(t.Context(), edge.address) != bgp.Established || peer.Received(t.Context(), edge.address) != len(originated) {
		t.Error("the session isn't up with our prefix")
	}
	if now := edge.sessions(); !sameSessions(now, before) {
		t.Errorf("other sessions %v, before %v", now, before)
	}
	i.once(deployment, edge)

	// With a worker that doesn't reach the router, and with none, that is said.
	for _, w := range workers {
		w.end(syscall.SIGTERM)
	}
	i.unread("no worker serves control: start one (peerflow worker)")
	elsewhere, _ := i.serve("worker elsewhere", regexp.MustCompile(`msg="worker runs"`), "worker", "PEERFLOW_SITES=elsewhere")
	i.unread("no worker serves site.ams: start one that reaches its routers (PEERFLOW_SITES=ams peerflow worker)")
	elsewhere.end(syscall.SIGTERM)

	i.quickWorker()
	t.Run("PostgreSQL is away, and then Temporal", func(t *testing.T) { i.without(t, edge) })
	if now := edge.sessions(); !sameSessions(now, before) {
		t.Errorf("after the outages other sessions %v, before %v", now, before)
	}
}

// atOneExchange is a PeeringDB in which a network has a port at an exchange.
func atOneExchange(lan netip.Prefix, asn bgp.ASN, at netip.Addr) []peering.PDBRow {
	head := peering.PDBHead{ID: 1, Status: peering.PDBOK, Created: time.Unix(1700000000, 0).UTC(), Updated: time.Unix(1700000000, 0).UTC()}
	return []peering.PDBRow{&peering.PDBOrganization{PDBHead: head, Name: "Networks"}, &peering.PDBExchange{PDBHead: head, OrgID: 1, Name: "Exchange"},
		&peering.PDBLAN{PDBHead: head, IXID: 1}, &peering.PDBPrefix{PDBHead: head, LANID: 1, Protocol: "IPv4", Prefix: lan},
		&peering.PDBNetwork{PDBHead: head, OrgID: 1, ASN: asn, Name: "Example network", InfoPrefixes4: 10, PolicyGeneral: "Open"},
		&peering.PDBPort{PDBHead: head, NetID: 1, LANID: 1, ASN: asn, IPv4: at, Speed: 10000, Operational: true}}
}

// network records a router at an exchange, and has the exchange looked up.
func (i *installation) network(edge *edge, lan netip.Prefix) {
	i.t.Helper()
	us := i.record("autonomous-systems", peering.AutonomousSystem{ASN: crashASN, Name: "Us", Local: true})
	class := i.record("relationships", peering.Relationship{Slug: "peer", Name: "Peer", Role: "peer"})
	site := i.record("sites", peering.Site{Slug: "ams", Name: "Amsterdam"})
	platform := i.record("platforms", peering.PlatformRecord{Slug: "bird", Name: "BIRD", Driver: "bird"})
	body, err := render.Starter("bird")
	must(i.t, err)
	template := i.record("templates", peering.Template{Name: "starter", Mode: peering.ModeStanza, Engine: peering.EngineJinja2, Body: body})
	r, login := edge.record()
	if code, said := i.command(i.t.Context(), login, "secret", "set", "edge1 login", "--json"); code != 0 {
		i.t.Fatalf("peerflow secret set: exit %d\n%s", code, said)
	} else {
		must(i.t, json.Unmarshal([]byte(said), &r.Login))
	}
	r.Name, r.SiteID, r.PlatformID, r.LocalASID, r.TemplateID = "edge1", site, platform, us, template
	r.Mode, r.BGPPort, r.Lab = peering.Manage, lab.DefaultBGPPort, true
	router := i.record("routers", r)
	in := i.record("routing-policies", peering.RoutingPolicy{Slug: "peers-in", Direction: peering.Import})
	out := i.record("routing-policies", peering.RoutingPolicy{Slug: "peers-out", Direction: peering.Export, Context: json.RawMessage(`{"announce": ["192.0.2.0/24"]}`)})
	ixp := i.record("exchanges", peering.IXP{Slug: "ix1", Name: "Exchange", LocalASID: us, RelationshipID: class, IXLANID: 1, Mesh: peering.OnePerPeerPort,
		Agreement: peering.ConfigureThenAsk, Policies: peering.Policies{Import: []int64{in}, Export: []int64{out}}})
	i.record("connections", peering.Connection{IXPID: ixp, RouterID: router, State: peering.ConnectionEnabled, IPv4: edge.address, IPv4LAN: lan,
		Interface: "lo", Primary: true})
	i.run("sync")
	must(i.t, i.temporal.GetWorkflow(i.t.Context(), "sync/peeringdb", "").Get(i.t.Context(), nil))
}

// soaking waits until the first change's commit is pending on the router, and gives the deployment's id.
func (i *installation) soaking() int64 {
	i.t.Helper()
	var list struct {
		Items []struct {
			ID    int64
			State peering.DeploymentState
		}
	}
	eventually(i.t, 2*time.Minute, "a commit", func() bool {
		return i.request(http.MethodGet, "changes/1/deployments", nil, &list) == http.StatusOK && len(list.Items) == 1 && list.Items[0].State == peering.DeploymentSoaking
	})
	return list.Items[0].ID
}

// once: one deployment, which the router runs.
func (i *installation) once(deployment int64, edge *edge) {
	i.t.Helper()
	var list struct {
		Items []struct {
			ID           int64
			State        peering.DeploymentState
			ArtifactHash string `json:"artifact_hash"`
		}
	}
	i.request(http.MethodGet, "changes/1/deployments", nil, &list)
	now := edge.photo(i.t)
	if len(list.Items) != 1 || list.Items[0].ID != deployment || list.Items[0].State != peering.DeploymentConfirmed {
		i.t.Errorf("deployments %+v", list.Items)
	} else if now.pending || now.identity != list.Items[0].ArtifactHash || !strings.Contains(now.boots, now.identity) {
		i.t.Errorf("recorded artifact %s, and the router runs %s (pending %t) and boots\n%s", list.Items[0].ArtifactHash, now.identity, now.pending, now.boots)
	}
}

// unread asks for what needs a worker at the router, by HTTP and command line.
func (i *installation) unread(want string) {
	i.t.Helper()
	code, said := i.command(i.t.Context(), "", "router", "diff", "edge1")
	if code != 7 || !strings.Contains(said, want) {
		i.t.Errorf("peerflow router diff: exit %d, %q, want %q", code, said, want)
	}
}
