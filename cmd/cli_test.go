package cmd

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"peerflow/internal/peering"
)

func TestExitCodesTellScriptsWhatHappened(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.user("reader", peering.Viewer)
	for name, tt := range map[string]struct {
		who  string
		args string
		code int
		says string
	}{
		"a list":                        {"admin", "router list", exitOK, "ROUTER"},
		"an unknown command":            {"admin", "chang list", exitUsage, "did you mean change"},
		"an unknown flag":               {"admin", "router list --colour", exitUsage, "--colour"},
		"a missing argument":            {"admin", "change show", exitUsage, "a change"},
		"no AS number":                  {"admin", "peer AS0x", exitUsage, "AS"},
		"agreeing without evidence":     {"admin", "peering agree AS64501", exitUsage, "--evidence"},
		"agreeing with nobody":          {"admin", "peering agree AS64501 --evidence mail", exitNotFound, "peerflow peer"},
		"a change that isn't there":     {"admin", "change show 99", exitNotFound, "99"},
		"a router that isn't there":     {"admin", "router show edge9", exitNotFound, "edge9"},
		"a viewer who opens a change":   {"reader", "peer AS64501", exitRefused, "operator"},
		"a token that doesn't count":    {"nobody", "router list", exitRefused, "token"},
		"a server that doesn't answer":  {"admin", "--api http://127.0.0.1:1 router list", exitUnavailable, "--api"},
		"a freeze without a reason":     {"admin", "freeze on", exitUsage, "--reason"},
		"the version, without a server": {"admin", "--api http://127.0.0.1:1 version", exitOK, "peerflow"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := b.cli(tt.who, "", strings.Fields(tt.args)...)
			if code != tt.code || !strings.Contains(stdout+stderr, tt.says) {
				t.Errorf("exit %d, want %d with %q:\n%s%s", code, tt.code, tt.says, stdout, stderr)
			}
		})
	}
}

func TestJSONIsAllThatIsPrintedWhenAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, args := range []string{"router list", "session list", "session list --waiting", "change list", "peering list", "freeze list", "user list", "secret list", "version", "sync", "user add dave --role viewer"} {
		code, stdout, stderr := b.cli("admin", "", append(strings.Fields(args), "--json")...)
		if code != exitOK || !json.Valid([]byte(stdout)) || stderr != "" {
			t.Errorf("%s: exit %d, %q, %q", args, code, stdout, stderr)
		}
	}
}

// With the API's page of 100 records, a list of 15,000 sessions took 150 requests.
func TestLongListsAreReadInLargePages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.db.Pool().Exec(t.Context(), `INSERT INTO autonomous_system (asn, name) SELECT 4200000000 + i, 'network ' || i FROM generate_series(1, 2100) i`)
	b.must(err)
	var pages atomic.Int64
	counting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pages.Add(1)
		b.server.Config.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(counting.Close)
	all, err := list[peering.AutonomousSystem](t.Context(), &Client{URL: counting.URL, Token: b.tokens["admin"]}, "/api/v1/autonomous-systems?name__isw=network")
	b.must(err)
	seen := map[string]bool{}
	for _, as := range all {
		seen[as.Name] = true
	}
	if len(all) != 2100 || len(seen) != 2100 || pages.Load() != 3 {
		t.Errorf("%d networks, %d of them different, by %d requests: want 2,100 by one for 100 and two for 1,000 each", len(all), len(seen), pages.Load())
	}
}

func TestASecretComesFromStandardInputAndIsNeverPrinted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	code, stdout, stderr := b.cli("admin", "c4nary-p4ss\n", "secret", "set", "AS64501 password")
	if code != exitOK || strings.Contains(stdout+stderr, "c4nary") || !strings.Contains(stdout, "version 1") {
		t.Fatalf("exit %d, %s%s", code, stdout, stderr)
	}
	stored, err := b.db.Secret(t.Context(), "AS64501 password")
	b.must(err)
	clear, err := b.db.Resolve(t.Context(), peering.SecretRef{ID: stored.ID, Version: stored.Version})
	b.must(err)
	if clear != "c4nary-p4ss" {
		t.Errorf("stored %q, want it without the line's end", clear)
	}
	if code, _, _ := b.cli("admin", "", "secret", "set", "empty"); code != exitUsage {
		t.Errorf("an empty secret: exit %d", code)
	}
}
