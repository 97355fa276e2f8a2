package cmd

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"peerflow/internal/peering"
)

func TestAPlanIsShownWithoutSecrets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	c := b.planned()
	for _, view := range []string{"plan", "diff", "config"} {
		r := b.wants(b.do("admin", "GET", pathOf(c, view), ""), 200, "<secret v3>")
		if strings.Contains(r.text, "{secret:") {
			t.Errorf("%s shows a placeholder: %s", view, r.text)
		}
	}
	b.wants(b.do("admin", "GET", pathOf(c, "plan"), ""), 200, `"impact_line":"adds 1 session; announces 3 prefixes"`)
	code, stdout, _ := b.cli("admin", "", "change", "show", fmt.Sprint(c.ID))
	if code != 0 || !strings.Contains(stdout, "limit 13, from policy") || !strings.Contains(stdout, `+   password "<secret v3>";`) {
		t.Errorf("exit %d:\n%s", code, stdout)
	}
	expires := "expires " + c.ExpiresAt.Format("2006-01-02 15:04") + " UTC unless it is approved by then"
	if c.ExpiresAt.IsZero() || !strings.Contains(stdout, expires) {
		t.Errorf("%q isn't in\n%s", expires, stdout)
	}
	var shown peerReport
	_, stdout, _ = b.cli("admin", "", "change", "show", fmt.Sprint(c.ID), "--json")
	if err := json.Unmarshal([]byte(stdout), &shown); err != nil || !shown.Change.ExpiresAt.Equal(c.ExpiresAt) {
		t.Errorf("%v; expires %s in\n%s", err, shown.Change.ExpiresAt, stdout)
	}
}

func TestADecisionNamesItsPlan(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	c := b.planned()
	approve := func(plan string) reply {
		return b.do("admin", "POST", pathOf(c, "approve"), fmt.Sprintf(`{"plan": %q}`, plan))
	}
	b.wants(approve(c.PlanHash[:7]), 422, "plan")
	b.wants(approve("00000000"), 403, "plan moved")
	b.wants(b.do("admin", "GET", pathOf(c, "audit"), ""), 200, `"refused":true`)
	b.wants(approve(c.PlanHash[:8]), 200, "1 of 1")
	if fmt.Sprint(b.flows.woken) != "[approve]" {
		t.Errorf("woken %v, want the change once", b.flows.woken)
	}
	b.wants(approve(c.PlanHash), 403, "already")
	b.wants(b.do("admin", "GET", pathOf(c, "votes"), ""), 200, `"solo":true`)
}

func TestAnAuthorDoesNotApproveOnceThereAreTwo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	c := b.planned()
	b.user("bob", peering.Approver)
	id := fmt.Sprint(c.ID)
	if code, _, stderr := b.cli("admin", "", "change", "approve", id, "--plan", c.PlanHash[:8]); code != exitRefused || !strings.Contains(stderr, "author") {
		t.Errorf("the author: exit %d, %s", code, stderr)
	}
	if code, _, stderr := b.cli("bob", "", "change", "approve", id); code != exitUsage || !strings.Contains(stderr, "change approve "+id+" --plan HASH") {
		t.Errorf("unseen, by a script: exit %d, %s", code, stderr)
	}
	if votes, err := b.db.Votes(t.Context(), c.ID); err != nil || len(votes) != 0 {
		t.Errorf("votes %v, %v: nobody looked at the plan", votes, err)
	}
	code, stdout, stderr := b.cli("bob", "", "change", "approve", id, "--code")
	if code != exitOK || !strings.Contains(stdout, `"decision": "approve", "code": "`) {
		t.Fatalf("a code: exit %d, %s%s", code, stdout, stderr)
	}
	typed := strings.SplitN(stdout, "\n", 2)[0]
	result, err := b.db.RecordVote(t.Context(), peering.VoteInput{ChangeID: c.ID, UpdateID: "1", Decision: peering.Approve, Code: typed})
	b.must(err)
	if !result.Accepted {
		t.Errorf("the code that was printed: %s", result.Text)
	}
	if code, stdout, _ := b.cli("admin", "", "change", "cancel", id); code != exitOK || !strings.Contains(stdout, "cancel") {
		t.Errorf("cancel: exit %d, %s", code, stdout)
	}
	if code, _, stderr := b.cli("admin", "", "change", "rollback", id); code != exitRefused {
		t.Errorf("roll back of what isn't deployed: exit %d, %s", code, stderr)
	}
}

func TestAgreementWakesTheChangesThatWaitForIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.wants(b.do("admin", "POST", "/api/v1/peerings", `{"asn": 64501}`, "Idempotency-Key", "key-0001"), 202, "")
	b.wants(b.do("admin", "POST", "/api/v1/peerings", `{"asn": 64502}`, "Idempotency-Key", "key-0002"), 202, "")
	code, stdout, stderr := b.cli("admin", "", "peering", "agree", "AS64501", "--evidence", "mail of today", "--kind", "mail")
	if code != exitOK || !strings.Contains(stdout, "agreed: 1 peering\n") {
		t.Fatalf("exit %d, %s%s", code, stdout, stderr)
	}
	b.wants(b.do("admin", "GET", "/api/v1/peerings/1", ""), 200, `"evidence_text":"mail of today"`)
	if fmt.Sprint(b.flows.woken) != "[agreed]" {
		t.Errorf("woken %v, want the peer's change alone", b.flows.woken)
	}
	b.wants(b.do("admin", "GET", "/api/v1/sessions/1", ""), 200, `"display":"agreed"`)
}
