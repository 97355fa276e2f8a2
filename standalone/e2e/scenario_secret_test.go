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

	s.nowhere(ctx, firstPassword)
	s.nowhere(ctx, secondPassword)
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

// nowhere looks for a clear text in every history, every table and every byte of the data folder.
func (s *scene) nowhere(ctx context.Context, clear string) {
	s.t.Helper()
	if n := s.historiesWith(ctx, `"router"`); n == 0 {
		s.t.Fatal("the search finds no word that histories have: this proves nothing")
	}
	if n := s.historiesWith(ctx, clear); n > 0 {
		s.t.Errorf("%d histories hold the password", n)
	}
	if found := s.tablesWith(ctx, "session 12"); len(found) == 0 {
		s.t.Fatal("the search finds no word that tables have: this proves nothing")
	}
	if found := s.tablesWith(ctx, clear); len(found) > 0 {
		s.t.Errorf("tables hold the password: %v", found)
	}
	s.must(filepath.WalkDir(s.Dir(), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil // it went away, or is a socket
		}
		if text, err := os.ReadFile(path); err == nil && bytes.Contains(text, []byte(clear)) {
			s.t.Errorf("file %s holds the password", path)
		}
		return nil
	}))
}

// historiesWith counts the workflows, running and closed, whose history holds a text.
func (s *scene) historiesWith(ctx context.Context, text string) int {
	s.t.Helper()
	found, seen := 0, 0
	var page []byte
	for {
		list, err := s.Parts.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			PageSize: 500, NextPageToken: page, Query: `WorkflowType IN ("ProvisionPeering", "DeployChange", "ServeRouter", "DeployRouter")`})
		s.must(err)
		for _, w := range list.GetExecutions() {
			seen++
			events := s.Parts.Temporal.GetWorkflowHistory(ctx, w.GetExecution().GetWorkflowId(), w.GetExecution().GetRunId(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
			for events.HasNext() {
				event, err := events.Next()
				s.must(err)
				if strings.Contains(strings.ReplaceAll(prototext.Format(event), `\"`, `"`), text) {
					found++
					break
				}
			}
		}
		if page = list.GetNextPageToken(); len(page) == 0 {
			break
		}
	}
	if seen < 10 {
		s.t.Fatalf("only %d workflows are listed", seen)
	}
	return found
}

// tablesWith names the tables of our database with a row whose text holds another.
func (s *scene) tablesWith(ctx context.Context, text string) []string {
	s.t.Helper()
	rows, err := s.Parts.DB.Pool().Query(ctx, `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`)
	s.must(err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	s.must(err)
	var found []string
	for _, table := range tables {
		var n int
		query := fmt.Sprintf(`SELECT count(*) FROM %s t WHERE strpos(t::text, $1) > 0`, pgx.Identifier{table}.Sanitize())
		s.must(s.Parts.DB.Pool().QueryRow(ctx, query, text).Scan(&n))
		if n > 0 {
			found = append(found, fmt.Sprintf("%s (%d)", table, n))
		}
	}
	return found
}
