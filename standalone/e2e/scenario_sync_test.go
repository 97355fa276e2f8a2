package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"peerflow/api"
	"peerflow/internal/peering"
)

// view is what "session why" knows of a session.
func (b *bed) view(id int64) (v api.SessionView) {
	b.t.Helper()
	b.must(json.Unmarshal([]byte(b.cli("session", "why", fmt.Sprint(id), "--json")), &v))
	return v
}

// shows waits until "session list" shows a session like this, and "session why" says the words.
func (b *bed) shows(id int64, show peering.Display, sync peering.Sync, words ...string) {
	b.t.Helper()
	b.await(fmt.Sprintf("session %d shows as %s, %s", id, show, sync), 2*time.Minute, func(context.Context) bool {
		v := b.view(id)
		return v.Display == show && v.Sync == sync
	})
	why := b.cli("session", "why", fmt.Sprint(id))
	for _, w := range words {
		if !strings.Contains(why, w) {
			b.t.Errorf("%q isn't in\n%s", w, why)
		}
	}
	b.await(fmt.Sprintf("session %d is listed as %s", id, show), 2*time.Minute, func(context.Context) bool {
		for line := range strings.Lines(b.cli("session", "list")) {
			if f := strings.Fields(line); len(f) > 3 && f[0] == fmt.Sprint(id) {
				return strings.Contains(line, string(show))
			}
		}
		return false
	})
}

// underWay checks that a session shows as deploying now: a soak is short.
func (b *bed) underWay(id int64) {
	b.t.Helper()
	if v := b.view(id); v.Display != peering.ShowDeploying || v.Sync != peering.Deploying || !strings.Contains(v.Why, "under way") {
		b.t.Errorf("while it is deployed session %d shows as %s, %s: %s", id, v.Display, v.Sync, v.Why)
	}
}

// settled waits until all sessions of ours are in sync.
func (s *scene) settled() {
	s.t.Helper()
	s.await("all sessions are in sync", 2*time.Minute, func(context.Context) bool {
		var all []api.SessionView
		s.must(json.Unmarshal([]byte(s.cli("session", "list", "--json")), &all))
		for _, v := range all {
			if v.Sync != peering.InSync {
				return false
			}
		}
		return len(all) >= len(s.sessions)
	})
}

// standings counts the sessions that a deployment left in a state.
func (s *scene) standings(d peering.Deployment, sync peering.Sync) (n int) {
	s.t.Helper()
	log, err := s.Parts.DB.ChangeLog(context.Background(), []peering.Filter{{Field: "actor", Values: []string{fmt.Sprintf("deployment/%d", d.ID)}},
		{Field: "object", Values: []string{"session"}}, {Field: "action", Values: []string{"sync"}}}, peering.Page{Limit: 500})
	s.must(err)
	for _, e := range log.Items {
		if strings.Contains(string(e.After), `"`+string(sync)+`"`) {
			n++
		}
	}
	return n
}

// drifts: somebody edits our part of the router by hand, and takes that back.
func drifts(s *scene) {
	owned, err := os.ReadFile(s.edge.Owned)
	s.must(err)
	load := func(text string) {
		s.must(os.WriteFile(s.edge.Owned, []byte(text), 0o640))
		s.birdc("configure")
	}
	edited := strings.Replace(string(owned), `description "renamed"`, `description "by hand"`, 1)
	if edited == string(owned) {
		s.t.Fatalf("nothing to edit in\n%s", owned)
	}
	load(edited)
	var drifted int64
	s.await("one session has drifted", 2*time.Minute, func(ctx context.Context) bool {
		found, err := s.Parts.DB.Sessions().List(ctx, []peering.Filter{{Field: "sync", Values: []string{"drifted"}}}, peering.Page{Limit: 2})
		s.must(err)
		if len(found.Items) == 1 {
			drifted = found.Items[0].ID
		}
		return len(found.Items) == 1
	})
	s.shows(drifted, peering.ShowDrifted, peering.Drifted, "somebody else wrote there", fmt.Sprintf("peerflow router diff %d", s.router().ID))
	if diff := s.cli("router", "diff", fmt.Sprint(s.router().ID)); !strings.Contains(diff, "by hand") || !strings.Contains(diff, "drift") {
		s.t.Errorf("the router's diff:\n%s", diff)
	}
	// A deployment of another session doesn't make it deployed.
	s.deploy(s.edit("another", s.describe(0, "beside the drift")))
	s.polls(2)
	s.shows(drifted, peering.ShowDrifted, peering.Drifted)
	now, err := os.ReadFile(s.edge.Owned)
	s.must(err)
	load(strings.Replace(string(now), `description "by hand"`, `description "renamed"`, 1))
	s.settled()
}

// takenBack: what is recorded is deployed, and a person rolls that back.
func takenBack(s *scene) {
	ctx, id := context.Background(), s.sessions[9].ID
	_, err := s.Parts.DB.Sessions().Patch(ctx, s.admin, id, 0, json.RawMessage(`{"description": "recorded first"}`))
	s.must(err)
	c := s.inState(s.deployAll("a record").ID, time.Minute, peering.ChangeAwaitingApproval)
	s.approve(c)
	s.soaking(c)
	s.underWay(id)
	_, err = s.Parts.DB.AddCommand(ctx, s.admin, c.ID, peering.CommandRollBack, "not now")
	s.must(err)
	s.must(s.Parts.Workflows.LookAgain(ctx, c.ID, "roll back"))
	if c = s.ends(c.ID); c.State != peering.ChangeRolledBack {
		s.t.Fatalf("%s: %s", c.State, c.Outcome)
	}
	s.polls(2)
	s.shows(id, peering.ShowUp, peering.Reverted, "deployed and taken back", "turn us")
	s.deploy(s.inState(s.deployAll("once more").ID, time.Minute, peering.ChangeAwaitingApproval))
	s.settled()
}
