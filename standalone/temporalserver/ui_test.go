package temporalserver

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"peerflow/internal/temporalauth"
)

// browser is a client with a cookie jar in front of the Web UI, behind a login that says "dave".
type browser struct {
	*http.Client
	base string
}

func openUI(t *testing.T, s *stack) browser {
	t.Helper()
	ui, err := UIHandler(s.temporal.HostPort(), "/temporal", testSecret)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/temporal/", func(w http.ResponseWriter, r *http.Request) {
		ui.ServeHTTP(w, r.WithContext(temporalauth.WithUser(r.Context(), "dave")))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return browser{&http.Client{Jar: jar, Timeout: time.Minute}, server.URL + "/temporal"}
}

func (b browser) do(t *testing.T, method, path, body string, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(limit(t), method, b.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := b.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), testSecret) {
		t.Errorf("%s %s shows the secret to the browser", method, path)
	}
	return resp, string(raw)
}

func (b browser) csrf(t *testing.T) string {
	t.Helper()
	at, err := url.Parse(b.base)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.Jar.Cookies(at) {
		if c.Name == "_csrf" {
			return c.Value
		}
	}
	t.Fatal("no CSRF cookie")
	return ""
}

func TestUIServesItsPageBelowThePathWithAPolicy(t *testing.T) {
	t.Parallel()
	b := openUI(t, sharedStack(t))
	for _, path := range []string{"/", "/namespaces/default/workflows"} {
		resp, page := b.do(t, "GET", path, "", nil)
		if resp.StatusCode != http.StatusOK || !strings.Contains(page, `base: "/temporal"`) {
			t.Fatalf("%s: %s\n%s", path, resp.Status, page)
		}
		policy := resp.Header.Get("Content-Security-Policy")
		if !regexp.MustCompile(`script-src 'self' 'sha256-[^']{44}';`).MatchString(policy) || strings.Contains(page, "http-equiv=\"content-security-policy\"") {
			t.Errorf("%s: policy %q", path, policy)
		}
		for _, m := range regexp.MustCompile(`"/temporal(/_app/[^"]+\.js)"`).FindAllStringSubmatch(page, 3) {
			script, _ := b.do(t, "GET", m[1], "", nil)
			if kind := script.Header.Get("Content-Type"); script.StatusCode != http.StatusOK || !strings.Contains(kind, "javascript") {
				t.Errorf("%s: %s %s", m[1], script.Status, kind)
			}
		}
	}
	if resp, _ := b.do(t, "GET", "/_app/immutable/nothing.js", "", nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a missing script: %s", resp.Status)
	}
}

func TestUIListsWorkflowsAndDownloadsTheirHistory(t *testing.T) {
	t.Parallel()
	s := sharedStack(t)
	c := connect(t, s, testSecret)
	ctx := limit(t)
	if _, err := startAwait(ctx, c, "change/ui-list"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.TerminateWorkflow(ctx, "change/ui-list", "", "end of test") })
	b := openUI(t, s)
	query := url.Values{"query": {"PeerflowChange = 'change/ui-list' AND PeerflowRouter = 'edge2' AND PeerflowAsn = 65551"}}
	list := "/api/v1/namespaces/default/workflows?" + query.Encode()
	var runID string
	eventually(t, func() bool {
		resp, body := b.do(t, "GET", list, "", nil)
		var answer struct {
			Executions []struct {
				Execution struct{ WorkflowID, RunID string }
			}
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v\n%s", resp.Status, err, body)
		}
		if len(answer.Executions) == 1 {
			runID = answer.Executions[0].Execution.RunID
		}
		return runID != ""
	})
	raw := "/api/v1/namespaces/default/workflows/" + url.PathEscape("change/ui-list") + "/run/" + runID + "/history.json"
	if resp, body := b.do(t, "GET", raw, "", nil); resp.StatusCode != http.StatusOK || !strings.Contains(body, "workflow_execution_started") && !strings.Contains(body, "WorkflowExecutionStarted") {
		t.Errorf("raw history: %s\n%s", resp.Status, body)
	}
}

func TestUIUpdatesOnlyWithItsOwnTokenAndNamesThePerson(t *testing.T) {
	t.Parallel()
	s := sharedStack(t)
	c := connect(t, s, testSecret)
	runWorker(t, c)
	ctx := limit(t)
	const id = "change/ui-update"
	if _, err := startAwait(ctx, c, id); err != nil {
		t.Fatal(err)
	}
	b := openUI(t, s)
	b.do(t, "GET", "/", "", nil)
	path := "/api/v1/namespaces/default/workflows/" + url.PathEscape(id) + "/update/approve"
	body := `{"waitPolicy":{"lifecycleStage":3},"request":{"meta":{"updateId":"from-the-page"},"input":{"name":"approve","args":{"payloads":[{"metadata":{"encoding":"anNvbi9wbGFpbg=="},"data":"ImRhdmUi"}]}}}}`
	for name, header := range map[string]http.Header{
		"no token":                          {},
		"another page's form":               {"Sec-Fetch-Site": {"cross-site"}},
		"an Authorization header, no token": {"Authorization": {"Bearer " + testSecret}},
		"smuggled metadata, no token":       {"Grpc-Metadata-Authorization": {"Bearer " + testSecret}},
	} {
		if resp, answer := b.do(t, "POST", path, body, header); resp.StatusCode/100 != 4 {
			t.Errorf("%s: %s %s", name, resp.Status, answer)
		}
	}
	token := http.Header{"X-Csrf-Token": {b.csrf(t)}, "Authorization-Extras": {"mallory"}}
	if resp, answer := b.do(t, "POST", strings.Replace(path, "/update/", "/signal/", 1), `{}`, token); resp.StatusCode != http.StatusOK {
		t.Fatalf("signal with the token: %s %s", resp.Status, answer)
	}
	resp, answer := b.do(t, "POST", path, body, token)
	if resp.StatusCode != http.StatusOK || !strings.Contains(answer, "success") {
		t.Fatalf("with the token: %s %s", resp.Status, answer)
	}
	var principals []string // of the signal; an Update's events are written by the worker that answered it, and name that
	for history := c.GetWorkflowHistory(ctx, id, "", false, 0); history.HasNext(); {
		event, err := history.Next()
		if err != nil {
			t.Fatal(err)
		}
		if p := event.GetPrincipal(); p != nil {
			principals = append(principals, event.GetEventType().String()+" "+p.GetType()+":"+p.GetName())
		}
	}
	for _, want := range []string{"WorkflowExecutionStarted peerflow:peerflow", "WorkflowExecutionSignaled user:dave"} {
		if !slices.Contains(principals, want) {
			t.Errorf("the history has %q, want %q in it", principals, want)
		}
	}
	if told := s.commands(id); !slices.ContainsFunc(told, func(c Command) bool { return c.Method == "SignalWorkflowExecution" && c.User == "dave" }) {
		t.Errorf("dave's signal isn't told: %+v", told)
	}
}

func TestUIPathMustBeUsable(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/", "temporal", "/temporal/"} {
		if _, err := UIHandler("127.0.0.1:1", path, testSecret); err == nil {
			t.Errorf("%q was accepted", path)
		}
	}
}

// eventually polls until done, since visibility lags behind the history by a moment.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for tick := time.NewTicker(50 * time.Millisecond); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("not within 30 s")
		}
	}
}
