package db_test

import (
	"reflect"
	"testing"

	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

// The workers of several sites each give a part; the last one finds the others'
// as they were written, and none of an earlier planning.
func TestPartsOfAPlanAreKeptUntilItIsPutTogether(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	change := s.draft(s.create(s.edge1))
	plan, texts := planOn(change.ID, "protocol bgp one {}", s.edge1)
	plan.Routers[0].Filters = peering.FilterChange{Added: 12, Removed: 4, Only: true} // by which a rule approves by itself
	part := peering.PlanPart{RouterPlan: plan.Routers[0], Pending: []string{"policy PEERS by anna"}}
	s.must(s.StoreParts(t.Context(), change.ID, []peering.PlanPart{{RouterPlan: peering.RouterPlan{RouterID: s.edge1}}}, nil))
	s.must(s.StoreParts(t.Context(), change.ID, []peering.PlanPart{part}, texts))
	got, err := s.Parts(t.Context(), change.ID)
	s.must(err)
	if len(got) != 1 || !reflect.DeepEqual(got[0], part) {
		t.Errorf("kept %+v, want %+v", got, part)
	}
	if again := (peering.Plan{ChangeID: change.ID, Routers: []peering.RouterPlan{got[0].RouterPlan}}); peering.PlanHash(again.Routers) != plan.Hash {
		t.Error("the part that was kept gives another plan")
	}
	if kept, err := s.Texts(t.Context(), []string{part.ArtifactHash}); err != nil || kept[part.ArtifactHash] == "" {
		t.Errorf("the artifact's text: %v", err)
	}
	s.must(s.DropParts(t.Context(), change.ID))
	if got, err = s.Parts(t.Context(), change.ID); err != nil || len(got) != 0 {
		t.Errorf("after an earlier planning was dropped: %+v, %v", got, err)
	}
}

func TestARouterIsFoundAtItsSite(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	site, err := d.SiteOf(t.Context(), n.router.ID)
	if err != nil || site != "ams" {
		t.Errorf("router %s is at site %q, %v", n.router.Name, site, err)
	}
	if _, err := d.SiteOf(t.Context(), n.router.ID+1000); peering.KindOf(err) != peering.NotFound {
		t.Errorf("a router that doesn't exist: %v", err)
	}
	all, err := d.RouterRefs(t.Context())
	slugs, err2 := d.SiteSlugs(t.Context())
	if err != nil || err2 != nil || len(all) != 1 || all[0] != (peering.RouterRef{ID: n.router.ID, Name: n.router.Name, Site: "ams"}) || !reflect.DeepEqual(slugs, []string{"ams"}) {
		t.Errorf("routers %v, sites %v, %v %v", all, slugs, err, err2)
	}
}
