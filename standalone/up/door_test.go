package up_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"peerflow/internal/peering"
	"peerflow/internal/temporalauth"
	"peerflow/standalone/up"
)

// Whoever calls Temporal without the data folder's secret is refused, and audited once a minute.
func TestAStrangersCallToTemporalIsAudited(t *testing.T) {
	t.Parallel()
	stack, err := up.Start(t.Context(), up.Options{DataDir: filepath.Join(place(t), "data"), Listen: "127.0.0.1:0", PeeringDBURL: "http://127.0.0.1:1",
		PollEvery: time.Hour, Out: io.Discard})
	must(t, err)
	t.Cleanup(func() { must(t, stack.Stop(context.Background())) })
	for _, secret := range []string{"", strings.Repeat("f", 64), stack.Token} {
		c, err := client.NewLazyClient(client.Options{HostPort: stack.TemporalAddress(), HeadersProvider: temporalauth.Headers(secret)})
		must(t, err)
		t.Cleanup(c.Close)
		_, err = c.WorkflowService().ListWorkflowExecutions(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: client.DefaultNamespace})
		var denied *serviceerror.PermissionDenied
		if !errors.As(err, &denied) {
			t.Errorf("a stranger's call: %v", err)
		}
	}
	const want = `"/temporal.api.workflowservice.v1.WorkflowService/ListWorkflowExecutions" from 127.0.0.1: without the data folder's secret`
	await(t, "the refusals in the audit", time.Minute, func() bool {
		found, err := stack.Parts.DB.ListAudit(t.Context(), []peering.Filter{{Field: "act", Values: []string{"call Temporal"}}}, peering.Page{Limit: 100})
		must(t, err)
		rows := 0
		for _, e := range found.Items {
			if e.Text == want && e.Refused && e.Door == peering.DoorTemporal {
				rows++
			}
		}
		if rows > 1 {
			t.Fatalf("%d rows for the like: %+v", rows, found.Items)
		}
		return rows == 1
	})
}
