package activities

import (
	"testing"

	"peerflow/internal/peering"
)

// Where lines come from is told when it is to be kept, and the stanzas are the same without.
func TestWhereLinesComeFromIsTracedOnlyWhenItIsKept(t *testing.T) {
	t.Parallel()
	router := &fakeRouter{}
	dev := device{platform: router, conn: router, router: peering.Router{Meta: peering.Meta{ID: 1}}}
	desired := peering.Desired{Router: dev.router, Template: peering.Template{Meta: peering.Meta{ID: 1}, Name: "edge", Mode: peering.ModeStanza, Engine: peering.EngineJinja2, Body: "a {{ router.name }}"}}
	for _, trace := range []bool{true, false} {
		c, err := compare(t.Context(), dev, desired, nil, trace)
		if err != nil {
			t.Fatal(err)
		}
		if (len(c.lines["a"]) == 1) != trace || len(c.with) != 1 || c.with["a"].Text != c.without["a"].Text {
			t.Errorf("traced %v: %+v", trace, c)
		}
		if moved := []peering.Move{{Key: "a", After: c.with["a"].Hash()}}; (len(c.origins(moved)) == 1) != trace {
			t.Errorf("traced %v: %v", trace, c.origins(moved))
		}
	}
}
