package cmd

import (
	"fmt"
	"strings"
	"testing"

	"peerflow/internal/peering"
)

func TestApprovalRulesAreAnAdminsToWriteAndAnybodysToRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.user("olga", peering.Operator, peering.Approver)
	const path = "/api/v1/approval-rules"
	body := `{"name": "two-people", "kinds": ["deploy", "depeer"], "disruption": "reset", "router_ids": [1], "votes_needed": 2, "approval_minutes": 90}`
	b.wants(b.do("olga", "POST", path, body), 403, "admin")
	made := b.wants(b.do("admin", "POST", path, body), 201, `"votes_needed":2`)
	b.wants(b.do("admin", "POST", path, `{"name": "small", "kinds": ["refresh"], "filter_change_limit": 20}`), 201, `"votes_needed":0`)
	b.wants(b.do("admin", "POST", path, `{"name": "none", "votes_needed": 0, "kinds": ["depeer"], "filter_change_limit": 20}`), 422, "refresh alone")
	at := made.header.Get("Location")
	b.wants(b.do("admin", "PATCH", at, `{"solo_after_minutes": 30}`), 428, "If-Match")
	b.wants(b.do("admin", "PATCH", at, `{"min_sessions": 10}`, "If-Match", made.header.Get("ETag")), 200, `"min_sessions":10`)
	b.wants(b.do("admin", "PATCH", at, `{"min_sessions": 11}`, "If-Match", made.header.Get("ETag")), 412, "changed meanwhile")
	b.wants(b.do("olga", "GET", at, ""), 200, `"name":"two-people"`)
	b.wants(b.do("olga", "GET", path+"?votes_needed=0", ""), 200, `"name":"small"`)

	code, out, errs := b.cli("olga", "", "approval-rule", "list")
	for _, want := range []string{"kind deploy|depeer, disruption reset or worse, 10 sessions or more, router 1", "2 approvals, each for 90 min",
		"nothing but prefix lists, by 20 entries or less", "nobody: approved by this rule", "where no other matches"} {
		if code != exitOK || !strings.Contains(out, want) {
			t.Errorf("exit %d, %s: list doesn't say %q:\n%s", code, errs, want, out)
		}
	}
	if code, out, errs := b.cli("olga", "", "approval-rule", "show", "small"); code != exitOK || !strings.Contains(out, "small") {
		t.Errorf("show: exit %d, %s%s", code, out, errs)
	}
	if code, _, _ := b.cli("olga", "", "approval-rule", "show", "nonsense"); code != exitNotFound {
		t.Errorf("show of what isn't there: exit %d", code)
	}
	b.wants(b.do("olga", "DELETE", at, "", "If-Match", "*"), 403, "admin")
	b.wants(b.do("admin", "DELETE", at, "", "If-Match", "*"), 204, "")
}

func TestWhereApprovalStandsIsShown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.user("anna", peering.Approver)
	b.user("bob", peering.Approver)
	b.wants(b.do("admin", "POST", "/api/v1/approval-rules", `{"name": "two-people", "votes_needed": 2}`), 201, "")
	c := b.planned()
	id := fmt.Sprint(c.ID)
	shown := func(want string) {
		t.Helper()
		if code, out, errs := b.cli("bob", "", "change", "show", id); code != exitOK || !strings.Contains(out, want) {
			t.Errorf("exit %d, %s: doesn't say %q:\n%s", code, errs, want, out)
		}
	}
	shown("approval 0 of 2 approvals (rule two-people)")
	b.wants(b.do("anna", "POST", pathOf(c, "approve"), fmt.Sprintf(`{"plan": %q}`, c.PlanHash)), 200, "1 of 2")
	b.wants(b.do("bob", "GET", pathOf(c, "plan"), ""), 200, `"approval_line":"1 of 2 approvals: anna"`)
	shown("approval 1 of 2 approvals: anna (rule two-people)")
	b.wants(b.do("bob", "POST", pathOf(c, "approve"), fmt.Sprintf(`{"plan": %q}`, c.PlanHash)), 200, "2 of 2")
	b.must(b.db.MoveChange(t.Context(), c.ID, peering.ChangeApproved, "approved", ""))
	shown("approval by anna, bob")
}
