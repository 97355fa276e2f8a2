package cmd

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"peerflow/activities"
	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
	"peerflow/internal/peeringdb"
	"peerflow/internal/peeringdb/pdbfake"
)

// A sync is followed to its end, so that a script knows whether the mirror was renewed.
func TestSyncEndsWithTheSyncsOwnEnd(t *testing.T) {
	t.Parallel()
	refused := "org: PeeringDB is down: connection refused"
	fetching := peering.PDBSyncRun{Running: true, Attempt: 1, Type: "net", Rows: 1000}
	again := peering.PDBSyncRun{Running: true, Attempt: 2, Error: refused}
	for name, tt := range map[string]struct {
		args  string
		syncs []peering.PDBSyncRun
		code  int
		says  string
	}{
		"it ended well":         {"sync", []peering.PDBSyncRun{fetching, {Rows: 80, Changed: 7}}, exitOK, "80 rows, 7 changed"},
		"it failed":             {"sync", []peering.PDBSyncRun{fetching, again, {Error: refused}}, exitUnavailable, "failed: " + refused},
		"it failed, as JSON":    {"sync --json", []peering.PDBSyncRun{{Error: refused}}, exitUnavailable, `"error": "` + refused},
		"an attempt failed":     {"sync", []peering.PDBSyncRun{again, again, {Rows: 1}}, exitOK, "is asked again: " + refused + "\nPeeringDB gave"},
		"nobody waits for it":   {"sync --no-wait", []peering.PDBSyncRun{{Error: refused}}, exitOK, "runs as sync/peeringdb"},
		"a second full refresh": {"sync --full", nil, exitOK, "0 rows"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.flows.syncs = tt.syncs
			code, stdout, stderr := b.cli("admin", "", strings.Fields(tt.args)...)
			if code != tt.code || !strings.Contains(stdout+stderr, tt.says) {
				t.Errorf("exit %d, want %d with %q:\n%s%s", code, tt.code, tt.says, stdout, stderr)
			}
		})
	}
}

// PeeringDB prolongs its block when it is asked again too early.
func TestASyncThatIsThrottledIsRetriedWhenPeeringDBSays(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault pdbfake.Fault
		after time.Duration // Retry-After
		want  time.Duration // 0: by the retry policy
	}{
		"HTTP 429 names the pause":   {pdbfake.Throttle, 7 * time.Minute, 7 * time.Minute},
		"an outage doesn't name one": {pdbfake.ServerError, 7 * time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := pdbfake.New()
			fake.RetryAfter = tt.after
			fake.Fail(peering.PDBOrgs, tt.fault)
			fake.Fail(peering.PDBNetworks, tt.fault)
			server := httptest.NewServer(fake)
			t.Cleanup(server.Close)
			source := &peeringdb.Client{BaseURL: server.URL + "/api"}
			sync := &activities.Mirroring{Sync: mirrorSync{peeringdb.NewSyncer(source, db.NewPeeringDBMirror(dbtest.New(t).Pool()))}}

			env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
			env.RegisterActivity(sync)
			_, err := env.ExecuteActivity(sync.SyncMirror, activities.SyncInput{})
			var failed *temporal.ApplicationError
			if !errors.As(err, &failed) {
				t.Fatal(err)
			}
			if d := failed.NextRetryDelay(); failed.NonRetryable() || d < tt.want-2*time.Second || d > tt.want {
				t.Errorf("retryable: %t, next in %s, want %s: %v", !failed.NonRetryable(), d, tt.want, failed)
			}
		})
	}
}
