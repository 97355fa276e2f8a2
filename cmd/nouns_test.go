package cmd

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// spec is as much of the OpenAPI document as these tests look at.
type spec struct {
	OpenAPI    string
	Paths      map[string]map[string]specOperation
	Components struct{ SecuritySchemes map[string]any }
	Security   []map[string][]string
}

type specOperation struct {
	Summary, Description, OperationID string
	Tags                              []string
	Parameters                        []specParameter
	Responses                         map[string]any
	RequestBody                       *struct{ Content map[string]any }
}

type specParameter struct {
	Name, In string
	Explode  bool
	Schema   struct {
		Type  any
		Items struct {
			Type, Format, Description string
			Enum                      []string
		}
	}
}

func (b *bench) spec() (s spec) {
	b.Helper()
	b.wants(b.do("admin", "GET", "/openapi.json", ""), 200, "").into(b.T, &s)
	return s
}

func TestEveryOperationIsDescribed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.spec()
	if s.OpenAPI[:3] != "3.1" || len(s.Security) == 0 || len(s.Components.SecuritySchemes) == 0 {
		t.Errorf("version %s, security %v of %v", s.OpenAPI, s.Security, s.Components.SecuritySchemes)
	}
	ids := map[string]bool{}
	for path, operations := range s.Paths {
		for method, o := range operations {
			at := strings.ToUpper(method) + " " + path
			if o.Summary == "" || len(o.Tags) != 1 || ids[o.OperationID] || !strings.Contains(o.Description, "Needs the role ") {
				t.Errorf("%s: summary %q, tags %v, id %s, description %q", at, o.Summary, o.Tags, o.OperationID, o.Description)
			}
			ids[o.OperationID] = true
			want := []string{"401", "403", "422"}
			if strings.Contains(path, "{") {
				want = append(want, "404")
			}
			if method == "patch" {
				want = append(want, "409", "412")
			}
			if method == "patch" && !strings.HasSuffix(path, "/bulk") {
				want = append(want, "428") // each item of a list has its version in it
			}
			for _, status := range want {
				if o.Responses[status] == nil {
					t.Errorf("%s doesn't say when it answers %s", at, status)
				}
			}
		}
	}
}

// writable says for each noun what an edit of the network's first record is; the
// nouns that the document lists and that aren't here fail the test.
var writable = map[string]string{
	"autonomous-systems": `{"comments": "edited"}`,
	"relationships":      `{"name": "edited"}`,
	"sites":              `{"name": "edited"}`,
	"platforms":          `{"name": "edited"}`,
	"templates":          `{"body": "edited"}`,
	"routers":            `{"username": "edited"}`,
	"exchanges":          `{"name": "edited"}`,
	"connections":        `{"description": "edited"}`,
	"bgp-groups":         `{"name": "edited"}`,
	"routing-policies":   `{"name": "edited"}`,
	"peerings":           `{"reason": "edited"}`,
	"sessions":           `{"description": "edited"}`,
	"approval-rules":     `{"name": "edited"}`,
	"communities":        `{"name": "edited"}`,
	"tags":               `{"name": "edited"}`,
	"bfd":                `{"name": "edited"}`,
	"contacts":           `{"title": "edited"}`,
	"contact-roles":      `{"name": "edited"}`,
	"config-contexts":    `{"description": "edited"}`,
}

func TestNounsKeepTheSamePromises(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	for path, operations := range b.spec().Paths {
		noun := strings.TrimPrefix(strings.TrimSuffix(path, "/{id}"), "/api/v1/")
		if _, edits := operations["patch"]; !edits || strings.HasSuffix(path, "/bulk") { // lists of them: see promises
			continue
		}
		edit, known := writable[noun]
		if !known {
			t.Errorf("%s takes edits: say here what one is", noun)
			continue
		}
		t.Run(noun, func(t *testing.T) { b.promises("/api/v1/"+noun, edit) })
	}
}

func (b *bench) promises(path, edit string) {
	b.Helper()
	one := path + "/1"
	tag := b.wants(b.do("admin", "GET", one, ""), 200, `"id":1`).header.Get("Etag")
	b.wants(b.do("admin", "PATCH", one, edit), 428, "If-Match")
	b.wants(b.do("admin", "PATCH", one, edit, "If-Match", `"99"`), 412, "version")
	b.wants(b.do("admin", "PATCH", one, edit, "If-Match", "x"), 412, "ETag")
	b.wants(b.do("admin", "PATCH", one, `{"no_such_field": 1}`, "If-Match", tag), 422, "no_such_field")
	b.wants(b.do("admin", "PATCH", one, `[]`, "If-Match", tag), 422, "")
	edited := b.wants(b.do("admin", "PATCH", one, edit, "If-Match", tag), 200, "edited")
	if edited.header.Get("Etag") == tag {
		b.Errorf("%s: an edit leaves the ETag %s", path, tag)
	}
	again := b.wants(b.do("admin", "PATCH", one, edit, "If-Match", edited.header.Get("Etag")), 200, "")
	if again.header.Get("Etag") != edited.header.Get("Etag") {
		b.Errorf("%s: an edit that changes nothing moves the ETag", path)
	}
	b.wants(b.do("admin", "PATCH", path+"/999", edit, "If-Match", "*"), 404, "999")
	b.wants(b.do("admin", "GET", path+"/999", ""), 404, "999")
	b.wants(b.do("admin", "GET", path+"/x", ""), 422, "")
	b.wants(b.do("admin", "DELETE", one, ""), 428, "If-Match")
	b.wants(b.do("admin", "DELETE", one, "", "If-Match", tag), 412, "version")
	b.wants(b.do("admin", "GET", path+"?no_such_filter=1", ""), 422, "no_such_filter")
	b.wants(b.do("admin", "GET", path+"?ordering=name", ""), 422, "")
	b.wants(b.do("admin", "PATCH", one, strings.Replace(edit, "edited", `a\u0000b`, 1), "If-Match", "*"), 422, "")
	if path != "/api/v1/peerings" { // where POST starts a change
		b.wants(b.do("admin", "POST", path, `{"no_such_field": 1}`), 422, "no_such_field")
		b.wants(b.do("admin", "POST", path+"/bulk", `[{"no_such_field": 1}]`), 422, `"location":"body[0]"`)
	}
	item := func(version int) string { return fmt.Sprintf(`[{"id": 1, "version": %d, `, version) + edit[1:] + `]` }
	b.wants(b.do("admin", "PATCH", path+"/bulk", item(99)), 412, `"location":"body[0]"`)
	b.wants(b.do("admin", "PATCH", path+"/bulk", item(0)), 200, `"items":[{"id":1,"version":`)
	b.wants(b.do("admin", "DELETE", path+"/bulk", `[{"id": 1, "version": 99}]`), 412, `"location":"body[0]"`)
}

func TestEveryFilterThatIsDescribedFinds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	b.planned()
	for path, operations := range b.spec().Paths {
		for _, p := range operations["get"].Parameters {
			if p.In == "query" && p.Schema.Type == "array" {
				b.finds(path, p)
			}
		}
	}
}

// finds asks for a record by each value that it shows, and by what it isn't.
func (b *bench) finds(path string, p specParameter) {
	b.Helper()
	if !p.Explode {
		b.Errorf("%s?%s isn't repeated but joined", path, p.Name)
	}
	ids := func(query string) []int64 {
		var page struct{ Items []struct{ ID int64 } }
		b.wants(b.do("admin", "GET", path+"?"+query, ""), 200, "").into(b.T, &page)
		var list []int64
		for _, i := range page.Items {
			list = append(list, i.ID)
		}
		return list
	}
	for _, value := range p.Schema.Items.Enum {
		ids(url.Values{p.Name: {value}}.Encode())
	}
	var all struct{ Items []map[string]any }
	b.wants(b.do("admin", "GET", path, ""), 200, "").into(b.T, &all)
	for _, record := range all.Items {
		value, shown := scalar(record[p.Name])
		if !shown {
			continue
		}
		id := int64(record["id"].(float64))
		for _, values := range [][]string{{value}, {value, value}} { // one alone, and any of several
			if got := ids(url.Values{p.Name: values}.Encode()); !slices.Contains(got, id) {
				b.Errorf("%s?%s=%s finds %v, not %d", path, p.Name, values, got, id)
			}
		}
		if got := ids(url.Values{p.Name + "__n": {value}}.Encode()); slices.Contains(got, id) {
			b.Errorf("%s?%s__n=%s finds %d", path, p.Name, value, id)
		}
	}
}

// scalar is a value as a query holds it; false when the record shows none.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, v != ""
	case float64:
		return fmt.Sprint(int64(v)), v != 0 // 0 stands for none
	case bool:
		return fmt.Sprint(v), true
	}
	return "", false
}

func TestTheWorkListIsWhoseTurnItIs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network() // one session, whose peer we asked
	for query, want := range map[string]string{
		"sessions?turn=them": `"turn":"them"`, "sessions?turn=us": `"items":[]`, "sessions?turn__n=them": `"items":[]`, "sessions?display=requested": `"turn":"them"`,
		"sessions?turn=us&turn=them": `"turn":"them"`, "peerings?turn=them": `"turn":"them"`, "peerings?turn=exchange": `"items":[]`, "peerings?turn=us": `"items":[]`,
	} {
		b.wants(b.do("admin", "GET", "/api/v1/"+query, ""), 200, want)
	}
	b.wants(b.do("admin", "GET", "/api/v1/sessions?turn=me", ""), 422, "one of us, them")
	for i := 3; i < 9; i++ { // pages of what is derived are whole, too
		b.wants(b.do("admin", "POST", "/api/v1/sessions",
			fmt.Sprintf(`{"peering_id": 1, "router_id": 1, "connection_id": 1, "peer_address": "198.51.100.%d", "peer_asn": 64501}`, i)), 201, "")
	}
	seen := map[int64]int{}
	for cursor := ""; ; {
		var page struct {
			Items []struct{ ID int64 }
			Next  string
		}
		b.wants(b.do("admin", "GET", "/api/v1/sessions?turn=them&limit=2&ordering=-id&cursor="+cursor, ""), 200, "").into(t, &page)
		for _, i := range page.Items {
			seen[i.ID]++
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(seen) != 7 || slices.Max(slices.Collect(maps.Values(seen))) != 1 {
		t.Errorf("pages hold %v, want 7 sessions once each", seen)
	}
	code, stdout, stderr := b.cli("admin", "", "session", "list", "--turn", "them", "--json")
	var listed []json.RawMessage
	if err := json.Unmarshal([]byte(stdout), &listed); err != nil || code != exitOK || len(listed) != 7 {
		t.Errorf("exit %d, %d sessions: %s%s", code, len(listed), stdout, stderr)
	}
}
