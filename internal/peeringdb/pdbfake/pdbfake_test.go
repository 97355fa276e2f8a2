package pdbfake_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerflow/internal/capture"
	"peerflow/internal/peering"
	"peerflow/internal/peeringdb/pdbfake"
)

var at = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

type envelope struct {
	Data []map[string]any `json:"data"`
	Meta map[string]any   `json:"meta"`
}

func setup() *pdbfake.Server {
	fake := pdbfake.New(pdbfake.Synthetic(at)...)
	fake.Now = func() time.Time { return at }
	return fake
}

func get(t *testing.T, fake http.Handler, path string, header ...string) (*httptest.ResponseRecorder, envelope) {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, path, nil)
	if len(header) > 0 {
		req.Header.Set("Authorization", header[0])
	}
	w := httptest.NewRecorder()
	fake.ServeHTTP(w, req)
	var e envelope
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
		t.Fatalf("%s: %v in %s", path, err, w.Body)
	}
	return w, e
}

func TestLists(t *testing.T) {
	t.Parallel()
	fake := setup()
	fake.Delete(peering.PDBPorts, 4, at)
	since := fmt.Sprint(at.Unix())
	tests := map[string]struct {
		path string
		want int
	}{
		"a list without parameters shows rows with status ok": {"/api/netixlan", 18},
		"since shows tombstones":                              {"/api/netixlan?since=1", 19},
		"since is inclusive":                                  {"/api/netixlan?since=" + since, 1},
		"since takes a fraction and drops it":                 {"/api/netixlan?since=" + since + ".9", 1},
		"a filter on a field":                                 {"/api/netixlan?asn=64501", 3},
		"a filter with several values":                        {"/api/netixlan?net_id__in=100,101", 5},
		"two filters must both match":                         {"/api/netixlan?asn=64501&ixlan_id=2", 1},
		"an unknown filter is ignored":                        {"/api/netixlan?aasn=64501", 18},
		"limit and skip page":                                 {"/api/netixlan?limit=10&skip=10", 8},
		"limit 0 is no limit":                                 {"/api/netixlan?limit=0", 18},
		"a single object comes as a list of one":              {"/api/netixlan/5", 1},
		"a tombstone is found by since and id":                {"/api/netixlan?since=1&id=4", 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if w, e := get(t, fake, test.path); w.Code != http.StatusOK || len(e.Data) != test.want {
				t.Errorf("HTTP %d, %d rows, want %d", w.Code, len(e.Data), test.want)
			}
		})
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	fake := setup()
	updates := func(path string) (out []string) {
		_, e := get(t, fake, path)
		for _, row := range e.Data {
			out = append(out, row["updated"].(string))
		}
		return out
	}
	if got := updates("/api/net?since=1"); !slices.IsSorted(got) {
		t.Errorf("with since, oldest come first: %v", got)
	}
	got := updates("/api/net")
	slices.Reverse(got)
	if !slices.IsSorted(got) {
		t.Errorf("without since, newest come first: %v", got)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	fake := setup()
	fake.Keys = []string{"good"}
	fake.Delete(peering.PDBPorts, 4, at)
	tests := map[string]struct {
		path, header string
		want         int
		auth         string
	}{
		"no header is the anonymous view": {"/api/net", "", 200, "unauthenticated"},
		"a good key":                      {"/api/net", "Api-Key good", 200, "authenticated"},
		"a bad key is not anonymous":      {"/api/net", "Api-Key bad", 401, "unauthenticated"},
		"basic authentication is over":    {"/api/net", "Basic eDp5", 403, "unauthenticated"},
		"another scheme can't be parsed":  {"/api/net", "Bearer good", 400, "unauthenticated"},
		"an unknown type":                 {"/api/nets", "", 404, "unauthenticated"},
		"an unknown id":                   {"/api/net/9999", "", 404, "unauthenticated"},
		"a deleted id":                    {"/api/netixlan/4", "", 404, "unauthenticated"},
		"since must be a time":            {"/api/net?since=yesterday", "", 400, "unauthenticated"},
		"limit must be a number":          {"/api/net?limit=all", "", 400, "unauthenticated"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var header []string
			if test.header != "" {
				header = []string{test.header}
			}
			w, e := get(t, fake, test.path, header...)
			if w.Code != test.want || w.Header().Get("X-Auth-Status") != test.auth {
				t.Errorf("HTTP %d, %s", w.Code, w.Header().Get("X-Auth-Status"))
			}
			if _, told := e.Meta["error"]; told != (test.want != 200) {
				t.Errorf("meta is %v", e.Meta)
			}
		})
	}
}

func TestDepthCutsAt250(t *testing.T) {
	t.Parallel()
	fake := pdbfake.New(pdbfake.Large(10, 300, at)...)
	if _, e := get(t, fake, "/api/netixlan?depth=1"); len(e.Data) != 250 || e.Meta["truncated"] == nil {
		t.Errorf("%d rows, meta %v", len(e.Data), e.Meta)
	}
	if _, e := get(t, fake, "/api/netixlan?depth=0"); len(e.Data) != 300 || e.Meta["truncated"] != nil {
		t.Errorf("%d rows, meta %v", len(e.Data), e.Meta)
	}
}

func TestFrozenCache(t *testing.T) {
	t.Parallel()
	fake := setup()
	fake.FreezeCache()
	fake.Now = func() time.Time { return at.Add(time.Hour) }
	fake.Delete(peering.PDBPorts, 4, at.Add(time.Hour))
	if _, e := get(t, fake, "/api/netixlan"); len(e.Data) != 19 || e.Meta["generated"] != float64(at.Unix()) {
		t.Errorf("a full list comes from the cache: %d rows, %v", len(e.Data), e.Meta)
	}
	if _, e := get(t, fake, "/api/netixlan?limit=100"); len(e.Data) != 18 || len(e.Meta) != 0 {
		t.Errorf("a limited one is live: %d rows, %v", len(e.Data), e.Meta)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	fake := pdbfake.New(pdbfake.Large(200, 10, at)...)
	now := at
	fake.Now = func() time.Time { return now }
	fake.Keys = []string{"good"}
	fake.EnforceLimits()
	status := func(path string, header ...string) int {
		w, _ := get(t, fake, path, header...)
		return w.Code
	}
	if a, b := status("/api/net"), status("/api/net"); a != 200 || b != 429 {
		t.Errorf("the same large answer twice: %d, %d", a, b)
	}
	if w, _ := get(t, fake, "/api/net"); w.Header().Get("Retry-After") != "3600" {
		t.Errorf("Retry-After is %s", w.Header().Get("Retry-After"))
	}
	if got := status("/api/net", "Api-Key good"); got != 200 {
		t.Errorf("with a key: %d", got)
	}
	if a, b, c := status("/api/netixlan"), status("/api/netixlan"), status("/api/netixlan"); a != 200 || b != 200 || c != 429 {
		t.Errorf("the same small answer thrice: %d, %d, %d", a, b, c)
	}
	var last int
	for i := range 18 {
		last = status(fmt.Sprintf("/api/netixlan?id=%d", i))
	}
	if last != 429 {
		t.Errorf("the 21st request of a minute: %d", last)
	}
	now = now.Add(time.Hour)
	if got := status("/api/net"); got != 200 {
		t.Errorf("an hour later: %d", got)
	}
}

func TestSyntheticUsesDocumentationNumbers(t *testing.T) {
	t.Parallel()
	for _, row := range pdbfake.Synthetic(at) {
		if row.Head().Updated.After(at) {
			t.Errorf("%s %d is updated after the time asked for", row.PDBType(), row.Head().ID)
		}
		if n, ok := row.(*peering.PDBNetwork); ok && !n.ASN.Documentation() {
			t.Errorf("%s is no documentation number", n.ASN)
		}
	}
}

// The field set and order of fields must be those of real answers (2026-04).
func TestShapeIsTheRealOne(t *testing.T) {
	t.Parallel()
	dir := sample(t)
	real := pdbfake.New()
	if err := real.Load(dir); err != nil {
		t.Fatal(err)
	}
	for _, typ := range peering.PDBTypes {
		_, captured := get(t, real, "/api/"+string(typ))
		_, ours := get(t, setup(), "/api/"+string(typ))
		want := slices.Sorted(maps.Keys(captured.Data[0]))
		// Shown to some callers only, by the exchange's choice.
		want = slices.DeleteFunc(want, func(f string) bool { return f == "ixf_ixp_member_list_url" })
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(ours.Data[0]))); diff != "" {
			t.Errorf("%s: fields of real rows (-) and ours (+):\n%s", typ, diff)
		}
		if want := map[bool]int{true: 40, false: 500}[typ == peering.PDBContacts]; len(captured.Data) != want {
			t.Errorf("%s: %d rows loaded, want %d", typ, len(captured.Data), want)
		}
	}
}

// sample is the folder of real answers.
func sample(t *testing.T) string {
	t.Helper()
	return capture.Need(t, "peeringdb", "sample-2026-04")
}
