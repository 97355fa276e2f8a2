package db_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

var neverExpires time.Time

func newUser(t testing.TB, d *db.DB, name string, roles ...peering.Role) peering.User {
	t.Helper()
	u, err := d.CreateUser(t.Context(), anna, name, roles)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestTokensCountWhileTheirUserMay(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	bob := newUser(t, d, "bob", peering.Operator)
	mint := func(expires time.Time, roles ...peering.Role) (string, peering.Token) {
		clear, token, err := d.MintToken(t.Context(), anna, bob.ID, "laptop", roles, expires)
		if err != nil {
			t.Fatal(err)
		}
		return clear, token
	}
	good, token := mint(neverExpires, peering.Operator, peering.Admin)
	if !strings.HasPrefix(good, "pf_") || len(good) != 3+43 {
		t.Errorf("a token of %d characters that starts with %.3q", len(good), good)
	}
	actor, err := d.Authenticate(t.Context(), good)
	if err != nil || actor.UserID != bob.ID || actor.Name != "bob" || actor.Kind != peering.ActorUser {
		t.Errorf("%+v, %v", actor, err)
	}
	if !slices.Equal(actor.Roles, []peering.Role{peering.Operator}) {
		t.Errorf("roles %v: a token can't have more than its user", actor.Roles)
	}
	expired, _ := mint(time.Now().Add(-time.Minute), peering.Operator)
	revoked, ended := mint(time.Now().Add(time.Hour), peering.Operator)
	if err := d.RevokeToken(t.Context(), anna, ended.ID); err != nil {
		t.Fatal(err)
	}
	for what, clear := range map[string]string{"expired": expired, "revoked": revoked, "unknown": "pf_x", "empty": "", "without prefix": strings.TrimPrefix(good, "pf_")} {
		_, err := d.Authenticate(t.Context(), clear)
		wantKind(t, what, err, peering.Denied)
	}
	if tokens, err := d.Tokens(t.Context(), bob.ID); err != nil || len(tokens) != 3 || tokens[0].ID != token.ID || tokens[2].RevokedAt.IsZero() {
		t.Errorf("tokens %+v, %v", tokens, err)
	}
	if _, err := d.UpdateUser(t.Context(), anna, bob.ID, bob.Version, bob.Roles, false); err != nil {
		t.Fatal(err)
	}
	_, err = d.Authenticate(t.Context(), good)
	wantKind(t, "a user who may no longer log in", err, peering.Denied)
	wantKind(t, "revoking what isn't there", d.RevokeToken(t.Context(), anna, 999), peering.NotFound)
	_, _, err = d.MintToken(t.Context(), anna, 999, "", []peering.Role{peering.Viewer}, neverExpires)
	wantKind(t, "a token for nobody", err, peering.Invalid)
}

func TestUseOfATokenIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	bob := newUser(t, d, "bob", peering.Operator)
	clear, token, err := d.MintToken(t.Context(), anna, bob.ID, "laptop", []peering.Role{peering.Operator}, neverExpires)
	if err != nil {
		t.Fatal(err)
	}
	use := func() (at time.Time) {
		if _, err := d.Authenticate(t.Context(), clear); err != nil {
			t.Fatal(err)
		}
		sqlRead(t, d, `SELECT used_at FROM api_token WHERE id = $1`, []any{token.ID}, &at)
		return at
	}
	if first, second := use(), use(); !first.Equal(second) {
		t.Errorf("noted at %v and at %v", first, second)
	}
	sqlRun(t, d, `UPDATE api_token SET used_at = now() - interval '2 minutes'`)
	if at := use(); time.Since(at) > time.Minute {
		t.Errorf("two minutes later it still says %v", at)
	}
}

func TestUsersAreCheckedAndCounted(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	root := newUser(t, d, "root-of-all", peering.Admin)
	bob := newUser(t, d, "bob", peering.Operator)
	_, err := d.CreateUser(t.Context(), anna, "bob", []peering.Role{peering.Viewer})
	wantKind(t, "a name twice", err, peering.Conflict)
	_, err = d.CreateUser(t.Context(), anna, "Bob!", []peering.Role{peering.Viewer})
	wantKind(t, "a name of wrong letters", err, peering.Invalid)
	_, err = d.CreateUser(t.Context(), anna, "eve", []peering.Role{"king"})
	wantKind(t, "a role that doesn't exist", err, peering.Invalid)
	_, err = d.UpdateUser(t.Context(), anna, root.ID, root.Version, []peering.Role{peering.Viewer}, true)
	wantKind(t, "the last administrator steps down", err, peering.Conflict)
	if _, err := d.UpdateUser(t.Context(), anna, bob.ID, bob.Version, []peering.Role{peering.Admin}, true); err != nil {
		t.Fatal(err)
	}
	_, err = d.UpdateUser(t.Context(), anna, bob.ID, bob.Version, []peering.Role{peering.Viewer}, true)
	wantKind(t, "an old version", err, peering.Stale)
	if _, err := d.UpdateUser(t.Context(), anna, root.ID, 0, []peering.Role{peering.Viewer}, false); err != nil {
		t.Errorf("with another administrator: %v", err)
	}
	if users, err := d.Users(t.Context()); err != nil || len(users) != 2 || users[0].Active || users[1].Roles[0] != peering.Admin {
		t.Errorf("%+v, %v", users, err)
	}
}

func TestPendingAuthorsAreThoseWhoEditedSinceTheLastDeployment(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	as := func(u peering.User) peering.Actor {
		return peering.Actor{Kind: peering.ActorUser, UserID: u.ID, Name: u.Name, Roles: u.Roles}
	}
	names := func() string {
		users, err := d.PendingAuthors(t.Context(), n.router.ID)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, u := range users {
			list = append(list, u.Name)
		}
		return strings.Join(list, " ")
	}
	bob, eve, ida, joe := as(newUser(t, d, "bob", peering.Operator)), as(newUser(t, d, "eve", peering.Operator)),
		as(newUser(t, d, "ida", peering.Operator)), as(newUser(t, d, "joe", peering.Operator))
	edit := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := mustCreate(t, d.Routers(), peering.Router{Name: "fra-1", SiteID: n.site.ID, PlatformID: n.platform.ID, LocalASID: n.us.ID, Address: "127.0.0.2:22", Lab: true})
	_, err := d.Routers().Patch(t.Context(), joe, elsewhere.ID, 0, []byte(`{"username": "joe"}`))
	edit(err)
	_, err = d.RoutingPolicies().Patch(t.Context(), bob, n.accept.ID, 0, []byte(`{"weight": 5}`))
	edit(err)
	edit(d.Sessions().Delete(t.Context(), eve, n.session.ID, 0))
	if got := names(); got != "bob eve" {
		t.Errorf("pending authors %q, want bob (a policy of the exchange) and eve (a session that is gone), not joe (another router)", got)
	}
	changeID, _ := plannedSession(t, d, n, "198.51.100.9", 64502, n.peering.ID)
	sqlRun(t, d, `WITH p AS (INSERT INTO plan (change_id, hash, impact) VALUES ($1, repeat('a', 64), '{}') RETURNING id)
		INSERT INTO deployment (change_id, plan_id, router_id, state) SELECT $1, p.id, $2, 'confirmed' FROM p`, changeID, n.router.ID)
	if got := names(); got != "bob eve" {
		t.Errorf("after an unrelated change: %q, but it delivered nobody's edits", got)
	}
	sqlRun(t, d, `UPDATE change SET kind = 'deploy' WHERE id = $1`, changeID)
	if got := names(); got != "" {
		t.Errorf("after a change of kind deploy: %q", got)
	}
	_, err = d.Templates().Patch(t.Context(), ida, n.template.ID, 0, []byte(`{"body": "x"}`))
	edit(err)
	if got := names(); got != "ida" {
		t.Errorf("after the template was edited: %q", got)
	}
}

func TestPendingAuthorsAreThoseOfIncludedTemplatesToo(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	template := func(author, name, body string) int64 {
		u := newUser(t, d, author, peering.Operator)
		made, err := d.Templates().Create(t.Context(), peering.Actor{Kind: peering.ActorUser, UserID: u.ID, Name: u.Name, Roles: u.Roles}, peering.Template{Name: name, Body: body})
		if err != nil {
			t.Fatal(err)
		}
		return made.ID
	}
	byID := template("ben", "by id", "!")
	template("eva", "inner", fmt.Sprintf("{%% include_configuration %d %%}", byID))
	template("joe", "somebody else's", "!")
	template("ada", "outer", `{% include_configuration "inner" %}`)
	own := peering.Actor{Kind: peering.ActorWorkflow, Name: "test"}
	if _, err := d.Templates().Patch(t.Context(), own, n.template.ID, 0, []byte(`{"body": "{%- include_configuration outer %}"}`)); err != nil {
		t.Fatal(err)
	}
	users, err := d.PendingAuthors(t.Context(), n.router.ID)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, u := range users {
		list = append(list, u.Name)
	}
	if got := strings.Join(list, " "); got != "ben eva ada" {
		t.Errorf("authors of what the router's template includes: %q", got)
	}
}
