package db_test

import (
	"fmt"
	"slices"
	"testing"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

// An edit while a change of kind deploy waits for approval isn't in its text, and so is pending after it.
func TestEditsAfterThePlanOfADeploymentStayPending(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	patches := func(by peering.Actor) error {
		_, err := d.RoutingPolicies().Patch(t.Context(), by, n.accept.ID, 0, fmt.Appendf(nil, `{"name": "by %s"}`, by.Name))
		return err
	}
	before := asUser(newUser(t, d, "before", peering.Operator))
	if err := patches(before); err != nil {
		t.Fatal(err)
	}
	changeID, _ := plannedSession(t, d, n, "198.51.100.9", 64502, n.peering.ID)
	sqlRun(t, d, `UPDATE change SET kind = 'deploy' WHERE id = $1`, changeID)
	after := asUser(newUser(t, d, "after", peering.Operator))
	if err := patches(after); err != nil {
		t.Fatal(err)
	}
	confirmed(t, d, changeID, n.router.ID)
	if got := pendingAuthors(t, d, n.router.ID); !slices.Equal(got, []string{"after"}) {
		t.Errorf("pending authors %q", got)
	}
}

// What a change wrote into the record without a deployment on a router is pending there, and its author's.
func TestWhatAChangeRecordsWithoutADeploymentIsItsAuthors(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	changeID, _ := plannedSession(t, d, n, "198.51.100.9", 64502, n.peering.ID)
	by := peering.Actor{Kind: peering.ActorWorkflow, Name: "DeployChange", ChangeID: changeID}
	if _, err := d.RoutingPolicies().Patch(t.Context(), by, n.accept.ID, 0, []byte(`{"weight": 7}`)); err != nil {
		t.Fatal(err)
	}
	if got := pendingAuthors(t, d, n.router.ID); !slices.Equal(got, []string{"planner"}) {
		t.Errorf("pending authors %q", got)
	}
	confirmed(t, d, changeID, n.router.ID)
	if got := pendingAuthors(t, d, n.router.ID); len(got) > 0 {
		t.Errorf("pending authors of what was deployed: %q", got)
	}
}

func TestPendingAuthorsAreThoseOfWhatATemplateMayBeGiven(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	other := mustCreate(t, d.Templates(), peering.Template{Name: "other", Body: "!"})
	unused := mustCreate(t, d.RoutingPolicies(), peering.RoutingPolicy{Slug: "unused", Direction: peering.Import})
	edits := 0
	template := func(by peering.Actor) error {
		edits++
		_, err := d.Templates().Patch(t.Context(), by, other.ID, 0, fmt.Appendf(nil, `{"body": "%d"}`, edits))
		return err
	}
	policy := func(by peering.Actor) error {
		edits++
		_, err := d.RoutingPolicies().Patch(t.Context(), by, unused.ID, 0, fmt.Appendf(nil, `{"weight": %d}`, edits))
		return err
	}
	body := func(text string) {
		t.Helper()
		_, err := d.Templates().Patch(t.Context(), peering.Actor{Kind: peering.ActorWorkflow, Name: "test"}, n.template.ID, 0, fmt.Appendf(nil, `{"body": %q}`, text))
		if err != nil {
			t.Fatal(err)
		}
	}
	spared := asUser(newUser(t, d, "spared", peering.Operator))
	for _, text := range []string{"{% for s in sessions %}{{ s }}{% endfor %}", `{% include "nosuch" ignore missing %}{%- include_configuration nosuch -%}{% import 'nosuch' as m %}`} {
		body(text)
		if err := template(spared); err != nil {
			t.Fatal(err)
		}
		if got := pendingAuthors(t, d, n.router.ID); len(got) > 0 {
			t.Errorf("%s: %q", text, got)
		}
	}
	if err := policy(spared); err != nil {
		t.Fatal(err)
	}
	if got := pendingAuthors(t, d, n.router.ID); len(got) > 0 {
		t.Errorf("edits of what no template is given count: %q", got)
	}
	for i, text := range []string{`{%% import "configuration::%d" as m %%}`, `{%% from "%d" import x %%}`, `{%% extends "00%d" %%}`} {
		body(fmt.Sprintf(text, other.ID))
		wantsPendingAuthor(t, d, n.router.ID, fmt.Sprintf("template-by-id-%d", i), template)
	}
	for i, text := range []string{`{% include 'site-' ~ router.name %}`, `{% include router.name %}`, `{%- import ("ot" ~ "her") as m %}`, `{% include ["a", "b"] %}`} {
		body(text)
		wantsPendingAuthor(t, d, n.router.ID, fmt.Sprintf("template-computed-%d", i), template)
	}
	wantsPendingAuthor(t, d, n.router.ID, "number-of-a-network", func(by peering.Actor) error {
		_, err := d.AutonomousSystems().Patch(t.Context(), by, n.peer.ID, 0, []byte(`{"asn": 64999}`))
		return err
	})
	wantsPendingAuthor(t, d, n.router.ID, "platform", func(by peering.Actor) error {
		_, err := d.Platforms().Patch(t.Context(), by, n.platform.ID, 0, []byte(`{"slug": "junos"}`))
		return err
	})
	if err := d.Sessions().Delete(t.Context(), anna, n.session.ID, 0); err != nil {
		t.Fatal(err)
	}
	wantsPendingAuthor(t, d, n.router.ID, "policy-of-all", policy)
}

// confirmed records a deployment of a change that a router confirmed.
func confirmed(t *testing.T, d *db.DB, changeID, routerID int64) {
	t.Helper()
	sqlRun(t, d, `WITH p AS (INSERT INTO plan (change_id, hash, impact) VALUES ($1, repeat('a', 64), '{}') RETURNING id)
		INSERT INTO deployment (change_id, plan_id, router_id, state) SELECT $1, p.id, $2, 'confirmed' FROM p`, changeID, routerID)
}

func asUser(u peering.User) peering.Actor {
	return peering.Actor{Kind: peering.ActorUser, UserID: u.ID, Name: u.Name, Roles: u.Roles}
}

func pendingAuthors(t *testing.T, d *db.DB, routerID int64) (names []string) {
	t.Helper()
	users, err := d.PendingAuthors(t.Context(), routerID)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range users {
		names = append(names, u.Name)
	}
	return names
}
