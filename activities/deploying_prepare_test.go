package activities

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// StoreBaseline makes the deployment ready to begin.
func (r *record) StoreBaseline(_ context.Context, _ int64, b BaselineRecord) error {
	r.dep.Baseline = &b.Baseline
	return nil
}

type quiet struct{ ObservationStore }

func (quiet) Flapped(context.Context, int64, time.Time) (map[peering.NeighborKey]string, error) {
	return nil, nil
}

// What somebody closed on the router is never opened by a commit that is about something else.
func TestNothingBeginsThatWouldOpenWhatSomebodyClosed(t *testing.T) {
	t.Parallel()
	byHand := driver.Reopened{Name: "byhand", Neighbor: netip.MustParseAddr("192.0.2.9"), Why: "disabled by a command", Remedy: "enable it"}
	many := []driver.Reopened{byHand}
	for i := range named {
		many = append(many, driver.Reopened{Name: fmt.Sprintf("static%d", i), Why: "disabled by a command", Remedy: "enable it"})
	}
	for name, c := range map[string]struct {
		closed []driver.Reopened
		step   peering.Step
		words  []string
	}{
		"nothing is closed": {nil, peering.StepBegin, nil},
		"a neighbor is":     {[]driver.Reopened{byHand}, peering.StepEnd, []string{"router edge1", "byhand (192.0.2.9) is disabled by a command: enable it", "nothing was written"}},
		"many are":          {many, peering.StepEnd, []string{"byhand (192.0.2.9)", "static18 is", "and 1 more"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := underWay()
			r.dep.State, r.dep.Baseline, r.router.closed = peering.DeploymentQueued, nil, c.closed
			profile := peering.LabProfile
			profile.Sample = time.Millisecond
			next, err := r.take(t, func(d *Deploying) any { d.Observed = quiet{}; return d.PrepareDeployment }, profile)
			if err != nil || next.Step != c.step || len(r.router.told) > 0 {
				t.Errorf("next %+v, %v; the router was told %v", next, err, r.router.told)
			}
			if c.closed != nil && (next.State != peering.DeploymentFailed || r.dep.Baseline != nil) {
				t.Errorf("it ends %s, with the baseline %+v", next.State, r.dep.Baseline)
			}
			// A plan warns of it, while a person can still mend it.
			warned := strings.Join(device{conn: r.router, router: peering.Router{Name: "edge1"}}.warnings(t.Context(), ""), "")
			if (warned != "") != (c.closed != nil) {
				t.Errorf("a plan warns %q", warned)
			}
			for _, w := range c.words {
				if w != "nothing was written" && !strings.Contains(warned, w) {
					t.Errorf("%q isn't in the warning %q", w, warned)
				}
				if !strings.Contains(next.Text, w) {
					t.Errorf("%q isn't in %q", w, next.Text)
				}
			}
		})
	}
}

// A router that left the lab between plan and commit, with a session of a change that only the lab may have.
func TestNothingBeginsThatTheRecordsForbidByNow(t *testing.T) {
	t.Parallel()
	for patch, step := range map[string]peering.Step{
		`{"id": 5, "peering_id": 1, "router_id": 1, "peer_address": "203.0.113.9", "peer_asn": 3333}`:  peering.StepBegin,
		`{"id": 5, "peering_id": 1, "router_id": 1, "peer_address": "203.0.113.9", "peer_asn": 64501}`: peering.StepEnd,
	} {
		r := underWay()
		r.dep.State, r.dep.Baseline = peering.DeploymentQueued, nil
		r.ops = []peering.Operation{{RouterID: 1, Object: peering.ObjectSession, ObjectID: 5, Action: peering.Create, Patch: []byte(patch)}}
		profile := peering.LabProfile
		profile.Sample = time.Millisecond
		next, err := r.take(t, func(d *Deploying) any { d.Observed = quiet{}; return d.PrepareDeployment }, profile)
		if err != nil || next.Step != step || len(r.router.told) > 0 {
			t.Errorf("%s: next %+v, %v; the router was told %v", patch, next, err, r.router.told)
		}
		if step == peering.StepEnd && (next.State != peering.DeploymentStale || !strings.Contains(next.Text, "AS64501 is for documentation")) {
			t.Errorf("it ends %s: %s", next.State, next.Text)
		}
	}
}
