package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/prototext"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/standalone/lab"
)

// Two versions of a password that nothing else looks like.
const (
	firstPassword  = "canary-Zm9yZ2V0-1"
	secondPassword = "canary-cmVtZW1i-2"
)

// canary gives a session a password, changes it, fails once with it, and then
// looks for it everywhere that people or backups look.
func canary(s *scene) {
	ctx := context.Background()
	session, peer := s.sessions[12], s.peer(12)
	set := func(clear string) peering.SecretRef {
		r, err := s.Parts.DB.PutSecret(ctx, s.admin, "session 12", clear)
		s.must(err)
		return r
	}
	with := func(clear string) {
		s.must(peer.RemoveNeighbor(ctx, edgeAddr))
		s.must(peer.AddNeighbor(ctx, lab.PeerNeighbor{ASN: ourAS, Address: edgeAddr, Password: clear}))
	}
	use := func(r peering.SecretRef) peering.Change {
		return s.edit("a password", update(session.RouterID, peering.ObjectSession, session.ID, `{"password": %s}`, ref(r)))
	}
	changed := func(c peering.Change, clear string) {
		s.approve(c)
		s.soaking(c)
		with(clear)
		s.inState(c.ID, 2*time.Minute, peering.ChangeCompleted)
		s.await("the session with its password", 30*time.Second, func(ctx context.Context) bool { return peer.State(ctx, edgeAddr) == bgp.Established })
		if !strings.Contains(s.boot(), clear) {
			s.t.Fatal("the router doesn't have the password: this proves nothing")
		}
	}

	first := use(set(firstPassword))
	s.wants(s.plan(first).Routers[0].Diff, `+   password "<secret v1>";`)
	changed(first, firstPassword)

	// A new version changes nothing by itself, and is a line of its own once asked for.
	second := set(secondPassword)
	if c := s.ends(s.deployAll("a version that no session has yet").ID); !strings.Contains(c.Outcome, "nothing to change") {
		s.t.Errorf("%s: %s", c.State, c.Outcome)
	}
	c := use(second)
	diff := s.plan(c).Routers[0].Diff
	s.wants(diff, `-   password "<secret v1>";`)
	s.wants(diff, `+   password "<secret v2>";`)
	s.wants(s.plan(c).Impact.Line(), "resets 1: "+session.PeerAS.String())
	changed(c, secondPassword)

	// An unrelated edit of the same session sends no password line.
	c = s.edit("a name", s.describe(12, "another name"))
	for line := range strings.Lines(s.plan(c).Routers[0].Diff) {
		if strings.Contains(line, "password") && !strings.HasPrefix(line, "  ") {
			s.t.Errorf("the diff of a description sends %q", line)
		}
	}
	s.deploy(c)

	// A configuration that the router refuses must not bring the password into an error.
	template := s.template()
	c = s.edit("a mistake beside the password", update(0, peering.ObjectTemplate, template.ID, `{"body": %q}`,
		strings.Replace(template.Body, "  password", "  no such statement;\n  password", 1)))
	s.approve(c)
	if c = s.ends(c.ID); c.State != peering.ChangeFailed {
		s.t.Errorf("%s: %s", c.State, c.Outcome)
	}
	s.t.Log(c.Outcome)

	s.nowhere(ctx, firstPassword, secondPassword)
}

func (s *scene) wants(text, part string) {
	s.t.Helper()
	if !strings.Contains(text, part) {
		s.t.Errorf("%q isn't in\n%s", part, text)
	}
}

// template is the only template.
func (s *scene) template() peering.Template {
	s.t.Helper()
	list, err := s.Parts.DB.Templates().List(context.Background(), nil, peering.Page{Limit: 2})
	s.must(err)
	return list.Items[0]
}

// nowhere looks for clear texts in every history, every table and every byte of the data folder.
func (s *scene) nowhere(ctx context.Context, clears ...string) {
	s.t.Helper()
	places := s.histories(ctx)
	if !strings.Contains(strings.Join(places["histories"], ""), `"router"`) {
		s.t.Fatal("the histories hold no word that they should: this proves nothing")
	}
	for table, text := range s.tables(ctx) {
		places["table "+table] = []string{text}
	}
	if !strings.Contains(strings.Join(places["table secret"], ""), "session 12") {
		s.t.Fatal("the tables hold no word that they should: this proves nothing")
	}
	for place, texts := range places {
		for _, clear := range clears {
			if strings.Contains(strings.Join(texts, "\n"), clear) {
				s.t.Errorf("%s: the password is there", place)
			}
		}
	}
	s.must(filepath.WalkDir(s.Dir(), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil //nolint:nilerr // it went away, or is a socket
		}
		text, _ := os.ReadFile(path) // it may have gone away
		for _, clear := range clears {
			if bytes.Contains(text, []byte(clear)) {
				s.t.Errorf("file %s holds the password", path)
			}
		}
		return nil
	}))
}

// histories prints every event of every workflow that deals with changes, running or closed.
func (s *scene) histories(ctx context.Context) map[string][]string {
	s.t.Helper()
	var texts []string
	list, err := s.Parts.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: 1000, Query: `WorkflowType IN ("ProvisionPeering", "DeployChange", "ServeRouter", "DeployRouter")`})
	s.must(err)
	for _, w := range list.GetExecutions() {
		events := s.Parts.Temporal.GetWorkflowHistory(ctx, w.GetExecution().GetWorkflowId(), w.GetExecution().GetRunId(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			s.must(err)
			texts = append(texts, strings.ReplaceAll(prototext.Format(event), `\"`, `"`))
		}
	}
	if n := len(list.GetExecutions()); n < 8 || len(list.GetNextPageToken()) > 0 {
		s.t.Fatalf("%d workflows on one page", n)
	}
	return map[string][]string{"histories": texts}
}

// tables is every row of our database as text, by table.
func (s *scene) tables(ctx context.Context) map[string]string {
	s.t.Helper()
	rows, err := s.Parts.DB.Pool().Query(ctx, `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`)
	s.must(err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	s.must(err)
	texts := map[string]string{}
	for _, name := range names {
		var text string
		query := fmt.Sprintf(`SELECT coalesce(string_agg(t::text, E'\n'), '') FROM %s t`, pgx.Identifier{name}.Sanitize())
		s.must(s.Parts.DB.Pool().QueryRow(ctx, query).Scan(&text))
		texts[name] = text
	}
	return texts
}
