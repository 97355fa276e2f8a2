package db_test

import (
	"fmt"
	"strings"
	"testing"

	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

// A tag that something of a router has may be asked for by its template, so that whoever edits it is an author of what is pending there.
func TestPendingAuthorsAreThoseOfWhatIsInUse(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	used, unused := mustCreate(t, d.Tags(), peering.Tag{Slug: "used"}), mustCreate(t, d.Tags(), peering.Tag{Slug: "unused"})
	class := mustCreate(t, d.Relationships(), peering.Relationship{Slug: "peer"})
	rename := func(id int64) func(by peering.Actor) error {
		return func(by peering.Actor) error {
			_, err := d.Tags().Patch(t.Context(), by, id, 0, fmt.Appendf(nil, `{"description": "by %s"}`, by.Name))
			return err
		}
	}
	if err := rename(unused.ID)(peering.Actor{Kind: peering.ActorUser, UserID: newUser(t, d, "harmless", peering.Operator).ID, Name: "harmless"}); err != nil {
		t.Fatal(err)
	}
	for object, patch := range map[string]func([]byte) error{
		"session":    func(p []byte) error { _, err := d.Sessions().Patch(t.Context(), anna, n.session.ID, 0, p); return err },
		"connection": func(p []byte) error { _, err := d.Connections().Patch(t.Context(), anna, n.port.ID, 0, p); return err },
		"router":     func(p []byte) error { _, err := d.Routers().Patch(t.Context(), anna, n.router.ID, 0, p); return err },
		"exchange":   func(p []byte) error { _, err := d.IXPs().Patch(t.Context(), anna, n.ixp.ID, 0, p); return err },
		"network": func(p []byte) error {
			_, err := d.AutonomousSystems().Patch(t.Context(), anna, n.us.ID, 0, p)
			return err
		},
		"policy": func(p []byte) error {
			_, err := d.RoutingPolicies().Patch(t.Context(), anna, n.announce.ID, 0, p)
			return err
		},
	} {
		if err := patch(fmt.Appendf(nil, `{"tags": [%d]}`, used.ID)); err != nil {
			t.Fatal(err)
		}
		wantsPendingAuthor(t, d, n.router.ID, "the-tag-of-a-"+object, rename(used.ID))
		if err := patch([]byte(`{"tags": []}`)); err != nil {
			t.Fatal(err)
		}
	}
	wantsPendingAuthor(t, d, n.router.ID, "a-relationship", func(by peering.Actor) error {
		_, err := d.Relationships().Patch(t.Context(), by, class.ID, 0, []byte(`{"role": "rs-client"}`))
		return err
	})
	shared := mustCreate(t, d.ConfigContexts(), peering.ConfigContext{Name: "shared"})
	if _, err := d.AutonomousSystems().Patch(t.Context(), anna, n.peer.ID, 0, fmt.Appendf(nil, `{"config_contexts": [{"config_context_id": %d}]}`, shared.ID)); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "a context of a network", d.ConfigContexts().Delete(t.Context(), anna, shared.ID, 0), peering.Conflict)
	wantsPendingAuthor(t, d, n.router.ID, "context", func(by peering.Actor) error {
		_, err := d.ConfigContexts().Patch(t.Context(), by, shared.ID, 0, []byte(`{"data": {"a": 1}}`))
		return err
	})
	desk, role := mustCreate(t, d.Contacts(), peering.Contact{Name: "NOC"}), mustCreate(t, d.ContactRoles(), peering.ContactRole{Slug: "noc"})
	if _, err := d.IXPs().Patch(t.Context(), anna, n.ixp.ID, 0, fmt.Appendf(nil, `{"contacts": [{"contact_id": %d, "role_id": %d}]}`, desk.ID, role.ID)); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "a contact of an exchange", d.Contacts().Delete(t.Context(), anna, desk.ID, 0), peering.Conflict)
	wantsPendingAuthor(t, d, n.router.ID, "contact", func(by peering.Actor) error {
		_, err := d.Contacts().Patch(t.Context(), by, desk.ID, 0, []byte(`{"phone": "1"}`))
		return err
	})
	wantsPendingAuthor(t, d, n.router.ID, "role", func(by peering.Actor) error {
		_, err := d.ContactRoles().Patch(t.Context(), by, role.ID, 0, []byte(`{"name": "peering"}`))
		return err
	})
	timers := mustCreate(t, d.BFD(), peering.BFD{Slug: "fast"})
	if _, err := d.Sessions().Patch(t.Context(), anna, n.session.ID, 0, fmt.Appendf(nil, `{"bfd_id": %d}`, timers.ID)); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "timers of a session", d.BFD().Delete(t.Context(), anna, timers.ID, 0), peering.Conflict)
	wantsPendingAuthor(t, d, n.router.ID, "bfd-timers", func(by peering.Actor) error {
		_, err := d.BFD().Patch(t.Context(), by, timers.ID, 0, []byte(`{"detection_multiplier": 5}`))
		return err
	})
	authors, err := d.PendingAuthors(t.Context(), n.router.ID)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range authors {
		names = append(names, a.Name)
	}
	if got := strings.Join(names, " "); got != "a-relationship context contact role bfd-timers" {
		t.Errorf("authors are %q: want a tag that nothing has any more to count for nothing", got)
	}
}

func TestATagThatIsInUseStays(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	tag := mustCreate(t, d.Tags(), peering.Tag{Slug: "a"})
	if _, err := d.Sessions().Patch(t.Context(), anna, n.session.ID, 0, fmt.Appendf(nil, `{"tags": [%d]}`, tag.ID)); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "a tag of a session", d.Tags().Delete(t.Context(), anna, tag.ID, 0), peering.Conflict)
	_, err := d.Sessions().Patch(t.Context(), anna, n.session.ID, 0, fmt.Appendf(nil, `{"tags": [%d, %[1]d]}`, tag.ID))
	wantKind(t, "a tag twice", err, peering.Invalid)
	if err := d.Sessions().Delete(t.Context(), anna, n.session.ID, 0); err != nil {
		t.Fatal(err)
	}
	if err := d.Tags().Delete(t.Context(), anna, tag.ID, 0); err != nil {
		t.Errorf("once the session is gone: %v", err)
	}
}
