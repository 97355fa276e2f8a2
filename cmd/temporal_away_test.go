package cmd

import (
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/grpc"

	"peerflow/api"
	"peerflow/db"
	"peerflow/internal/peering"
	"peerflow/workflows"
)

// nobodyAnswers are addresses without a Temporal behind them.
var nobodyAnswers = map[string]func(t *testing.T) string{
	"it takes calls and never ends one":     stuck,
	"it takes connections and says nothing": func(t *testing.T) string { return mute(t).Addr().String() },
	"nobody listens": func(t *testing.T) string {
		l := mute(t)
		_ = l.Close()
		return l.Addr().String()
	},
}

func mute(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l // the kernel takes connections; nobody accepts them
}

// stuck greets clients, as a frontend whose own database is away does, and leaves every other call open.
func stuck(t *testing.T) string {
	t.Helper()
	l := mute(t)
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, call grpc.ServerStream) error {
		if method, _ := grpc.MethodFromServerStream(call); strings.HasSuffix(method, "/GetSystemInfo") {
			if err := call.RecvMsg(new(workflowservice.GetSystemInfoRequest)); err != nil {
				return err
			}
			return call.SendMsg(new(workflowservice.GetSystemInfoResponse))
		}
		<-call.Context().Done()
		return call.Context().Err()
	}))
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	return l.Addr().String()
}

// withTemporalAt is the bench with the real client of Temporal.
func (b *bench) withTemporalAt(address string) {
	b.Helper()
	log := slog.New(slog.NewTextHandler(b.Output(), nil))
	temporal, err := client.NewLazyClient(client.Options{HostPort: address, Logger: sdklog.NewStructuredLogger(log)})
	b.must(err)
	b.Cleanup(temporal.Close)
	parts := &Parts{Config: Config{TemporalAddress: address}, DB: b.db, Temporal: temporal, Workflows: workflows.Client{Temporal: temporal}, Log: log}
	server := httptest.NewServer(api.New(apiDeps(b.db, newGuard(b.db, log), starter{parts}, parts.status, time.Minute, log)))
	b.Cleanup(server.Close)
	b.server, b.flows = server, nil
}

// No request hangs: what is recorded is answered as such and goes on by itself,
// the rest is refused with when to come again.
func TestWithoutTemporalNoRequestHangs(t *testing.T) {
	t.Parallel()
	for name, address := range nobodyAnswers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.network()
			b.withTemporalAt(address(t))
			b.patience = 20 * time.Second

			for i := range 12 { // each would wait for Temporal when they agree
				b.opened(fmt.Sprintf("key-%04d", i))
			}
			b.wants(b.do("admin", "POST", "/api/v1/peerings", `{"asn": 64501}`, "Idempotency-Key", "key-of-the-test"), 202, `"state":"draft"`)
			starts, err := b.db.PendingStarts(t.Context(), 100)
			b.must(err)
			if len(starts) != 13 {
				t.Errorf("%d workflows are promised, want 13", len(starts))
			}
			b.wants(b.do("admin", "POST", "/api/v1/peerings/1/agree", `{"evidence": "mail", "text": "mail of today"}`), 200, `"state":"agreed"`)

			c := b.planned()
			b.wants(b.do("admin", "POST", pathOf(c, "approve"), fmt.Sprintf(`{"plan": %q}`, c.PlanHash[:8])), 200, "1 of 1")
			b.wants(b.do("admin", "GET", pathOf(c, "votes"), ""), 200, `"solo":true`)
			b.wants(b.do("admin", "POST", pathOf(c, "revoke"), "{}"), 202, `"kind":"revoke"`)
			b.wants(b.do("admin", "POST", pathOf(c, "cancel"), "{}"), 202, `"kind":"cancel"`)
			b.wants(b.do("admin", "POST", "/api/v1/freezes", `{"scope": "all", "reason": "a storm"}`), 201, "")
			b.wants(b.do("admin", "POST", "/api/v1/freezes/1/lift", ""), 200, `"lifted_at"`)
			if seen := b.stream(c, "").next(); seen == "" {
				t.Error("no events")
			}

			for path, says := range map[string]string{"/api/v1/sync/peeringdb": "synced by its schedule", "/api/v1/routers/1/diff": "The router wasn't read"} {
				method := "GET"
				if strings.Contains(path, "sync") {
					method = "POST"
				}
				r := b.wants(b.do("admin", method, path, ""), 503, says)
				b.unavailable(path, r)
			}
			b.wants(b.do("admin", "GET", "/api/v1/status", ""), 200, `"temporal":"Temporal doesn't answer`)
		})
	}
}

// opened is a change that waits for its peer.
func (b *bench) opened(key string) {
	b.Helper()
	_, _, err := b.db.CreateChange(b.Context(), b.actor("admin"), db.NewChange{Kind: peering.KindProvision, Key: key, BodyHash: key, Request: peering.ChangeRequest{ASN: 64501}})
	b.must(err)
}
