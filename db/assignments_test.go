package db_test

import (
	"testing"

	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

// What hangs on a record is written when it moves, and left as it is by edits of something else.
func TestAnEditLeavesListsThatItDoesNotMove(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	first, second := mustCreate(t, d.Tags(), peering.Tag{Slug: "first"}), mustCreate(t, d.Tags(), peering.Tag{Slug: "second"})
	community := mustCreate(t, d.Communities(), peering.Community{Slug: "here", Value: "64500:1"})
	shared := mustCreate(t, d.ConfigContexts(), peering.ConfigContext{Name: "shared"})
	contact, role := mustCreate(t, d.Contacts(), peering.Contact{Name: "NOC"}), mustCreate(t, d.ContactRoles(), peering.ContactRole{Slug: "noc"})
	edit := func(patchOf map[string]any) peering.Session {
		t.Helper()
		s, err := d.Sessions().Patch(t.Context(), anna, n.session.ID, 0, patch(patchOf))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	edit(map[string]any{"tags": []int64{first.ID, second.ID}, "communities": []int64{community.ID}, "import_policies": []int64{n.accept.ID},
		"config_contexts": []any{map[string]any{"config_context_id": shared.ID}}})
	if _, err := d.AutonomousSystems().Patch(t.Context(), anna, n.peer.ID, 0,
		patch(map[string]any{"contacts": []any{map[string]any{"contact_id": contact.ID, "role_id": role.ID}}})); err != nil {
		t.Fatal(err)
	}
	// written is who wrote the rows last, by table.
	written := func() (tags, others string) {
		t.Helper()
		sqlRead(t, d, `SELECT (SELECT string_agg(xmin::text, ',' ORDER BY tag_id) FROM tag_assignment),
			concat_ws(';', (SELECT string_agg(xmin::text, ',') FROM community_assignment), (SELECT string_agg(xmin::text, ',') FROM context_assignment),
				(SELECT string_agg(xmin::text, ',') FROM contact_assignment), (SELECT string_agg(xmin::text, ',') FROM policy_assignment WHERE session_id IS NOT NULL))`, nil, &tags, &others)
		return tags, others
	}
	tags, others := written()
	edit(map[string]any{"description": "edited"})
	if _, err := d.AutonomousSystems().Patch(t.Context(), anna, n.peer.ID, 0, patch(map[string]any{"name": "edited"})); err != nil {
		t.Fatal(err)
	}
	if t1, o1 := written(); t1 != tags || o1 != others {
		t.Errorf("an edit of something else wrote %s and %s, were %s and %s", t1, o1, tags, others)
	}
	if s := edit(map[string]any{"tags": []int64{second.ID, first.ID}}); len(s.Tags) != 2 || s.Tags[0] != second.ID {
		t.Errorf("tags in another order: %v", s.Tags)
	}
	if t2, o2 := written(); t2 == tags || o2 != others {
		t.Errorf("tags in another order wrote %s and %s, were %s and %s", t2, o2, tags, others)
	}
	if s := edit(map[string]any{"tags": nil, "communities": nil, "import_policies": nil, "config_contexts": nil}); len(s.Tags)+len(s.Communities)+len(s.Policies.Import)+len(s.ConfigContexts) > 0 {
		t.Errorf("taken off: %+v", s)
	}
}
