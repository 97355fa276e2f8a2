package cmd

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"peerflow/internal/peering"
)

// audit finds events by a filter, newest first.
func (b *bench) audit(filters ...string) []peering.AuditEvent {
	b.Helper()
	q := url.Values{}
	for i := 0; i+1 < len(filters); i += 2 {
		q.Add(filters[i], filters[i+1])
	}
	var found struct{ Items []peering.AuditEvent }
	b.wants(b.do("admin", "GET", "/api/v1/audit?"+q.Encode(), ""), 200, "").into(b, &found)
	return found.Items
}

func TestWhatTheDoorRefusesIsAudited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	c := b.planned()
	b.user("bob", peering.Viewer)
	body := `{"asn": 64509}`
	bobs, err := b.db.Tokens(t.Context(), b.users["bob"].ID)
	b.must(err)
	late, _, err := b.db.MintToken(t.Context(), b.actor("admin"), b.users["bob"].ID, "late", []peering.Role{peering.Viewer}, time.Now().Add(-time.Hour))
	b.must(err)
	form := []string{"Content-Type", "application/x-www-form-urlencoded", "Origin", b.server.URL}

	for name, tt := range map[string]struct {
		refuse func() reply
		status int
		act    string
		user   string
		words  string
	}{
		"a page of another origin": {func() reply {
			return b.do("admin", "POST", "/api/v1/autonomous-systems", body, "Origin", "http://evil.example", "X-Forwarded-For", "203.0.113.9")
		}, 403, "write from another page", "", `POST "/api/v1/autonomous-systems" from 127.0.0.1: Origin "http://evil.example"`},
		"a name pointed at us": {func() reply { return b.do("admin", "GET", "/api/v1/sites", "", "Host", "rebound.example:8480") }, 421,
			"call by another name", "", `"rebound.example:8480"`},
		"text in place of JSON": {func() reply {
			return b.do("admin", "POST", "/api/v1/autonomous-systems", body, "Content-Type", "text/plain")
		}, 415,
			"write without JSON", "", `"text/plain"`},
		"a role that isn't there": {func() reply { return b.do("bob", "POST", pathOf(c, "approve"), "{}") }, 403, "act without the role", "bob", "it needs the role approver"},
		"a form with a token that nobody has": {func() reply { return b.do("", "POST", "/login", "token=pf_x", form...) }, 401,
			"log in", "", `POST "/login" from 127.0.0.1: nobody has it`},
		"a token that expired": {func() reply { return b.do("", "GET", "/api/v1/sites", "", "Authorization", "Bearer "+late) }, 401, "log in", "bob", "(late) expired"},
	} {
		before := len(b.audit("refused", "true"))
		b.wants(tt.refuse(), tt.status, "")
		told := b.audit("refused", "true")
		if len(told) != before+1 {
			t.Fatalf("%s: %d events more, want 1", name, len(told)-before)
		}
		e := told[0]
		if e.Act != tt.act || e.User != tt.user || !strings.Contains(e.Text, tt.words) || !e.Refused || e.Door != peering.DoorAPI {
			t.Errorf("%s: %+v", name, e)
		}
		if e.User == "bob" && tt.status == 403 && e.ChangeID != c.ID {
			t.Errorf("%s: change %d, want %d", name, e.ChangeID, c.ID)
		}
		if strings.Contains(e.Text, "pf_") {
			t.Errorf("%s: a token stands in %s", name, e.Text)
		}
	}
	b.must(b.db.RevokeToken(t.Context(), b.actor("admin"), bobs[0].ID))
	before := len(b.audit("user", "bob"))
	b.wants(b.do("bob", "GET", "/api/v1/sites", ""), 401, "unknown, revoked or expired")
	if told := b.audit("user", "bob"); len(told) != before { // the same caller failed to log in already: a number, within a minute
		t.Errorf("%+v", told)
	}
	b.wants(b.do("", "GET", "/docs/", "", "Accept", "text/html"), 303, "")
	if told := b.audit("act", "log in", "user__isnull", "true"); len(told) != 1 {
		t.Errorf("a browser that is sent to the login page was refused nothing: %+v", told)
	}
}

func TestTheAuditIsAListForAdministrators(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	c := b.planned()
	b.user("bob", peering.Operator, peering.Approver)
	b.wants(b.do("bob", "GET", "/api/v1/audit", ""), 403, "role admin")
	code := func(who, plan string) reply {
		return b.do(who, "POST", pathOf(c, "approval-codes"), fmt.Sprintf(`{"plan": %q, "decision": "approve"}`, plan))
	}
	b.wants(code("admin", c.PlanHash), 403, "author")
	b.wants(code("bob", "00000000"), 403, "moved")
	b.wants(code("bob", c.PlanHash), 201, "paste")
	told := b.audit("act", "mint approval code", "change_id", fmt.Sprint(c.ID))
	if len(told) != 3 || told[0].Refused || !told[1].Refused || !told[2].Refused || told[2].User != "admin" || !strings.Contains(told[2].Text, "author") {
		t.Errorf("%+v", told)
	}
	var page struct {
		Items []peering.AuditEvent
		Next  string
	}
	b.wants(b.do("admin", "GET", "/api/v1/audit?limit=2&act=mint+approval+code", ""), 200, "").into(t, &page)
	b.wants(b.do("admin", "GET", "/api/v1/audit?limit=2&act=mint+approval+code&cursor="+page.Next, ""), 200, "").into(t, &page)
	if len(page.Items) != 1 || page.Next != "" || page.Items[0].ID != told[2].ID {
		t.Errorf("the second page: %+v", page)
	}
	b.wants(b.do("admin", "GET", "/api/v1/audit?usr=bob", ""), 422, `did you mean \"user\"`)
	exit, stdout, stderr := b.cli("admin", "", "audit", "list", "--refused", "--user", "bob", "--since", "1h")
	if exit != exitOK || strings.Count(stdout, "refused") != 2 || !strings.Contains(stdout, "the plan moved") || !strings.Contains(stdout, "it needs the role admin") {
		t.Errorf("exit %d: %s%s", exit, stdout, stderr)
	}
	if exit, _, _ := b.cli("bob", "", "audit", "list"); exit != exitRefused {
		t.Errorf("an approver reads the audit: exit %d", exit)
	}
}

func TestWhoChangedWhatIsListed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.user("olga", peering.Operator)
	b.user("vera", peering.Viewer)
	b.wants(b.do("olga", "POST", "/api/v1/sites", `{"slug": "fra", "name": "Frankfurt"}`), 201, "")
	code, stdout, stderr := b.cli("olga", "", "log", "list", "--object", "site", "--user", "olga", "--since", "1h", "--json")
	var entries []peering.LogEntry
	if err := json.Unmarshal([]byte(stdout), &entries); err != nil || code != exitOK {
		t.Fatalf("exit %d, %v: %s%s", code, err, stdout, stderr)
	}
	if len(entries) != 1 || entries[0].Action != "create" || entries[0].Actor != "olga" || entries[0].Before != nil && string(entries[0].Before) != "null" || !strings.Contains(string(entries[0].After), "Frankfurt") {
		t.Errorf("%+v", entries)
	}
	if code, stdout, _ = b.cli("olga", "", "log", "list", "--object", "site", "--id", fmt.Sprint(entries[0].ObjectID)); code != exitOK || !strings.Contains(stdout, "create") || !strings.Contains(stdout, "olga") {
		t.Errorf("exit %d: %s", code, stdout)
	}
	if code, _, stderr = b.cli("olga", "", "log", "list", "--id", "4"); code != exitUsage || !strings.Contains(stderr, "--object") {
		t.Errorf("an id of nothing: exit %d, %s", code, stderr)
	}
	of := func(user string) bool {
		_, stdout, _ := b.cli(user, "", "log", "list", "--object", "user", "--json")
		return strings.Contains(stdout, "vera")
	}
	if !of("admin") || of("olga") {
		t.Errorf("people: the administrator sees them %t, the operator %t", of("admin"), of("olga"))
	}
	b.wants(b.do("vera", "GET", "/api/v1/change-log", ""), 403, "operator")
}
