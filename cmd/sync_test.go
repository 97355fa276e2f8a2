package cmd

import (
	"errors"
	"net/http/httptest"
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
