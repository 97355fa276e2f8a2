package db_test

import (
	"slices"
	"testing"
	"time"

	"peerflow/internal/driver/bird"
	"peerflow/internal/peering"
	"peerflow/internal/render"
)

// stanzas are what the router is to have.
func (w *mirroredWorld) stanzas() map[string]peering.Stanza {
	w.Helper()
	desired := w.desired()
	text, err := render.Router(w.Context(), desired)
	if err != nil {
		w.Fatal(err)
	}
	cut, err := peering.CutTemplate(bird.Syntax{}, "bird", desired.Template, text)
	if err != nil {
		w.Fatal(err)
	}
	return cut
}

func TestAPlanThatPrintsTheMirrorMovesWithWhatItPrintsAlone(t *testing.T) {
	t.Parallel()
	w := newMirrored(t).world()
	w.template(publicPeer + "define NAME = \"{{ router.name }}\";\ndefine LIMIT = {{ peer.peeringdb_network.info_prefixes4 }};\n")
	planned := func() []peering.RouterPlan {
		moves := peering.Delta(nil, w.stanzas(), nil)
		return []peering.RouterPlan{{RouterID: w.n.router.ID, Router: w.n.router.Name, Moves: moves}}
	}
	first := planned()
	w.now = w.now.Add(time.Hour)
	w.load() // the same again, later
	if same := planned(); peering.PlanHash(same) != peering.PlanHash(first) {
		t.Errorf("%v moved, and nothing that is printed did", peering.MovedSince(first, same))
	}
	w.now = w.now.Add(time.Hour)
	w.mustLoad(&peering.PDBNetwork{PDBHead: w.head(10), OrgID: 1, ASN: publicASN, Name: "Cloud", InfoPrefixes4: 3000})
	later := planned()
	if moved := peering.MovedSince(first, later); peering.PlanHash(later) == peering.PlanHash(first) || !slices.Equal(moved, []string{"define/LIMIT on ams-1"}) {
		t.Errorf("%q moved, want the stanza that prints the figure", moved)
	}
}
