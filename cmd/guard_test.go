package cmd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"peerflow/internal/peering"
)

func TestRequestsOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := `{"asn": 64501}`
	for name, tt := range map[string]struct {
		who, path, body string
		headers         []string
		status          int
	}{
		"no token":                            {"", "/api/v1/sites", "", nil, 401},
		"a token that nobody has":             {"", "/api/v1/sites", "", []string{"Authorization", "Bearer pf_x"}, 401},
		"another scheme":                      {"", "/api/v1/sites", "", []string{"Authorization", "Basic YTpi"}, 401},
		"a page of another origin":            {"admin", "/api/v1/autonomous-systems", body, []string{"Origin", "http://evil.example"}, 403},
		"a page of no origin":                 {"admin", "/api/v1/autonomous-systems", body, []string{"Origin", "null"}, 403},
		"a browser that says cross-site":      {"admin", "/api/v1/autonomous-systems", body, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"a body as text":                      {"admin", "/api/v1/autonomous-systems", body, []string{"Content-Type", "text/plain"}, 415},
		"a body as a form":                    {"admin", "/api/v1/autonomous-systems", body, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		"a name pointed at us":                {"admin", "/api/v1/sites", "", []string{"Host", "rebound.example:8480"}, 421},
		"a name pointed at us, without login": {"", "/login", "", []string{"Host", "rebound.example"}, 421},
		"an allowed name":                     {"admin", "/api/v1/sites", "", []string{"Host", "peerflow.example.net"}, 200},
		"loopback in IPv6":                    {"admin", "/api/v1/sites", "", []string{"Host", "[::1]:8480"}, 200},
		"our own page":                        {"admin", "/api/v1/autonomous-systems", body, []string{"Origin", b.server.URL}, 201},
		"a body beyond the limit":             {"admin", "/api/v1/templates", `{"name": "x", "body": "` + strings.Repeat("x", 5<<20) + `"}`, nil, 413},
		"health, without a token":             {"", "/healthz", "", nil, 204},
		"no such path":                        {"admin", "/api/v1/nothing", "", nil, 404},
	} {
		t.Run(name, func(t *testing.T) {
			method := "GET"
			if tt.body != "" {
				method = "POST"
			}
			r := b.do(tt.who, method, tt.path, tt.body, tt.headers...)
			if r.status != tt.status {
				t.Errorf("status %d, want %d: %s", r.status, tt.status, r.text)
			}
			if r.status == 401 && !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer") {
				t.Error("a 401 names the way to log in")
			}
			if r.header.Get("X-Request-Id") == "" || r.header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers %v", r.header)
			}
		})
	}
}

func TestABrowserLogsInForPagesAndNotForTheAPI(t *testing.T) {
	t.Parallel()
	b := setup(t)
	html := []string{"Accept", "text/html"}
	form := []string{"Content-Type", "application/x-www-form-urlencoded", "Origin", b.server.URL}
	if r := b.do("", "GET", "/docs/", "", html...); r.status != 303 || r.header.Get("Location") != "/login?next=%2Fdocs%2F" {
		t.Fatalf("%d to %s", r.status, r.header.Get("Location"))
	}
	b.wants(b.do("", "GET", "/openapi.json", ""), 401, "")
	b.wants(b.do("", "POST", "/login", "token=pf_wrong", form...), 401, "unknown")
	b.wants(b.do("", "POST", "/login", "token="+b.tokens["admin"], "Content-Type", form[1], "Origin", "http://evil.example"), 403, "")
	r := b.wants(b.do("", "POST", "/login", "next=//evil.example&token="+b.tokens["admin"], form...), 303, "")
	cookie := r.header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Strict"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("cookie %q lacks %s", cookie, want)
		}
	}
	if strings.Contains(cookie, b.tokens["admin"]) || r.header.Get("Location") != "/docs/" {
		t.Errorf("cookie %q, to %s", cookie, r.header.Get("Location"))
	}
	cookie, _, _ = strings.Cut(cookie, ";")
	b.wants(b.do("", "GET", "/docs/", "", "Cookie", cookie), 200, "/docs/swagger-ui-bundle.js")
	b.wants(b.do("", "GET", "/openapi.json", "", "Cookie", cookie), 200, `"3.1.0"`)
	b.wants(b.do("", "GET", "/api/v1/sites", "", "Cookie", cookie), 401, "")
	tokens, err := b.db.Tokens(t.Context(), b.users["admin"].ID)
	b.must(err)
	b.must(b.db.RevokeToken(t.Context(), b.actor("admin"), tokens[0].ID))
	b.wants(b.do("", "GET", "/docs/", "", "Cookie", cookie), 401, "")
}

// described is the part of OpenAPI that tests read.
type described struct {
	Paths map[string]map[string]struct {
		Summary     string
		Description string
		OperationID string
		Responses   map[string]any
		RequestBody *struct {
			Content map[string]struct{ Schema map[string]any }
		}
	}
}

func (b *bench) openAPI() (d described) {
	b.Helper()
	b.wants(b.do("admin", "GET", "/openapi.json", ""), 200, "").into(b, &d)
	return d
}

func TestEveryOperationSaysWhatItDoes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	seen := map[string]bool{}
	for path, operations := range b.openAPI().Paths {
		for method, o := range operations {
			if o.Summary == "" || len(o.Description) < len("x\n\nNeeds the role viewer.") || !strings.Contains(o.Description, "Needs the role ") {
				t.Errorf("%s %s: summary %q, description %q", method, path, o.Summary, o.Description)
			}
			if seen[o.OperationID] {
				t.Errorf("%s names two operations", o.OperationID)
			}
			seen[o.OperationID] = true
			if o.RequestBody != nil && len(o.RequestBody.Content["application/json"].Schema) == 0 {
				t.Errorf("%s %s doesn't describe its body", method, path)
			}
		}
	}
	if len(seen) < 90 {
		t.Errorf("%d operations: some are missing", len(seen))
	}
}

// Each operation is tried by each role: those that may get past the role get
// another answer than 403, which has to be so for admins on all of them but none.
func TestEachOperationAsksForItsRole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	roles := []peering.Role{peering.Viewer, peering.Operator, peering.Approver, peering.Admin}
	for _, r := range roles {
		if r != peering.Admin {
			b.user(string(r), r)
		}
	}
	fill := strings.NewReplacer("{id}", "999999", "{name}", "nothing")
	tried := 0
	for path, operations := range b.openAPI().Paths {
		for method, o := range operations {
			_, needs, _ := strings.Cut(o.Description, "Needs the role ")
			first, also, _ := strings.Cut(strings.TrimSuffix(needs, "."), " or ")
			needed := peering.Role(first)
			if !slices.Contains(roles, needed) || also != "" && peering.Role(also) != peering.Emergency {
				t.Fatalf("%s %s needs %q", method, path, needs)
			}
			for _, who := range roles {
				body := ""
				if o.RequestBody != nil {
					body = `{"unknown field": 1}`
				}
				r := b.do(string(who), strings.ToUpper(method), fill.Replace(path), body, "If-Match", `"1"`, "Idempotency-Key", "key-of-the-test")
				may := peering.Actor{Roles: []peering.Role{who}}.May(needed)
				refused := r.status == http.StatusForbidden && strings.Contains(r.text, "this needs the role "+string(needed))
				if may == refused || r.status >= 500 {
					t.Errorf("%s %s as %s: %d %s", method, path, who, r.status, r.text)
				}
				tried++
			}
		}
	}
	t.Logf("%d combinations tried", tried)
}

func TestAnAnswerNeverHoldsASecret(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const canary = "c4nary-p4ssw0rd"
	answers := []reply{
		b.wants(b.do("admin", "PUT", "/api/v1/secrets/as64501", fmt.Sprintf(`{"value": %q}`, canary)), 200, `"version":1`),
		b.wants(b.do("admin", "GET", "/api/v1/secrets/as64501", ""), 200, `"version":1`),
		b.wants(b.do("admin", "PUT", "/api/v1/secrets/as64501", fmt.Sprintf(`{"valu": %q}`, canary)), 422, ""),
		b.wants(b.do("admin", "PUT", "/api/v1/secrets/as64501", fmt.Sprintf(`{"value": 1, "x": %q}`, canary)), 422, ""),
		b.wants(b.do("admin", "PUT", "/api/v1/secrets/as64501", fmt.Sprintf(`{"value": %q`, canary)), 400, ""),
		b.wants(b.do("admin", "PUT", "/api/v1/secrets/as64501", fmt.Sprintf(`{"value": [%q]}`, canary)), 422, ""),
		b.wants(b.do("admin", "PUT", "/api/v1/secrets/as64501", fmt.Sprintf("%q", canary)), 422, ""),
	}
	for _, r := range answers {
		if strings.Contains(r.text, canary[:6]) {
			t.Errorf("the secret stands in %s", r.text)
		}
	}
}

func TestAProblemSaysItsKindAndRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.do("admin", "GET", "/api/v1/routers/7", "", "X-Request-Id", "from-a-proxy.1")
	var p map[string]any
	b.must(json.Unmarshal([]byte(r.text), &p))
	if r.header.Get("Content-Type") != "application/problem+json" || p["kind"] != "not_found" || p["request_id"] != "from-a-proxy.1" {
		t.Errorf("%s %s", r.header.Get("Content-Type"), r.text)
	}
}
