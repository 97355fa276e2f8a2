package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"peerflow/db"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/standalone/lab"
)

// A session that waits for the other side is guarded when it first comes up: if
// its export leaks by then, it is shut on the router, and nothing that peerflow
// does later opens it again until a person lifts that.
func TestSessionThatLeaksWhenItFirstComesUpIsShut(t *testing.T) {
	t.Parallel()
	s := stage(t, 1)
	ctx := context.Background()
	peer, up := s.peers[s.newcomer(knownAS)], s.uptimes()
	s.deploy(s.provision(knownAS, "a session to guard"))
	session := s.sessionWith(knownAS)
	if s.exports(knownAS) == "" {
		t.Fatal("the edge has no session with AS64501")
	}

	// Somebody opens its export by hand before the other side is there.
	s.rewrite(knownAS, regexp.MustCompile(`export filter \w+;`), "export all;")
	s.birdc("configure")
	s.must(peer.AddNeighbor(ctx, lab.PeerNeighbor{ASN: ourAS, Address: s.ourAddr()}))
	s.await("the session is recorded as held", 90*time.Second, func(ctx context.Context) bool {
		now, err := s.Parts.DB.Sessions().Get(ctx, session.ID)
		return err == nil && now.HeldByHand && now.Intent == peering.Shutdown && strings.Contains(now.HeldReason, "prefixes, expected 3 (limit 13)")
	})
	s.await("the session is shut on the router", time.Minute, func(ctx context.Context) bool {
		return s.logged(session.ID, "shut") && peer.State(ctx, s.ourAddr()) != bgp.Established && peer.Received(ctx, s.ourAddr()) == 0
	})
	if !s.logged(session.ID, "export_guard_breached") {
		t.Error("the change log has no breach")
	}
	s.told(session.ID)
	s.polls(2)
	if peer.State(ctx, s.ourAddr()) == bgp.Established || peer.Received(ctx, s.ourAddr()) != 0 {
		t.Error("it came up again")
	}
	if n := s.established(ctx); n != len(handmade)+1 {
		t.Errorf("%d other sessions are up, want %d", n, len(handmade)+1)
	}

	s.unbroken(up)

	// A change of another session has it closed, says so, and doesn't take over the leak.
	other := s.edit("describe another", s.describe(0, "after the leak"))
	if line := s.plan(other).Impact.Line(); !strings.Contains(line, "stays shut (export guard") {
		t.Errorf("impact %q", line)
	}
	s.deploy(other)
	if block := s.block(knownAS); !strings.Contains(block, "disabled;") || strings.Contains(block, "export all") {
		t.Errorf("the artifact has it as\n%s", block)
	}
	if peer.State(ctx, s.ourAddr()) == bgp.Established || peer.Received(ctx, s.ourAddr()) != 0 {
		t.Error("a deployment opened it")
	}

	// A person lifts it, and deploys that.
	_, err := s.Parts.DB.Sessions().Patch(ctx, s.admin, session.ID, 0, json.RawMessage(`{"held_by_hand": false, "intent": "present"}`))
	s.must(err)
	s.await("it says that its router still has it shut, and how to open it", 30*time.Second, func(context.Context) bool {
		return strings.Contains(s.view(session.ID).Why, "its router has it shut down (as64501_")
	})
	s.deploy(s.inState(s.deployAll("lift").ID, time.Minute, peering.ChangeAwaitingApproval))
	s.await("it is up with our 3 prefixes", time.Minute, func(ctx context.Context) bool {
		return peer.State(ctx, s.ourAddr()) == bgp.Established && peer.Received(ctx, s.ourAddr()) == len(ourPrefixes)
	})
	s.unbroken(up)
}

// sessionWith is the recorded session with a network.
func (s *scene) sessionWith(asn bgp.ASN) peering.Session {
	s.t.Helper()
	found, err := s.Parts.DB.Sessions().List(context.Background(), []peering.Filter{{Field: "peer_asn", Values: []string{fmt.Sprint(uint32(asn))}}}, peering.Page{Limit: 2})
	s.must(err)
	if len(found.Items) != 1 {
		s.t.Fatalf("%d sessions with %s", len(found.Items), asn)
	}
	return found.Items[0]
}

// block is the edge's protocol for a network in the owned file.
func (s *scene) block(asn bgp.ASN) string {
	s.t.Helper()
	owned, err := os.ReadFile(s.edge.Owned)
	s.must(err)
	for block := range strings.SplitSeq(string(owned), "protocol bgp ") {
		if strings.Contains(block, fmt.Sprintf(" as %d;", uint32(asn))) {
			return block
		}
	}
	return ""
}

func (s *scene) exports(asn bgp.ASN) string {
	return regexp.MustCompile(`export [^;]*;`).FindString(s.block(asn))
}

// rewrite edits that protocol as a person would.
func (s *scene) rewrite(asn bgp.ASN, what *regexp.Regexp, to string) {
	s.t.Helper()
	before := s.block(asn)
	after := what.ReplaceAllString(before, to)
	if after == before {
		s.t.Fatalf("nothing to rewrite in\n%s", before)
	}
	owned, err := os.ReadFile(s.edge.Owned)
	s.must(err)
	s.must(os.WriteFile(s.edge.Owned, []byte(strings.Replace(string(owned), before, after, 1)), 0o640))
}

// logged reports that the change log has an action of the export guard on a session.
func (s *scene) logged(session int64, action string) bool {
	s.t.Helper()
	log, err := s.Parts.DB.ChangeLog(context.Background(), []peering.Filter{
		{Field: "object", Values: []string{"session"}}, {Field: "object_id", Values: []string{fmt.Sprint(session)}},
		{Field: "action", Values: []string{action}}, {Field: "actor", Values: []string{"export guard"}}}, peering.Page{Limit: 5})
	s.must(err)
	return len(log.Items) == 1
}

// told checks that an event carries the breach to people.
func (s *scene) told(session int64) {
	s.t.Helper()
	for from := (db.Position{}); ; {
		events, next, err := s.Parts.DB.Events(context.Background(), from, 0, 500)
		s.must(err)
		for _, e := range events {
			if e.Topic == "session" && e.Event == "export_guard_breached" && e.ObjectID == session {
				return
			}
		}
		if len(events) == 0 {
			s.t.Error("no event tells of the breach")
			return
		}
		from = next
	}
}

// polls waits until the router was asked so many times more.
func (s *scene) polls(times int) {
	s.t.Helper()
	var last time.Time
	s.await(fmt.Sprintf("%d more polls", times), time.Minute, func(ctx context.Context) bool {
		all, err := s.Parts.DB.Polls(ctx)
		if err != nil || len(all) == 0 {
			return false
		}
		if at := all[0].AnsweredAt; at.After(last) {
			last, times = at, times-1
		}
		return times < 0
	})
}
