package db_test

import (
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerflow/internal/peering"
	"peerflow/internal/peeringdb"
	"peerflow/internal/peeringdb/pdbfake"
)

func pdbTestRefresh(w *pdbWorld) {
	w.mustSync(peeringdb.Options{})
	cursor := w.state("netixlan").Cursor
	w.now = w.now.Add(30 * time.Minute)
	w.fake.Put(w.port(200))
	w.fake.Delete(peering.PDBPorts, 2, w.now)
	w.fake.ForgetRequests()
	fresh, err := w.syncer.RefreshASN(w.Context(), 64501)
	if err != nil || !fresh.RefreshedAt.Equal(w.now) || !fresh.AsOf().Equal(w.now) {
		w.Errorf("freshness is %+v, %v", fresh, err)
	}
	if got := w.requests(); got["net"] != 1 || got["netixlan"] != 1 || len(got) != 2 {
		w.Errorf("asked for %v", got)
	}
	ports, _ := w.mirror.Ports(w.Context(), 64501)
	var ids []int64
	for _, p := range ports {
		ids = append(ids, p.ID)
	}
	if !slices.Equal(ids, []int64{15, 200, 17}) {
		w.Errorf("ports are %v", ids)
	}
	if got := w.state("netixlan").Cursor; !got.Equal(cursor) {
		w.Errorf("the cursor moved from %s to %s: rows of others would be missed", cursor, got)
	}
	if other, _ := w.mirror.NetworkFreshness(w.Context(), 64502); !other.RefreshedAt.IsZero() || !other.AsOf().Equal(pdbStart) {
		w.Errorf("another network counts as refreshed: %+v", other)
	}
}

func pdbTestRefreshOutage(w *pdbWorld) {
	w.mustSync(peeringdb.Options{})
	w.now = w.now.Add(26 * time.Hour)
	w.fake.Fail(peering.PDBPorts, pdbfake.ServerError)
	before := w.content()
	fresh, err := w.syncer.RefreshASN(w.Context(), 64501)
	if peeringdb.FaultOf(err) != peeringdb.Unavailable || !strings.Contains(err.Error(), "AS64501") {
		w.Errorf("got %v", err)
	}
	if !fresh.AsOf().Equal(pdbStart) || !fresh.Stale(w.now, 25*time.Hour) || fresh.Stale(w.now, 27*time.Hour) {
		w.Errorf("freshness is %+v", fresh)
	}
	if diff := cmp.Diff(before, w.content()); diff != "" {
		w.Error(diff)
	}
	// What failed is remembered for those who plan later, until a lookup succeeds; others don't share it.
	if stale := fresh.StaleView(64501, w.now); stale == nil || !stale.AsOf.Equal(pdbStart) || !strings.Contains(stale.Why, "peeringdb netixlan: unavailable (HTTP 5") {
		w.Errorf("marked %+v", stale)
	}
	if other, err := w.mirror.NetworkFreshness(w.Context(), 64502); err != nil || !other.FailedAt.IsZero() || other.Failure != "" {
		w.Errorf("another network failed, too: %+v, %v", other, err)
	}
	w.fake.Heal()
	if fresh, err := w.syncer.RefreshASN(w.Context(), 64501); err != nil || !fresh.FailedAt.IsZero() || fresh.StaleView(64501, w.now) != nil {
		w.Errorf("looked up again: %+v, %v", fresh, err)
	}
}

func pdbTestRefreshParents(w *pdbWorld) {
	fresh, err := w.syncer.RefreshASN(w.Context(), 64501)
	if err != nil || !fresh.AsOf().Equal(w.now) {
		w.Fatalf("%+v, %v", fresh, err)
	}
	ports, err := w.mirror.Ports(w.Context(), 64501)
	if err != nil || len(ports) != 3 || ports[0].Venue.Name != "Example-IX" || len(ports[2].Venue.Prefixes) != 2 {
		w.Errorf("ports are %+v, %v", ports, err)
	}
	// A lookup is no full load: the next run must still fetch everything.
	if c := w.mustSync(peeringdb.Options{}).Types[5]; !c.Full || c.Held != 19 {
		w.Errorf("counts are %+v", c)
	}
}

func pdbTestRefreshUnknown(w *pdbWorld) {
	w.mustSync(peeringdb.Options{})
	fresh, err := w.syncer.RefreshASN(w.Context(), 65551)
	if peering.KindOf(err) != peering.NotFound || !strings.Contains(err.Error(), "AS65551") || !fresh.RefreshedAt.Equal(w.now) {
		w.Errorf("never there: %+v, %v", fresh, err)
	}
	w.fake.Delete(peering.PDBNetworks, 102, w.now)
	if _, err := w.syncer.RefreshASN(w.Context(), 64502); peering.KindOf(err) != peering.NotFound {
		w.Errorf("deleted: %v", err)
	}
	if _, err := w.mirror.Network(w.Context(), 64502); peering.KindOf(err) != peering.NotFound {
		w.Errorf("deleted, in the mirror: %v", err)
	}
	w.fake.Fail(peering.PDBNetworks, pdbfake.Empty)
	fresh, err = w.syncer.RefreshASN(w.Context(), 64501)
	if peering.KindOf(err) != peering.Conflict || !fresh.RefreshedAt.IsZero() {
		w.Errorf("an empty answer for a network that we know: %+v, %v", fresh, err)
	}
	if _, err := w.mirror.Network(w.Context(), 64501); err != nil {
		w.Error(err)
	}
}
