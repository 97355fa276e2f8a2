package cmd

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"peerflow/api"
	"peerflow/internal/peering"
)

// proposed is a change that may be pasted on edge1, and its deployment.
func (b *bench) proposed() (peering.Change, int64) {
	b.Helper()
	c := b.planned()
	id := b.proposes(c)
	return c, id
}

// proposes brings a change's plan past its approval and the gate.
func (b *bench) proposes(c peering.Change) int64 {
	b.Helper()
	ctx := b.Context()
	b.wants(b.do("admin", "POST", pathOf(c, "approve"), fmt.Sprintf(`{"plan": %q}`, c.PlanHash)), 200, "1 of 1")
	b.must(b.db.MoveChange(ctx, c.ID, peering.ChangeApproved, "approved", ""))
	id, err := b.db.SubmitDeployment(ctx, c.ID, c.PlanID, 1)
	b.must(err)
	b.must(b.db.StoreBaseline(ctx, id, peering.BaselineRecord{Base: "earlier {}\n", Artifact: "protocol bgp {}\n", ReadAt: time.Now()}))
	b.must(b.db.ProposeDeployment(ctx, id))
	return id
}

// proposals is what the API tells of those of a change.
func (b *bench) proposals(c peering.Change) (page struct{ Items []api.ProposalView }) {
	b.Helper()
	b.wants(b.do("admin", "GET", pathOf(c, "proposals"), ""), 200, "").into(b, &page)
	return page
}

// Whoever scripts `change paste --text > owned.conf` must never get a text that isn't to be pasted.
func TestOnlyWhatMayBePastedHasItsText(t *testing.T) {
	t.Parallel()
	end := func(state peering.DeploymentState, outcome string) func(*bench, peering.Change, int64) {
		return func(b *bench, _ peering.Change, id int64) {
			b.must(b.db.EndDeployment(b.Context(), id, peering.DeploymentEnd{State: state, Outcome: outcome}))
		}
	}
	for name, c := range map[string]struct {
		hinder  func(*bench, peering.Change, int64)
		why     string // "" may be pasted
		earlier bool   // may be put back
	}{
		"proposed": {func(*bench, peering.Change, int64) {}, "", true},
		"held by a freeze": {func(b *bench, _ peering.Change, _ int64) {
			b.wants(b.do("admin", "POST", "/api/v1/freezes", `{"scope": "all", "reason": "storm"}`), 201, "")
		}, "frozen by admin (all, freeze 1): storm; run peerflow change paste 1 again", true},
		"cancelled, and nobody looked yet": {func(b *bench, c peering.Change, _ int64) {
			b.wants(b.do("admin", "POST", pathOf(c, "cancel"), `{"reason": "no"}`), 202, "")
		}, "about to end as cancelled: cancelled by admin: no", true},
		"not agreed any more": {func(b *bench, _ peering.Change, _ int64) {
			_, err := b.db.Peerings().Patch(b.Context(), b.actor("admin"), 1, 0, json.RawMessage(`{"state": "suspended", "reason": "abuse"}`))
			b.must(err)
		}, "only agreed peerings deploy", true},
		"cancelled":         {end(peering.DeploymentCancelled, "cancelled by anna"), "it is cancelled: cancelled by anna; open a new change", true},
		"stale":             {end(peering.DeploymentStale, "stanza b moved"), "stanza b moved; what is planned in its place is approved first: peerflow change show 1", true},
		"needs an operator": {end(peering.DeploymentNeedsOperator, "put the earlier text back"), "put the earlier text back", true},
		"cancelled, and the router was written to since": {func(b *bench, c peering.Change, id int64) {
			end(peering.DeploymentCancelled, "cancelled by anna")(b, c, id)
			_, err := b.db.SettleChange(b.Context(), c.ID)
			b.must(err)
			_, other := b.proposed()
			b.must(b.db.MarkPasted(b.Context(), other, "g"))
		}, "it is cancelled", false},
		"another one's paste was seen before this one ended": {func(b *bench, c peering.Change, id int64) {
			_, other := b.proposed()
			b.must(b.db.MarkPasted(b.Context(), other, "g"))
			end(peering.DeploymentStale, "stanza b moved")(b, c, id)
		}, "stanza b moved", false},
		"another one was pasted, and this one still waits": {func(b *bench, _ peering.Change, _ int64) {
			_, other := b.proposed()
			b.must(b.db.MarkPasted(b.Context(), other, "g"))
		}, "deployment 2 of change 2 is proposed on router edge1", false},
		"another one's commit was sent, and nobody saw what came of it": {func(b *bench, c peering.Change, id int64) {
			_, other := b.proposed()
			_, err := b.db.Pool().Exec(b.Context(), `UPDATE deployment SET mode = 'manage', proposed_at = NULL, state = 'unknown', commit_sent_at = now() WHERE id = $1`, other)
			b.must(err)
			end(peering.DeploymentStale, "stanza b moved")(b, c, id)
		}, "stanza b moved", false},
		"another one was pasted, and the base was taken anew since": {func(b *bench, c peering.Change, id int64) {
			_, other := b.proposed()
			b.must(b.db.MarkPasted(b.Context(), other, "g"))
			b.must(b.db.StoreBaseline(b.Context(), id, peering.BaselineRecord{ReadAt: time.Now().Add(time.Minute), Base: "earlier {}\n", Artifact: "protocol bgp {}\n"}))
			end(peering.DeploymentStale, "stanza b moved")(b, c, id)
		}, "stanza b moved", true},
		"what is closed on the router would be opened": {func(b *bench, _ peering.Change, id int64) {
			b.must(b.db.NoteHindrance(b.Context(), id, "any commit would open what is closed there"))
		}, "any commit would open what is closed there; run peerflow change paste 1 again once that is over", true},
		"what was closed on the router is open again": {func(b *bench, _ peering.Change, id int64) {
			b.must(b.db.NoteHindrance(b.Context(), id, "any commit would open what is closed there"))
			b.must(b.db.NoteHindrance(b.Context(), id, ""))
		}, "", true},
		"a week is over": {func(b *bench, _ peering.Change, id int64) {
			_, err := b.db.Pool().Exec(b.Context(), `UPDATE deployment SET deadline = now() - interval '1 minute' WHERE id = $1`, id)
			b.must(err)
		}, "nobody pasted it by", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.network()
			_, err := b.db.Pool().Exec(t.Context(), `UPDATE router SET mode = 'propose'`)
			b.must(err)
			change, id := b.proposed()
			c.hinder(b, change, id)
			shown := b.proposals(change).Items
			if len(shown) != 1 || (shown[0].Proposal == nil) != (c.why != "") || !strings.Contains(shown[0].NotToPaste, c.why) || (shown[0].Earlier != nil) != c.earlier {
				t.Errorf("the API tells %+v", shown)
			}
			number := fmt.Sprint(change.ID)
			code, stdout, stderr := b.cli("admin", "", "change", "paste", number, "--text")
			if c.why == "" && (code != exitOK || !strings.Contains(stdout, "protocol bgp {}")) {
				t.Errorf("--text: exit %d, %s%s", code, stdout, stderr)
			}
			if c.why != "" && (code != exitRefused || stdout != "" || !strings.Contains(stderr, c.why)) {
				t.Errorf("--text: exit %d, %s%s", code, stdout, stderr)
			}
			if _, stdout, _ = b.cli("admin", "", "change", "paste", number); strings.Contains(stdout, "protocol bgp {}") != (c.why == "") || !strings.Contains(stdout, c.why) {
				t.Errorf("it shows\n%s", stdout)
			}
			code, stdout, stderr = b.cli("admin", "", "change", "paste", number, "--text", "--earlier")
			if c.earlier != (code == exitOK && strings.Contains(stdout, "earlier {}")) {
				t.Errorf("--earlier: exit %d, %s%s", code, stdout, stderr)
			}
		})
	}
}

// What was planned again is the one to paste.
func TestAProposalThatWasPlannedAgainTakesTheOthersPlace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	_, err := b.db.Pool().Exec(t.Context(), `UPDATE router SET mode = 'propose'`)
	b.must(err)
	change, first := b.proposed()
	b.must(b.db.EndDeployment(t.Context(), first, peering.DeploymentEnd{State: peering.DeploymentStale, Outcome: "stanza b moved"}))
	b.must(b.db.MoveChange(t.Context(), change.ID, peering.ChangeStale, "stanza b moved", ""))
	second := b.proposes(b.plan(change))
	shown := b.proposals(change).Items
	if len(shown) != 1 || shown[0].DeploymentID != second || shown[0].Proposal == nil {
		t.Errorf("the API tells %+v", shown)
	}
	if code, _, stderr := b.cli("admin", "", "change", "paste", fmt.Sprint(change.ID), "--text"); code != exitOK {
		t.Errorf("--text: exit %d, %s", code, stderr)
	}
}

// A proposal goes on as soon as nothing holds it any more, and not at its next look.
func TestLiftingAFreezeWakesWhatIsProposed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	_, err := b.db.Pool().Exec(t.Context(), `UPDATE router SET mode = 'propose'`)
	b.must(err)
	b.proposed()
	b.wants(b.do("admin", "POST", "/api/v1/freezes", `{"scope": "router", "router_id": 1, "reason": "storm"}`), 201, "")
	b.flows.woken = nil
	b.wants(b.do("admin", "POST", "/api/v1/freezes/1/lift", ""), 200, "lifted_at")
	if fmt.Sprint(b.flows.woken) != "[freeze_lifted]" {
		t.Errorf("woken %q", b.flows.woken)
	}
}
