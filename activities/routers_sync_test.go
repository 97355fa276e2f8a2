package activities

import (
	"context"
	"maps"
	"net/netip"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// polled is a router and a record of what was deployed there.
type polled struct {
	*record
	GuardStore
	ObservationStore
	basis peering.SyncBasis
	told  map[netip.Addr]peering.SyncEvent // nil when nothing was told
}

func (p *polled) OpenGuards(context.Context, int64) ([]peering.ExportGuard, error) { return nil, nil }
func (p *polled) StorePoll(context.Context, Poll) ([]StateChange, error)           { return nil, nil }
func (p *polled) SyncBasis(context.Context, int64) (peering.SyncBasis, error)      { return p.basis, nil }
func (p *polled) NoteSync(_ context.Context, _ peering.SyncBasis, found map[netip.Addr]peering.SyncEvent) error {
	p.told = found
	return nil
}

func TestAPollTellsWhatIsNotAsItWasDeployed(t *testing.T) {
	t.Parallel()
	const deployed = "one 192.0.2.1 a\ntwo 192.0.2.2 b\n"
	one, two := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for name, tt := range map[string]struct {
		runs    string
		pending *peering.Pending
		due     bool
		want    map[netip.Addr]peering.SyncEvent
	}{
		"as deployed":                           {deployed, nil, true, map[netip.Addr]peering.SyncEvent{one: peering.EventSame, two: peering.EventSame}},
		"one was edited":                        {"one 192.0.2.1 a\ntwo 192.0.2.2 c\n", nil, true, map[netip.Addr]peering.SyncEvent{one: peering.EventSame, two: peering.EventOther}},
		"one was taken off":                     {"one 192.0.2.1 a\n", nil, true, map[netip.Addr]peering.SyncEvent{one: peering.EventSame, two: peering.EventOther}},
		"nothing to compare, or one deploys":    {"one 192.0.2.1 x\n", nil, false, nil},
		"a commit waits for its confirmation":   {"one 192.0.2.1 x\n", &peering.Pending{}, true, nil},
		"what is there can't be cut to stanzas": {"one 192.0.2.1 a\none 192.0.2.1 b\n", nil, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &polled{record: underWay(), basis: peering.SyncBasis{RouterID: 1, Due: tt.due, Artifact: deployed, Ledger: map[string]string{
				"one": peering.HashText("one 192.0.2.1 a\n"), "two": peering.HashText("two 192.0.2.2 b\n")}}}
			p.router.text, p.router.pending = tt.runs, tt.pending
			r := &Routers{Access: Access{Drivers: driver.NewRegistry(p.router), Intent: p.record}, Intent: p.record, Guards: p, Observed: p,
				Now: time.Now, Profile: func(peering.Router) peering.Profile { return peering.LabProfile }}
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestActivityEnvironment()
			env.RegisterActivity(r.PollNeighbors)
			if _, err := env.ExecuteActivity(r.PollNeighbors, int64(1)); err != nil {
				t.Fatal(err)
			}
			if differs := tt.want != nil && tt.want[two] != peering.EventSame; (p.rendered > 0) != differs {
				t.Errorf("what it is rendered from was loaded %d times, and that is needed where something differs alone", p.rendered)
			}
			if !maps.Equal(p.told, tt.want) || (p.told == nil) != (tt.want == nil) {
				t.Errorf("told %v, want %v", p.told, tt.want)
			}
		})
	}
}
