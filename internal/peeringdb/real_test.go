package peeringdb_test

import (
	"testing"
	"time"

	"peerflow/internal/capture"
	"peerflow/internal/peering"
	"peerflow/internal/peeringdb/pdbfake"
)

// Every row of real answers must be readable: rules that refuse rows are only as
// good as what operators really enter.
func TestRealRowsAreAllReadable(t *testing.T) {
	t.Parallel()
	least := map[peering.PDBType]int{}
	for _, typ := range peering.PDBTypes {
		least[typ] = 500
	}
	least[peering.PDBContacts] = 40
	for _, set := range []string{"sample-2026-04", "coherent-2022"} {
		t.Run(set, func(t *testing.T) {
			t.Parallel()
			fake := pdbfake.New()
			if err := fake.Load(capture.Need(t, "peeringdb", set)); err != nil {
				t.Fatal(err)
			}
			client := clientOf(t, fake)
			for _, typ := range peering.PDBTypes {
				rows, meta, err := fetch(t, client, typ, time.Time{})
				if err != nil || meta.Unreadable != 0 || len(rows) != len(fake.IDs(typ)) || len(rows) < least[typ] {
					t.Errorf("%s: %d of %d rows, %d unreadable (%s), %v", typ, len(rows), len(fake.IDs(typ)), meta.Unreadable, meta.FirstUnreadable, err)
				}
			}
		})
	}
}
