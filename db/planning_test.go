package db_test

import (
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

func TestPlanningFactsAreThoseOfThePeerAndOurExchanges(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	elsewhere := mustCreate(t, d.IXPs(), peering.IXP{Slug: "de-cix", LocalASID: n.us.ID, IXLANID: 31})
	published(t, d, 64501, 26, "198.51.100.2", 1000)
	sqlRun(t, d, `INSERT INTO pdb_netixlan VALUES (7, 64501, 999, 64501, '203.0.113.7', NULL, 10000, false, false, true, 'ok', now(), now())`)
	changeID, sessionID := plannedSession(t, d, n, "198.51.100.9", 64502, n.peering.ID)

	facts, err := d.PlanningFacts(t.Context(), 64501, nil)
	if err != nil {
		t.Fatal(err)
	}
	if facts.Peer.PolicyGeneral != "Open" || len(facts.Ports) != 1 || facts.Ports[0].LANID != 26 {
		t.Errorf("peer %v, ports %v: want the one port where we are", facts.Peer, facts.Ports)
	}
	if len(facts.IXPs) != 2 || len(facts.Connections) != 1 || facts.Routers[n.router.ID].Name != "ams-1" || !facts.OurASNs[64500] || facts.OurASNs[64501] {
		t.Errorf("exchanges %v, connections %v, routers %v, ours %v", facts.IXPs, facts.Connections, facts.Routers, facts.OurASNs)
	}
	if facts.Peerings[n.ixp.ID].ID != n.peering.ID || facts.Now.IsZero() {
		t.Errorf("peerings %v at %v", facts.Peerings, facts.Now)
	}
	recorded := facts.Sessions[peering.SessionKey{RouterID: n.router.ID, PeerAddress: n.session.PeerAddress}]
	planned := facts.Sessions[peering.SessionKey{RouterID: n.router.ID, PeerAddress: netip.MustParseAddr("198.51.100.9")}]
	if recorded != (peering.SessionFact{SessionID: n.session.ID, PeerAS: 64501}) {
		t.Errorf("recorded session: %+v", recorded)
	}
	if planned != (peering.SessionFact{SessionID: sessionID, PeerAS: 64502, ChangeID: changeID}) {
		t.Errorf("planned session: %+v", planned)
	}
	if some, err := d.PlanningFacts(t.Context(), 64501, []int64{elsewhere.ID}); err != nil || len(some.Ports) != 0 || len(some.Connections) != 0 {
		t.Errorf("one exchange asked for: ports %v, connections %v, %v", some.Ports, some.Connections, err)
	}
}

func TestPlanningForgetsSessionsOfEndedChanges(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	published(t, d, 64501, 26, "198.51.100.2", 1000)
	changeID, _ := plannedSession(t, d, n, "198.51.100.9", 64502, n.peering.ID)
	if err := d.MoveChange(t.Context(), changeID, peering.ChangeCancelled, "", "cancelled"); err != nil {
		t.Fatal(err)
	}
	facts, err := d.PlanningFacts(t.Context(), 64501, nil)
	if err != nil || len(facts.Sessions) != 1 {
		t.Errorf("sessions %v, %v: want the recorded one alone", facts.Sessions, err)
	}
}

func TestPlanningNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	_, err := d.PlanningFacts(t.Context(), 64511, nil)
	wantKind(t, "a peer that PeeringDB lacks", err, peering.NotFound)
	if err == nil || !strings.Contains(err.Error(), "AS64511") || !strings.Contains(err.Error(), "peerflow sync") {
		t.Errorf("%v: want the AS number and the remedy", err)
	}
	published(t, d, 64511, 26, "198.51.100.11", 0)
	_, err = d.PlanningFacts(t.Context(), 64511, []int64{42})
	wantKind(t, "an exchange that isn't there", err, peering.NotFound)
}

// Whoever asks for an unknown network during an outage has to hear of the outage.
func TestPlanningTellsThatPeeringDBCannotBeAsked(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	mirror := db.NewPeeringDBMirror(d.Pool())
	at := func(clock string) time.Time { when, _ := time.Parse(time.DateTime, "2026-11-28 "+clock); return when }
	run := func(began, ended, why string) {
		t.Helper()
		r, err := mirror.BeginRun(t.Context(), false, at(began))
		if err != nil {
			t.Fatal(err)
		}
		end := peering.PDBRunEnd{Run: r.ID, At: at(ended), Failed: map[peering.PDBType]string{}}
		if why != "" {
			end.Failed[peering.PDBOrgs] = why
		}
		if err := mirror.EndRun(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	state := func(want peering.PDBMirrorState, asn bgp.ASN, says ...string) {
		t.Helper()
		got, err := mirror.State(t.Context())
		if err != nil || got != want {
			t.Errorf("the mirror's state is %+v, %v; want %+v", got, err, want)
		}
		_, err = d.PlanningFacts(t.Context(), asn, nil)
		wantKind(t, "a peer that PeeringDB lacks", err, peering.NotFound)
		for _, word := range says {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("%v: want %q", err, word)
			}
		}
	}
	state(peering.PDBMirrorState{}, 64511, "mirror: run `peerflow sync`")
	run("06:00:00", "06:01:00", "")
	good := peering.PDBMirrorState{SucceededAt: at("06:01:00"), TriedAt: at("06:00:00")}
	state(good, 64511, "mirror: run `peerflow sync`")
	run("12:00:00", "12:02:00", "org: connection refused")
	run("18:00:00", "18:02:00", "org: no route to host")
	bad := peering.PDBMirrorState{SucceededAt: good.SucceededAt, TriedAt: at("18:00:00"), FailingSince: at("12:00:00"), Error: "org: no route to host"}
	state(bad, 64511, "can't be asked since 2026-11-28 12:00 UTC (org: no route to host)", "peerflow sync")
	if err := mirror.NoteFailure(t.Context(), 64510, at("18:30:00"), "HTTP 503"); err != nil {
		t.Fatal(err)
	}
	state(bad, 64510, "since 2026-11-28 12:00 UTC (HTTP 503)")
	run("18:40:00", "18:41:00", "")
	well := peering.PDBMirrorState{SucceededAt: at("18:41:00"), TriedAt: at("18:00:00")} // the run of 18:00 was taken up again
	state(well, 64511, "mirror: run `peerflow sync`")
	state(well, 64510, "since 2026-11-28 18:30 UTC (HTTP 503)")
}

func TestEnsuringTwiceRecordsOnce(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	var group sync.WaitGroup
	ids := make([]int64, 4)
	for i := range ids {
		group.Go(func() { // at the same moment, as two changes with one peer would
			as, err := d.EnsureNetwork(t.Context(), 0, peering.AutonomousSystem{ASN: 64502, Name: "new"})
			if err != nil {
				t.Error(err)
				return
			}
			p, err := d.EnsurePeering(t.Context(), 0, n.us.ID, as.ID, n.ixp.ID)
			if err != nil {
				t.Error(err)
				return
			}
			if p.State != peering.PeeringNone {
				t.Errorf("a new peering is %s", p.State)
			}
			ids[i] = p.ID
		})
	}
	group.Wait()
	var networks, logged int
	sqlRead(t, d, `SELECT (SELECT count(*) FROM autonomous_system WHERE asn = 64502),
		(SELECT count(*) FROM change_log WHERE object = 'peering' AND object_id = $1 AND action = 'create')`, []any{ids[0]}, &networks, &logged)
	if networks != 1 || logged != 1 || ids[0] != ids[1] || ids[0] != ids[3] {
		t.Errorf("%d networks, %d log entries, peerings %v: want one of each", networks, logged, ids)
	}
}

func TestPeeringMovesAsAgreementDoes(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	p, err := d.EnsurePeering(t.Context(), 0, n.us.ID, n.peer.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	set := func(to peering.PeeringState, e peering.Evidence) error {
		return d.SetPeering(t.Context(), 0, p.ID, to, e, "they said so")
	}
	wantKind(t, "none to ended", set(peering.Ended, ""), peering.Conflict)
	wantKind(t, "agreed without evidence", set(peering.Agreed, peering.NoEvidence), peering.Invalid)
	for range 2 { // a repeat changes nothing
		if err := set(peering.Agreed, peering.OpenPolicy); err != nil {
			t.Fatal(err)
		}
	}
	after, err := d.Peerings().Get(t.Context(), p.ID)
	if err != nil || after.State != peering.Agreed || after.Evidence != peering.OpenPolicy || after.Version != 2 {
		t.Errorf("%+v, %v: want agreed by open policy at version 2", after, err)
	}
}

func TestLedgerLeavesOutWhatIsProvenAbsent(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	changeID, _ := plannedSession(t, d, n, "198.51.100.9", 64502, n.peering.ID)
	var deployment int64
	sqlRead(t, d, `WITH p AS (INSERT INTO plan (change_id, hash, impact) VALUES ($1, repeat('a', 64), '{}') RETURNING id)
		INSERT INTO deployment (change_id, plan_id, router_id, state) SELECT $1, p.id, $2, 'confirmed' FROM p RETURNING id`,
		[]any{changeID, n.router.ID}, &deployment)
	sqlRun(t, d, `INSERT INTO stanza_ledger (router_id, key, hash, deployment_id, absent_at) VALUES
		($1, 'neighbor a', 'h1', $2, NULL), ($1, 'neighbor b', '', $2, NULL), ($1, 'neighbor c', '', $2, now())`, n.router.ID, deployment)
	got, err := d.Ledger(t.Context(), n.router.ID)
	if err != nil || len(got) != 2 || got["neighbor a"] != "h1" || got["neighbor b"] != "" {
		t.Errorf("%v, %v: want a and b", got, err)
	}
}
