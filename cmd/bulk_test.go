package cmd

import (
	"fmt"
	"strings"
	"testing"
)

func TestListsOfRecordsAreWrittenAsOneOrNotAtAll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network() // site 1 is ams
	const path = "/api/v1/sites/bulk"
	count := func(want int) {
		t.Helper()
		var n int
		b.must(b.db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM site`).Scan(&n))
		if n != want {
			t.Errorf("%d sites, want %d", n, want)
		}
	}
	b.wants(b.do("admin", "POST", path, `[{"slug": "fra"}, {"slug": "lon", "name": "London"}]`), 201, `{"items":[{"id":2,"version":1},{"id":3,"version":1}]}`)
	count(3)

	// One that can't be keeps all of them back, and each such one is named.
	wrong := b.do("admin", "POST", path, `[{"slug": "par"}, {"slug": "ams"}, {"slug": "Par is"}, {"slug": "par"}]`)
	b.wants(wrong, 409, `"location":"body[1]","message":"a site with this slug exists already"`)
	b.wants(wrong, 409, `"location":"body[2]"`)
	b.wants(wrong, 409, `"location":"body[3]"`)
	b.wants(wrong, 409, `3 of 4 items can't be written, so none was`)
	b.wants(b.do("admin", "POST", path, `[{"slug": "par", "nam": "Paris"}]`), 422, "nam")
	b.wants(b.do("admin", "POST", path, `[{"slug": "par", "id": 7}]`), 422, "leave them out")
	b.wants(b.do("admin", "POST", path, `[]`), 422, "1 to 500")
	b.wants(b.do("admin", "POST", path, `{"slug": "par"}`), 422, "body")
	many := strings.Repeat(`{"slug": "x"},`, 501)
	b.wants(b.do("admin", "POST", path, "["+many[:len(many)-1]+"]"), 422, "not of 501")
	count(3)

	b.wants(b.do("admin", "PATCH", path, `[{"id": 2, "version": 1, "name": "Frankfurt"}, {"id": 3, "version": 0, "name": "Docklands"}]`), 200,
		`{"items":[{"id":2,"version":2},{"id":3,"version":2}]}`)
	stale := b.do("admin", "PATCH", path, `[{"id": 3, "version": 2, "name": "Slough"}, {"id": 2, "version": 1, "name": "Main"}]`)
	b.wants(stale, 412, `"location":"body[1]"`)
	b.wants(b.do("admin", "GET", "/api/v1/sites/3", ""), 200, `"name":"Docklands"`)
	b.wants(b.do("admin", "PATCH", path, `[{"id": 3, "name": "Slough"}]`), 422, "the version that you read")
	b.wants(b.do("admin", "PATCH", path, `[{"id": 99, "version": 0}]`), 404, "99")

	b.wants(b.do("admin", "DELETE", path, `[{"id": 2, "version": 2}, {"id": 1, "version": 0}]`), 409, `"location":"body[1]"`)
	count(3)
	b.wants(b.do("admin", "DELETE", path, `[{"id": 2, "version": 2}, {"id": 3, "version": 2}]`), 200, `"version":0`)
	count(1)
	var logged int
	b.must(b.db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM change_log WHERE object = 'site' AND object_id IN (2, 3)`).Scan(&logged))
	if logged != 6 {
		t.Errorf("%d entries in the change log, want one per item written", logged)
	}
}

func TestManySessionsAreRecordedAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	item := func(last int) string {
		return fmt.Sprintf(`{"peering_id": 1, "router_id": 1, "connection_id": 1, "peer_address": "198.51.100.%d", "peer_asn": 64501}`, last)
	}
	b.wants(b.do("admin", "POST", "/api/v1/sessions/bulk", "["+item(10)+","+item(11)+"]"), 201, `"items":[{"id":`)
	b.wants(b.do("admin", "GET", "/api/v1/sessions?peer_address=198.51.100.11", ""), 200, `"sync":"not_deployed"`)
	again := b.do("admin", "POST", "/api/v1/sessions/bulk", "["+item(12)+","+item(11)+","+item(12)+"]")
	b.wants(again, 409, `"location":"body[1]","message":"this router has a session with this peer address`)
	b.wants(again, 409, `"location":"body[2]"`)
	b.wants(b.do("admin", "GET", "/api/v1/sessions?peer_address=198.51.100.12", ""), 200, `"items":[]`)
	b.wants(b.do("admin", "POST", "/api/v1/peerings/bulk", `[{}]`), 404, "")
	b.wants(b.do("", "POST", "/api/v1/sessions/bulk", "["+item(13)+"]"), 401, "")
}
