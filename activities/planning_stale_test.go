package activities_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"peerflow/activities"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// view is how old a mirror is whose PeeringDB is away.
type view struct{ peering.PDBFreshness }

func (v *view) RefreshASN(context.Context, bgp.ASN) (peering.PDBFreshness, error) {
	v.FailedAt, v.Failure = time.Now(), "HTTP 502"
	return v.PDBFreshness, peering.NewError(peering.Unavailable, "HTTP 502")
}

func (v *view) NetworkFreshness(context.Context, bgp.ASN) (peering.PDBFreshness, error) {
	return v.PDBFreshness, nil
}

// An outage of PeeringDB stops no change, and its plan says since when the data is from.
func TestAnOutageOfPeeringDBMarksThePlanAndStopsNothing(t *testing.T) {
	t.Parallel()
	x := newExchange(t)
	synced := time.Now().Add(-2 * time.Hour).UTC()
	mirror := &view{peering.PDBFreshness{Types: []peering.PDBTypeState{{LastRun: synced}}}}
	x.Mirror = mirror
	change := x.agreed(64501)
	found, err := x.LookUpPeer(t.Context(), change)
	mark := "PeeringDB's data on AS64501 is from " + synced.Format("2006-01-02 15:04 MST") + ": PeeringDB couldn't be asked since (HTTP 502)"
	if err != nil || !found.Stale || !strings.HasSuffix(found.Text, mark) {
		t.Errorf("looked up: %+v, %v", found, err)
	}
	planned, err := x.PlanSessions(t.Context(), change)
	check(t, err)
	now, err := x.Changes.Change(t.Context(), change)
	check(t, err)
	if planned.Sessions != 2 || now.Stale == nil || now.Stale.String() != mark {
		t.Errorf("%d sessions planned, marked %v; want 2, marked %s", planned.Sessions, now.Stale, mark)
	}
	plan, err := activities.Assemble(now, []peering.PlanPart{{RouterPlan: peering.RouterPlan{RouterID: 1, Moves: []peering.Move{{Key: "a", After: "b"}}}}})
	if err != nil || !strings.HasSuffix(plan.Impact.Line(), mark) {
		t.Errorf("the approver reads %q, %v", plan.Impact.Line(), err)
	}
	// Once a lookup succeeds, later changes go by it unmarked.
	mirror.PDBFreshness = peering.PDBFreshness{RefreshedAt: time.Now()}
	later := x.agreed(64501)
	_, err = x.PlanSessions(t.Context(), later)
	check(t, err)
	if now, err := x.Changes.Change(t.Context(), later); err != nil || now.Stale != nil {
		t.Errorf("marked %v, %v", now.Stale, err)
	}
}
