package db_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
	"peerflow/internal/render"
)

func TestCommunitiesOfARecordAreASetThatIsReplacedWhole(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	var ids []int64
	for i := range 3 {
		ids = append(ids, mustCreate(t, d.Communities(), peering.Community{Slug: fmt.Sprintf("c%d", i), Value: fmt.Sprintf("64500:%d", i)}).ID)
	}
	set := func(patch string) (peering.Session, error) {
		return d.Sessions().Patch(t.Context(), anna, n.session.ID, 0, []byte(patch))
	}
	if s, err := set(fmt.Sprintf(`{"communities": [%d, %d]}`, ids[2], ids[0])); err != nil || !slices.Equal(s.Communities, []int64{ids[0], ids[2]}) || s.Version != 2 {
		t.Fatalf("%v in version %d, %v", s.Communities, s.Version, err)
	}
	if s, err := set(fmt.Sprintf(`{"communities": [%d, %d], "description": "x"}`, ids[0], ids[1])); err != nil || !slices.Equal(s.Communities, ids[:2]) {
		t.Errorf("replaced: %v, %v", s.Communities, err)
	}
	if s, err := set(fmt.Sprintf(`{"communities": [%d, %d]}`, ids[1], ids[0])); err != nil || s.Version != 3 {
		t.Errorf("the same set in another order is no edit: version %d, %v", s.Version, err)
	}
	_, err := set(`{"communities": [99]}`)
	wantKind(t, "a community that isn't there", err, peering.Invalid)
	_, err = set(fmt.Sprintf(`{"communities": [%d, %d]}`, ids[0], ids[0]))
	wantKind(t, "one twice", err, peering.Invalid)
	if _, err := d.Routers().Patch(t.Context(), anna, n.router.ID, 0, fmt.Appendf(nil, `{"communities": [%d]}`, ids[1])); err != nil {
		t.Fatal(err)
	}
	err = d.Communities().Delete(t.Context(), anna, ids[1], 0)
	wantKind(t, "deleting one that is set", err, peering.Conflict)
	if err == nil || !strings.Contains(err.Error(), "list of communities") {
		t.Errorf("%v: want what uses it", err)
	}
	if err := d.Sessions().Delete(t.Context(), anna, n.session.ID, 0); err != nil {
		t.Fatal(err)
	}
	var left int
	sqlRead(t, d, `SELECT count(*) FROM community_assignment`, nil, &left)
	if left != 1 {
		t.Errorf("%d assignments are left, want the router's: a session takes its own along", left)
	}
	if err := d.Communities().Delete(t.Context(), anna, ids[0], 0); err != nil {
		t.Errorf("one that nothing has any more: %v", err)
	}
}

// renderedWith is what a template prints on a router, as recorded and with a change's operations.
func renderedWith(t *testing.T, d *db.DB, routerID int64, body string, ops ...peering.Operation) (without, with string) {
	t.Helper()
	desired, err := d.Desired(t.Context(), routerID)
	if err != nil {
		t.Fatal(err)
	}
	desired.Template.Body = body
	return renderedBoth(t, desired, ops...)
}

// renderedAs is what a router's own template prints, likewise.
func renderedAs(t *testing.T, d *db.DB, routerID int64, ops ...peering.Operation) (without, with string) {
	t.Helper()
	desired, err := d.Desired(t.Context(), routerID)
	if err != nil {
		t.Fatal(err)
	}
	return renderedBoth(t, desired, ops...)
}

func renderedBoth(t *testing.T, desired peering.Desired, ops ...peering.Operation) (without, with string) {
	t.Helper()
	changed, err := desired.Apply(ops)
	if err != nil {
		t.Fatal(err)
	}
	if without, err = render.Router(t.Context(), desired); err != nil {
		t.Fatal(err)
	}
	if with, err = render.Router(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	return without, with
}

func TestCommunitiesReachTemplatesAsPeeringManagerMergesThem(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	community := func(slug, value string) int64 {
		return mustCreate(t, d.Communities(), peering.Community{Slug: slug, Name: "Set " + slug, Value: value, Type: peering.Ingress}).ID
	}
	blackhole, region, peers, router := community("blackhole", "65535:666"), community("region", "64500:10:1"), community("peers", "64500:20"), community("edge", "no-export")
	edit := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	patch := func(ids ...int64) []byte {
		return fmt.Appendf(nil, `{"communities": %s}`, strings.ReplaceAll(fmt.Sprint(ids), " ", ", "))
	}
	edit(d.AutonomousSystems().Patch(t.Context(), anna, n.peer.ID, 0, patch(peers, region)))
	edit(d.IXPs().Patch(t.Context(), anna, n.ixp.ID, 0, patch(region)))
	edit(d.Routers().Patch(t.Context(), anna, n.router.ID, 0, patch(router)))
	edit(d.RoutingPolicies().Patch(t.Context(), anna, n.accept.ID, 0, patch(peers)))
	const body = `{% for s in sessions %}{{ s | communities | iterate('value') | join(' ') }}|{% for c in s | merge_communities %}{{ c.slug }}={{ c.value }} {% endfor %}{% endfor %}
{{- (policies | first).communities.first().name }}|{{ communities.filter(type='ingress').count() }} {{ communities.get(slug='region').kind }}`
	without, with := renderedWith(t, d, n.router.ID, body, peering.Operation{RouterID: n.router.ID, Object: peering.ObjectSession, ObjectID: n.session.ID,
		Action: peering.Update, Patch: patch(blackhole)})
	if want := "|region=64500:10:1 peers=64500:20 edge=no-export Set peers|4 large"; strings.TrimSpace(without) != want {
		t.Errorf("as recorded: %q, want %q", without, want)
	}
	if want := "65535:666|blackhole=65535:666 region=64500:10:1 peers=64500:20 edge=no-export Set peers|4 large"; strings.TrimSpace(with) != want {
		t.Errorf("with the change: %q, want %q", with, want)
	}
}

// Each record that can move a router's text has an author who counts: an edit that nobody reviewed must not ride along.
func TestPendingAuthorsAreThoseOfCommunitiesToo(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	c := mustCreate(t, d.Communities(), peering.Community{Slug: "a", Value: "64500:1"})
	for name, edit := range map[string]func(peering.Actor) error{
		"its-value": func(by peering.Actor) error {
			_, err := d.Communities().Patch(t.Context(), by, c.ID, 0, []byte(`{"value": "64500:2"}`))
			return err
		},
		"a-session": func(by peering.Actor) error {
			_, err := d.Sessions().Patch(t.Context(), by, n.session.ID, 0, fmt.Appendf(nil, `{"communities": [%d]}`, c.ID))
			return err
		},
		"an-exchange": func(by peering.Actor) error {
			_, err := d.IXPs().Patch(t.Context(), by, n.ixp.ID, 0, fmt.Appendf(nil, `{"communities": [%d]}`, c.ID))
			return err
		},
		"our-own-network": func(by peering.Actor) error {
			_, err := d.AutonomousSystems().Patch(t.Context(), by, n.us.ID, 0, fmt.Appendf(nil, `{"communities": [%d]}`, c.ID))
			return err
		},
		"a-policy": func(by peering.Actor) error {
			_, err := d.RoutingPolicies().Patch(t.Context(), by, n.announce.ID, 0, fmt.Appendf(nil, `{"communities": [%d]}`, c.ID))
			return err
		},
	} {
		wantsPendingAuthor(t, d, n.router.ID, name, edit)
	}
}

// wantsPendingAuthor makes an edit as a new person, who must be an author of what is pending on the router from then on.
func wantsPendingAuthor(t *testing.T, d *db.DB, routerID int64, name string, edit func(peering.Actor) error) {
	t.Helper()
	u := newUser(t, d, name, peering.Operator)
	if err := edit(peering.Actor{Kind: peering.ActorUser, UserID: u.ID, Name: u.Name, Roles: u.Roles}); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	authors, err := d.PendingAuthors(t.Context(), routerID)
	if err != nil || !slices.ContainsFunc(authors, func(a peering.User) bool { return a.ID == u.ID }) {
		t.Errorf("who edited %s is not among %v (%v)", name, authors, err)
	}
}

// What a change would write is checked when it is proposed, and not when a router runs it already.
func TestAChangeThatWouldMakeARecordThatCanNotBeIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	author := newUser(t, d, "author", peering.Operator)
	by := peering.Actor{Kind: peering.ActorUser, UserID: author.ID, Name: author.Name, Roles: author.Roles}
	for patch, want := range map[string]string{
		`{"communities": [1, 1]}`:  "stands there twice",
		`{"hold_time": 2}`:         "RFC 4271",
		`{"blurb": "x"}`:           "blurb",
		`{"communities": "65000"}`: "communities",
	} {
		_, _, err := d.CreateChange(t.Context(), by, db.NewChange{Kind: peering.KindPolicy, Reason: "a test", Request: peering.ChangeRequest{Operations: []peering.Operation{
			{RouterID: n.router.ID, Object: peering.ObjectSession, ObjectID: n.session.ID, Action: peering.Update, Patch: []byte(patch)}}}})
		if peering.KindOf(err) != peering.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", patch, err, want)
		}
	}
}
