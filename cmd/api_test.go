package cmd

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"
)

func TestNounsAreCreatedReadEditedAndDeletedByVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.wants(b.do("admin", "POST", "/api/v1/autonomous-systems", `{"asn": 64501, "name": "Example", "prefix_limits": {"ipv4": 100, "ipv6": "unlimited"}}`), 201, `"asn":64501`)
	if made.header.Get("Etag") != `"1"` {
		t.Errorf("ETag %s, want version 1", made.header.Get("Etag"))
	}
	at := made.header.Get("Location")
	b.wants(b.do("admin", "GET", at, ""), 200, `"ipv6":"unlimited"`)
	b.wants(b.do("admin", "PATCH", at, `{"name": "Other"}`), 428, "If-Match")
	b.wants(b.do("admin", "PATCH", at, `{"name": "Other"}`, "If-Match", `"1"`), 200, `"name":"Other"`)
	b.wants(b.do("admin", "PATCH", at, `{"name": "Third"}`, "If-Match", `"1"`), 412, "version")
	b.wants(b.do("admin", "PATCH", at, `{"nam": "Third"}`, "If-Match", `"2"`), 422, "nam")
	b.wants(b.do("admin", "DELETE", at, "", "If-Match", `"1"`), 412, "")
	b.wants(b.do("admin", "DELETE", at, "", "If-Match", `"2"`), 204, "")
	b.wants(b.do("admin", "GET", at, ""), 404, "not_found")
	b.wants(b.do("admin", "POST", "/api/v1/autonomous-systems", `{"asnn": 64501}`), 422, "asnn")
}

func TestListsTakeFiltersAndPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for asn := 64501; asn <= 64505; asn++ {
		b.wants(b.do("admin", "POST", "/api/v1/autonomous-systems", fmt.Sprintf(`{"asn": %d, "name": "net %d"}`, asn, asn)), 201, "")
	}
	var page struct {
		Items []struct{ ASN int }
		Next  string
	}
	list := func(query string) []int {
		t.Helper()
		page.Next = ""
		b.wants(b.do("admin", "GET", "/api/v1/autonomous-systems"+query, ""), 200, "").into(t, &page)
		var asns []int
		for _, i := range page.Items {
			asns = append(asns, i.ASN)
		}
		return asns
	}
	for query, want := range map[string]string{
		"?asn=64501&asn=64502":    "[64501 64502]",
		"?name__ic=NET+64503":     "[64503]",
		"?asn__gte=64504":         "[64504 64505]",
		"?asn__n=64501&limit=2":   "[64502 64503]",
		"?name__isw=nothing+here": "[]",
	} {
		if got := fmt.Sprint(list(query)); got != want {
			t.Errorf("%s lists %s, want %s", query, got, want)
		}
	}
	first := list("?limit=3")
	if rest := list("?limit=3&cursor=" + page.Next); fmt.Sprintf("%v %v %q", first, rest, page.Next) != `[64501 64502 64503] [64504 64505] ""` {
		t.Errorf("pages %v and %v, next %q", first, rest, page.Next)
	}
	b.wants(b.do("admin", "GET", "/api/v1/autonomous-systems?nme=x", ""), 422, `did you mean \"name\"`)
	b.wants(b.do("admin", "GET", "/api/v1/freezes?liftd=true", ""), 422, `did you mean \"lifted\"`)
}

func TestPeeringStartsAChangeOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.wants(b.do("admin", "POST", "/api/v1/peerings", `{"asn": 64501}`, "Idempotency-Key", "key-0001"), 202, `"state":"draft"`)
	if first.header.Get("Location") != "/api/v1/changes/1" || b.flows.starts != 1 {
		t.Errorf("Location %s, %d starts", first.header.Get("Location"), b.flows.starts)
	}
	again := b.wants(b.do("admin", "POST", "/api/v1/peerings", `{"asn": 64501}`, "Idempotency-Key", "key-0001"), 202, `"id":1`)
	if again.header.Get("Idempotency-Replayed") != "true" {
		t.Error("the second answer doesn't say that it is one")
	}
	b.wants(b.do("admin", "POST", "/api/v1/peerings", `{"asn": 64502}`, "Idempotency-Key", "key-0001"), http.StatusConflict, "Idempotency-Key")
	b.wants(b.do("admin", "POST", "/api/v1/peerings", `{"asn": 64502}`), 422, `"detail":"send a header Idempotency-Key with 8 to 128 letters of your choice`)
	b.wants(b.do("admin", "POST", "/api/v1/changes", `{"kind": "deploy", "router_ids": [1]}`, "Idempotency-Key", "short"), 422, `"detail":"send a header Idempotency-Key`)
	b.wants(b.do("admin", "GET", first.header.Get("Location"), ""), 200, `"kind":"provision"`)
	b.flows.down = fmt.Errorf("no Temporal")
	b.wants(b.do("admin", "POST", "/api/v1/peerings", `{"asn": 64502}`, "Idempotency-Key", "key-0002"), 202, `"id":2`)
}

// The deadline of a request's body once ended every operation after 5 s.
func TestAnOperationThatWaitsForALockGoesOnWithIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	c := b.planned()
	tx, err := b.db.Pool().Begin(t.Context())
	b.must(err)
	_, err = tx.Exec(t.Context(), "SELECT 1 FROM change WHERE id = $1 FOR UPDATE", c.ID)
	b.must(err)
	time.AfterFunc(6*time.Second, func() { _ = tx.Rollback(context.Background()) })
	b.wants(b.do("admin", "POST", pathOf(c, "cancel"), ""), 202, `"kind":"cancel"`)
}

// An id that a caller chose would meet the next object's own some day.
func TestACallerDoesNotChooseIDs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	open := func(id, key string) reply {
		return b.do("admin", "POST", "/api/v1/changes", `{"kind": "maintenance", "operations": [{"router_id": 1, "object": "session", "action": "create"`+id+`,
			"patch": {"peering_id": 1, "router_id": 1, "connection_id": 1, "peer_address": "198.51.100.3", "peer_asn": 64501}}]}`, "Idempotency-Key", key)
	}
	b.wants(open(`, "object_id": 4711`, "chosen-id"), 422, "operation 1 creates a session with object_id 4711: leave it out")
	b.wants(open("", "given-id"), 202, `"state":"draft"`)
	ops, err := b.db.Overlay(t.Context(), 1)
	if err != nil || len(ops) != 1 || ops[0].ObjectID != 2 {
		t.Errorf("%+v, %v: want the session's own next id, 2", ops, err)
	}
}
