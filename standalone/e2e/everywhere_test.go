package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/prototext"

	"peerflow/cmd"
	"peerflow/db"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// nowhere looks for clear texts, given by what they are, in everything that
// people or backups look at: each answer of the API, each command line that
// reads, each history, each table, and each byte of the data folder, logs among them.
func (b *bed) nowhere(clears map[string]string) {
	b.t.Helper()
	b.oneOfEach()
	places := map[string]string{"what peerflow up said": b.said.String()}
	for _, found := range []map[string]string{b.answers(), b.commandLines(), b.histories(), b.tables()} {
		for place, text := range found {
			places[place] = text
		}
	}
	for place, text := range places {
		for what, clear := range clears {
			if strings.Contains(text, clear) {
				b.t.Errorf("%s shows %s", place, what)
			}
		}
	}
	b.must(filepath.WalkDir(b.Dir(), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil //nolint:nilerr // it went away, or is a socket
		}
		text, _ := os.ReadFile(path) // it may have gone away
		for what, clear := range clears {
			if bytes.Contains(text, []byte(clear)) {
				b.t.Errorf("file %s holds %s", path, what)
			}
		}
		return nil
	}))
}

// answers is what every documented GET says, for every record that there is.
// Each operation has to answer well at least once.
func (b *bed) answers() map[string]string {
	b.t.Helper()
	var spec struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name string }
		}
	}
	_, text := b.get("/openapi.json")
	b.must(json.Unmarshal([]byte(text), &spec))
	var paths []string
	for path, operations := range spec.Paths {
		if _, reads := operations["get"]; reads {
			paths = append(paths, path)
		}
	}
	slices.SortFunc(paths, func(p, q string) int { return strings.Count(p, "{") - strings.Count(q, "{") }) // lists first
	said, ids := map[string]string{}, map[string][]string{"/api/v1/secrets": b.each(`SELECT name FROM secret`), "/api/v1/deployments": b.each(`SELECT id::text FROM deployment`)}
	for _, path := range paths {
		urls := []string{path}
		if list, rest, one := strings.Cut(path, "/{"); one {
			urls = nil
			_, rest, _ = strings.Cut(rest, "}")
			for _, id := range ids[list] {
				urls = append(urls, list+"/"+url.PathEscape(id)+rest)
			}
			if strings.Contains(rest, "/{hash}/") {
				urls = b.artifacts(path)
			}
		} else if slices.ContainsFunc(spec.Paths[path]["get"].Parameters, func(p struct{ Name string }) bool { return p.Name == "limit" }) {
			urls[0] += "?limit=500"
		}
		well := 0
		for _, u := range urls {
			status, text := b.get(u)
			said["GET "+u] = text
			if status == http.StatusOK {
				well++
			}
			if _, known := ids[path]; !known && !strings.Contains(path, "{") {
				ids[path] = b.listed(u, text)
			}
		}
		if well == 0 {
			b.t.Errorf("GET %s never answered well (tried %d): this proves nothing of it", path, len(urls))
		}
	}
	if len(paths) < 40 {
		b.t.Errorf("only %d operations are documented: %s", len(paths), paths)
	}
	return said
}

// artifacts puts every router's planned artifacts into a path that names one of each.
func (b *bed) artifacts(path string) (urls []string) {
	b.t.Helper()
	ctx := context.Background()
	rows, err := b.Parts.DB.Pool().Query(ctx, "SELECT DISTINCT router_id, artifact_hash FROM plan_router ORDER BY 1, 2")
	b.must(err)
	var router int64
	var hash string
	_, err = pgx.ForEachRow(rows, []any{&router, &hash}, func() error {
		urls = append(urls, strings.NewReplacer("{id}", fmt.Sprint(router), "{hash}", hash).Replace(path))
		return nil
	})
	b.must(err)
	return urls
}

// listed are the ids on a list, which has to be whole.
func (b *bed) listed(path, text string) (ids []string) {
	b.t.Helper()
	var page struct {
		Items []struct{ ID int64 }
		Next  string
	}
	b.must(json.Unmarshal([]byte(text), &page))
	if page.Next != "" {
		b.t.Errorf("GET %s has more pages", path)
	}
	for _, item := range page.Items {
		ids = append(ids, fmt.Sprint(item.ID))
	}
	return ids
}

// get reads a page as the administrator; of a stream, what comes at once.
func (b *bed) get(path string) (status int, text string) {
	b.t.Helper()
	patience := 40 * time.Second
	if strings.HasSuffix(path, "/events") {
		patience = 2 * time.Second
	}
	return b.request(http.MethodGet, path, "", patience)
}

// post sends JSON as the administrator, under a key of its own.
func (b *bed) post(path, body string) (status int, text string) {
	b.t.Helper()
	return b.request(http.MethodPost, path, body, 40*time.Second)
}

func (b *bed) request(method, path, body string, patience time.Duration) (status int, text string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, b.URL+path, strings.NewReader(body))
	b.must(err)
	r.Header.Set("Authorization", "Bearer "+b.Token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", body)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Errorf("%s %s: %v", method, path, err)
		return 0, ""
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil && ctx.Err() == nil {
		b.t.Errorf("%s %s: %v", method, path, err)
	}
	return answer.StatusCode, string(said)
}

// showing are the commands that read one record, by their last word; list and
// version read without one, change paste has something to show on a router in mode
// propose alone (TestAPersonPastesWhatWasApproved), and every other command changes something.
var showing = []string{"show", "why", "diff", "adopt", "watch"}

// commandLines is what each command prints that reads, for people and as JSON,
// for every record that there is: of router show, /api/v1/routers has them.
func (b *bed) commandLines() map[string]string {
	b.t.Helper()
	said := map[string]string{}
	for _, command := range leaves(cmd.Root()) {
		words := strings.Fields(command)
		verb, lines := words[len(words)-1], [][]string{words}
		switch {
		case verb == "list", verb == "version":
		case command == "peering ask", command == "irr show":
			lines = [][]string{append(words, askedAS.String())}
		case slices.Contains(showing, verb):
			lines = nil
			path := "/api/v1/" + words[0] + "s?limit=500"
			_, text := b.get(path)
			for _, id := range b.listed(path, text) {
				if command == "router why" { // all lines: each has a blank
					lines = append(lines, append(slices.Clone(words), id, " "))
					continue
				}
				if verb != "watch" || b.over(id) {
					lines = append(lines, append(slices.Clone(words), id))
				}
			}
			if len(lines) == 0 {
				b.t.Errorf("peerflow %s has nothing to show: this proves nothing of it", command)
			}
		default:
			continue
		}
		for _, line := range lines {
			said["peerflow "+strings.Join(line, " ")] = b.output(line...)
			said["peerflow "+strings.Join(line, " ")+" --json"] = b.output(append(line, "--json")...)
		}
	}
	if len(said) < 20 {
		b.t.Errorf("only %d command lines read: this proves nothing", len(said))
	}
	return said
}

// over reports that a change ended, so that following it ends too.
func (b *bed) over(change string) bool {
	b.t.Helper()
	_, text := b.get("/api/v1/changes/" + change)
	var c peering.Change
	b.must(json.Unmarshal([]byte(text), &c))
	return c.State.Ended()
}

// output is all that a command line prints.
func (b *bed) output(args ...string) string {
	b.t.Helper()
	env := map[string]string{"PEERFLOW_API": b.URL, "PEERFLOW_TOKEN": b.Token}
	var out bytes.Buffer
	code := cmd.Run(context.Background(), args, func(k string) string { return env[k] }, strings.NewReader(""), &out, &out)
	if out.Len() == 0 || code == 2 || code == 4 {
		b.t.Errorf("peerflow %s: exit %d, %q", strings.Join(args, " "), code, out.String())
	}
	return out.String()
}

// leaves are the commands that do something, as people type them.
func leaves(c *cobra.Command) (names []string) {
	for _, sub := range c.Commands() {
		if more := leaves(sub); len(more) > 0 {
			names = append(names, more...)
			continue
		}
		if sub.Runnable() {
			names = append(names, strings.TrimPrefix(sub.CommandPath(), "peerflow "))
		}
	}
	return names
}

// histories prints every event of every workflow in the namespace, running or closed.
func (b *bed) histories() map[string]string {
	b.t.Helper()
	ctx, texts := context.Background(), map[string]string{}
	kinds := map[string]bool{}
	request := &workflowservice.ListWorkflowExecutionsRequest{PageSize: 200}
	for more := true; more; more = len(request.GetNextPageToken()) > 0 {
		list, err := b.Parts.Temporal.ListWorkflow(ctx, request)
		b.must(err)
		request.NextPageToken = list.GetNextPageToken()
		for _, w := range list.GetExecutions() {
			var text strings.Builder
			at := w.GetExecution()
			events := b.Parts.Temporal.GetWorkflowHistory(ctx, at.GetWorkflowId(), at.GetRunId(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
			for events.HasNext() {
				event, err := events.Next()
				b.must(err)
				text.WriteString(strings.ReplaceAll(prototext.Format(event), `\"`, `"`))
			}
			kinds[w.GetType().GetName()] = true
			texts["history of "+at.GetWorkflowId()+" "+at.GetRunId()] = text.String() + prototext.Format(w)
		}
	}
	for _, kind := range []string{"DeployChange", "ServeRouter", "DeployRouter", "PollRouter", "CompareRouter"} {
		if !kinds[kind] {
			b.t.Errorf("no workflow %s ran: this proves nothing of it", kind)
		}
	}
	return texts
}

// tables is every row of our database as text.
func (b *bed) tables() map[string]string {
	b.t.Helper()
	ctx, texts := context.Background(), map[string]string{}
	rows, err := b.Parts.DB.Pool().Query(ctx, `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`)
	b.must(err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	b.must(err)
	for _, name := range names {
		var text string
		query := fmt.Sprintf(`SELECT coalesce(string_agg(t::text, E'\n'), '') FROM %s t`, pgx.Identifier{name}.Sanitize())
		b.must(b.Parts.DB.Pool().QueryRow(ctx, query).Scan(&text))
		texts["table "+name] = text
	}
	if texts["table secret"] == "" || texts["table change_log"] == "" {
		b.t.Error("the tables hold nothing: this proves nothing")
	}
	return texts
}

// each is a query's only column: what names the records that no list has by an id.
func (b *bed) each(query string) []string {
	b.t.Helper()
	rows, err := b.Parts.DB.Pool().Query(context.Background(), query)
	b.must(err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	b.must(err)
	return names
}

// oneOfEach records what there is none of, so that each operation has something to show.
func (b *bed) oneOfEach() {
	b.t.Helper()
	d := b.Parts.DB
	if _, err := b.Parts.Workflows.SyncRun(context.Background()); err != nil { // nobody asked for one yet
		_, err = b.Parts.Workflows.SyncNow(context.Background(), false)
		b.must(err)
	}
	us, err := d.AutonomousSystems().List(context.Background(), []peering.Filter{{Field: "local", Values: []string{"true"}}}, peering.Page{Limit: 1})
	b.must(err)
	routers, err := d.AllRouters(context.Background())
	b.must(err)
	class := atLeastOne(b, d.Relationships(), peering.Relationship{Slug: "customer", Name: "Customer", Role: "provider"})
	ixp := atLeastOne(b, d.IXPs(), peering.IXP{Slug: "ix9", Name: "Exchange 9", LocalASID: us.Items[0].ID, RelationshipID: class.ID, Mesh: peering.OnePerPeerPort, Agreement: peering.AskFirst})
	atLeastOne(b, d.Connections(), peering.Connection{IXPID: ixp.ID, RouterID: routers[0].ID, State: peering.ConnectionEnabled,
		IPv4: netip.MustParseAddr("192.0.2.9"), IPv4LAN: netip.MustParsePrefix("192.0.2.0/24")})
	atLeastOne(b, d.BGPGroups(), peering.BGPGroup{Slug: "group", Name: "Group", RelationshipID: class.ID})
	b.oneAsked(us.Items[0].ID, routers[0].ID, class.ID)
	atLeastOne(b, d.Communities(), peering.Community{Slug: "learned-here", Value: "64500:100"})
	atLeastOne(b, d.Tags(), peering.Tag{Slug: "canary"})
	atLeastOne(b, d.BFD(), peering.BFD{Slug: "fast"})
	atLeastOne(b, d.ConfigContexts(), peering.ConfigContext{Name: "shared"})
	atLeastOne(b, d.Contacts(), peering.Contact{Name: "NOC"})
	atLeastOne(b, d.ContactRoles(), peering.ContactRole{Slug: "noc"})
	atLeastOne(b, d.ApprovalRules(), peering.ApprovalRule{Name: "renumbering", Kinds: []peering.ChangeKind{peering.KindRenumber}, Terms: peering.Terms{VotesNeeded: 2}})
}

// askedAS is a network that was asked to peer.
const askedAS bgp.ASN = 64505

// oneAsked records an exchange of its own, where a network that PeeringDB knows was asked.
func (b *bed) oneAsked(localAS, router, class int64) {
	b.t.Helper()
	ctx, d, lan, asked := context.Background(), b.Parts.DB, int64(90), netip.MustParseAddr("198.51.100.10")
	ixp, err := d.IXPs().Create(ctx, b.admin, peering.IXP{Slug: "asked", Name: "Asked", LocalASID: localAS, RelationshipID: class, IXLANID: lan})
	b.must(err)
	_, err = d.Connections().Create(ctx, b.admin, peering.Connection{IXPID: ixp.ID, RouterID: router, State: peering.ConnectionEnabled,
		IPv4: netip.MustParseAddr("198.51.100.9"), IPv4LAN: netip.MustParsePrefix("198.51.100.0/24")})
	b.must(err)
	head := peering.PDBHead{ID: 900, Status: peering.PDBOK, Created: time.Now(), Updated: time.Now()}
	b.must(db.NewPeeringDBMirror(d.Pool()).LoadNetwork(ctx, askedAS, time.Now(), []peering.PDBRow{
		&peering.PDBNetwork{PDBHead: head, OrgID: 1, ASN: askedAS, Name: "Asked"},
		&peering.PDBPort{PDBHead: head, NetID: 900, LANID: lan, ASN: askedAS, IPv4: asked, Operational: true}}))
	network, err := d.AutonomousSystems().Create(ctx, b.admin, peering.AutonomousSystem{ASN: askedAS, Name: "Asked"})
	b.must(err)
	_, err = d.Peerings().Create(ctx, b.admin, peering.Peering{LocalASID: localAS, PeerASID: network.ID, IXPID: ixp.ID, State: peering.RequestedByUs})
	b.must(err)
}

func atLeastOne[T any](b *bed, n db.Noun[T], v T) T {
	b.t.Helper()
	list, err := n.List(context.Background(), nil, peering.Page{Limit: 1})
	b.must(err)
	if len(list.Items) > 0 {
		return list.Items[0]
	}
	v, err = n.Create(context.Background(), b.admin, v)
	b.must(err)
	return v
}
