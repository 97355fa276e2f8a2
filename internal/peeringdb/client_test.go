package peeringdb_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/internal/peeringdb"
	"peerflow/internal/peeringdb/pdbfake"
)

var at = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// setup serves the synthetic set and gives a client without pace for it.
func setup(t *testing.T) (*pdbfake.Server, *peeringdb.Client) {
	t.Helper()
	fake := pdbfake.New(pdbfake.Synthetic(at)...)
	fake.Now = func() time.Time { return at }
	return fake, clientOf(t, fake)
}

func clientOf(t *testing.T, h http.Handler) *peeringdb.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return &peeringdb.Client{BaseURL: server.URL + "/api", Pace: -1}
}

// fetch reads a type to its end.
func fetch(t *testing.T, c *peeringdb.Client, typ peering.PDBType, since time.Time) ([]peering.PDBRow, *peeringdb.Meta, error) {
	t.Helper()
	stream, err := c.Fetch(t.Context(), typ, since)
	if err != nil {
		return nil, nil, err
	}
	var rows []peering.PDBRow
	for row, err := range stream.Rows {
		if err != nil {
			return rows, stream.Meta, err
		}
		rows = append(rows, row)
	}
	return rows, stream.Meta, nil
}

func TestFetch(t *testing.T) {
	t.Parallel()
	_, client := setup(t)
	t.Run("a full fetch brings every row and tells when it was built", func(t *testing.T) {
		for typ, want := range map[peering.PDBType]int{"org": 16, "fac": 2, "net": 14, "ix": 2, "ixlan": 2, "ixpfx": 4, "netixlan": 19, "netfac": 3, "poc": 3} {
			rows, meta, err := fetch(t, client, typ, time.Time{})
			if err != nil || len(rows) != want {
				t.Errorf("%s: %d rows, %v; want %d", typ, len(rows), err, want)
				continue
			}
			if !meta.Generated.Equal(at) || meta.AuthStatus != "unauthenticated" {
				t.Errorf("%s: meta is %+v", typ, meta)
			}
		}
	})
	t.Run("null addresses and figures are read as none", func(t *testing.T) {
		rows, _, err := fetch(t, client, peering.PDBPorts, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(rows, func(r peering.PDBRow) bool {
			return r.(*peering.PDBPort).ASN == 64503 && r.(*peering.PDBPort).LANID == 1
		})
		port := rows[i].(*peering.PDBPort)
		if port.IPv4 != netip.MustParseAddr("192.0.2.13") || port.IPv6.IsValid() || port.Speed != 10000 || !port.Operational {
			t.Errorf("port is %+v", port)
		}
	})
	t.Run("since is inclusive: the boundary row comes again", func(t *testing.T) {
		all, _, _ := fetch(t, client, peering.PDBNetworks, time.Time{})
		newest := all[0].Head() // lists come newest first
		rows, _, err := fetch(t, client, peering.PDBNetworks, newest.Updated)
		if err != nil || len(rows) != 1 || rows[0].Head().ID != newest.ID {
			t.Errorf("rows %v, %v", rows, err)
		}
	})
}

func TestTombstonesComeOnlyWithSince(t *testing.T) {
	t.Parallel()
	fake, client := setup(t)
	fake.Delete(peering.PDBPorts, 3, at)
	full, _, err := fetch(t, client, peering.PDBPorts, time.Time{})
	if err != nil || len(full) != 18 {
		t.Fatalf("full: %d rows, %v", len(full), err)
	}
	delta, _, err := fetch(t, client, peering.PDBPorts, at)
	if err != nil || len(delta) != 1 || delta[0].Head().Status != peering.PDBDeleted || delta[0].Head().ID != 3 {
		t.Fatalf("delta: %v, %v", delta, err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	tests := map[pdbfake.Fault]peeringdb.Fault{
		pdbfake.Throttle:    peeringdb.Throttled,
		pdbfake.ServerError: peeringdb.Unavailable,
		pdbfake.HTMLPage:    peeringdb.Unavailable,
		pdbfake.Silence:     peeringdb.Unavailable,
		pdbfake.Stall:       peeringdb.Unavailable,
		pdbfake.Hangup:      peeringdb.Broken,
		pdbfake.CutOff:      peeringdb.Broken,
		pdbfake.NoData:      peeringdb.Broken,
		pdbfake.Truncated:   peeringdb.Broken,
		pdbfake.OtherType:   peeringdb.Broken,
		pdbfake.Garbage:     peeringdb.Broken,
	}
	for fault, want := range tests {
		for _, typ := range peering.PDBTypes {
			t.Run(fmt.Sprintf("%s of %s is %s", fault, typ, want), func(t *testing.T) {
				t.Parallel()
				fake, client := setup(t)
				fake.RetryAfter = 2000 * time.Second
				client.Stall = 30 * time.Second
				if fault == pdbfake.Silence || fault == pdbfake.Stall {
					client.Stall = 300 * time.Millisecond
				}
				fake.Fail(typ, fault)
				_, _, err := fetch(t, client, typ, time.Time{})
				if got := peeringdb.FaultOf(err); got != want {
					t.Fatalf("fault is %q (%v), want %q", got, err, want)
				}
				if peering.KindOf(err) != peering.Unavailable {
					t.Errorf("kind is %q", peering.KindOf(err))
				}
				if wait := peeringdb.RetryAfter(err); (want == peeringdb.Throttled) != (wait == 2000*time.Second) {
					t.Errorf("retry after is %s", wait)
				}
			})
		}
	}
}

func TestIgnoredParametersAreRefused(t *testing.T) {
	t.Parallel()
	fake, client := setup(t)
	fake.Fail(peering.PDBNetworks, pdbfake.Everything)
	if _, _, err := fetch(t, client, peering.PDBNetworks, at.Add(-23*time.Hour-59*time.Minute)); peeringdb.FaultOf(err) != peeringdb.Broken {
		t.Errorf("since ignored: %v", err)
	}
	if _, err := client.FetchASN(t.Context(), 64501, nil); peeringdb.FaultOf(err) != peeringdb.Broken {
		t.Errorf("asn ignored: %v", err)
	}
}

func TestThrottledClientDoesNotAskAgain(t *testing.T) {
	t.Parallel()
	fake, client := setup(t)
	now := at
	client.Now = func() time.Time { return now }
	fake.RetryAfter = 2000 * time.Second
	fake.Fail(peering.PDBOrgs, pdbfake.Throttle)
	ask := func(typ peering.PDBType, asked int, wait time.Duration) {
		t.Helper()
		_, _, err := fetch(t, client, typ, time.Time{})
		if got := peeringdb.RetryAfter(err); got != wait {
			t.Errorf("%s at %s: retry after is %s, want %s (%v)", typ, now.Sub(at), got, wait, err)
		}
		if n := len(fake.Requests()); n != asked {
			t.Errorf("%s at %s: %d requests reached PeeringDB, want %d", typ, now.Sub(at), n, asked)
		}
	}
	ask(peering.PDBOrgs, 1, 2000*time.Second)
	ask(peering.PDBNetworks, 1, time.Minute) // the limit may be the general one
	now = at.Add(time.Minute)
	ask(peering.PDBNetworks, 2, 0)
	ask(peering.PDBOrgs, 2, 1940*time.Second)
	now = at.Add(2000 * time.Second)
	fake.Heal()
	ask(peering.PDBOrgs, 3, 0)
}

func TestKeys(t *testing.T) {
	t.Parallel()
	fake, client := setup(t)
	fake.Keys = []string{"good-key"}
	client.APIKey = "good-key"
	if _, meta, err := fetch(t, client, peering.PDBOrgs, time.Time{}); err != nil || meta.AuthStatus != "authenticated" {
		t.Errorf("good key: %+v, %v", meta, err)
	}
	client.APIKey = "canary-key"
	_, _, err := fetch(t, client, peering.PDBOrgs, time.Time{})
	if peeringdb.FaultOf(err) != peeringdb.Unauthorized || peering.KindOf(err) != peering.Denied {
		t.Errorf("bad key: %v", err)
	}
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("the key is in the error: %v", err)
	}
	ignoring := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Authorization")
		fake.ServeHTTP(w, r)
	}))
	ignoring.APIKey = "good-key"
	if _, _, err := fetch(t, ignoring, peering.PDBOrgs, time.Time{}); peeringdb.FaultOf(err) != peeringdb.Unauthorized {
		t.Errorf("key not taken: %v", err)
	}
}

func TestRedirectToAnotherOriginCarriesNoKey(t *testing.T) {
	t.Parallel()
	fake, _ := setup(t)
	fake.Keys = []string{"key"}
	other := httptest.NewServer(fake)
	t.Cleanup(other.Close)
	client := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Api-Key key" {
			t.Error("our own server did not get the key")
		}
		http.Redirect(w, r, other.URL+r.URL.String(), http.StatusFound)
	}))
	client.APIKey = "key"
	_, _, _ = fetch(t, client, peering.PDBOrgs, time.Time{})
	requests := fake.Requests()
	if len(requests) != 1 || requests[0].Authorization != "" {
		t.Fatalf("the other origin saw %+v", requests)
	}
}

func TestAnswerLargerThanTheCapIsRefused(t *testing.T) {
	t.Parallel()
	_, client := setup(t)
	client.MaxBody = 2000
	if _, _, err := fetch(t, client, peering.PDBNetworks, time.Time{}); peeringdb.FaultOf(err) != peeringdb.Broken {
		t.Errorf("got %v", err)
	}
}

func TestRowsBeyondUs(t *testing.T) {
	t.Parallel()
	good := `{"id":%d,"net_id":1,"ixlan_id":1,"asn":64501,"ipaddr4":"192.0.2.1","ipaddr6":null,"speed":1,"is_rs_peer":false,"operational":true,"status":"ok","updated":"2026-01-01T00:00:00Z","created":"2026-01-01T00:00:00Z"}`
	bad := strings.Replace(good, "192.0.2.1", "192.0.2.1/24", 1)
	asn0 := strings.Replace(good, "64501", "0", 1)
	swapped := strings.Replace(good, "192.0.2.1", "2001:db8::1", 1)
	gone := strings.Replace(bad, `"ok"`, `"deleted"`, 1)
	tests := map[string]struct {
		rows       []string
		unreadable int64
		deleted    int
		refused    bool
	}{
		"one among many is set aside":                  {rows: []string{good, good, bad}, unreadable: 1},
		"as 0 is set aside (RFC 7607)":                 {rows: []string{good, good, asn0}, unreadable: 1},
		"an address of the other family is set aside":  {rows: []string{good, good, swapped}, unreadable: 1},
		"a tombstone needs no more than its head":      {rows: []string{good, gone, gone, gone}, deleted: 3},
		"two of four make the answer broken":           {rows: []string{good, good, bad, bad}, refused: true},
		"a row without an id makes the answer broken":  {rows: []string{good, strings.Replace(good, `"id":%d,`, `"x":%d,`, 1)}, refused: true},
		"a row that is no object makes it broken":      {rows: []string{good, `[%d]`}, refused: true},
		"a row without time of update makes it broken": {rows: []string{good, strings.Replace(good, `"updated":"2026-01-01T00:00:00Z",`, "", 1)}, refused: true},
		"a field that planning needs must not be gone": {rows: []string{strings.Replace(good, `"operational":true,`, "", 1)}, refused: true},
		"an unfinished row makes it broken":            {rows: []string{good, `{"id":%d`}, refused: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var rows []string
			for i, row := range test.rows {
				rows = append(rows, fmt.Sprintf(row, i+1))
			}
			client := clientOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprintf(w, `{"meta":{},"data":[%s]}`, strings.Join(rows, ","))
			}))
			got, meta, err := fetch(t, client, peering.PDBPorts, time.Time{})
			if test.refused {
				if peeringdb.FaultOf(err) != peeringdb.Broken {
					t.Fatalf("got %v, want broken", err)
				}
				return
			}
			if err != nil || meta.Unreadable != test.unreadable || len(got) != len(rows) {
				t.Fatalf("%d rows, %+v, %v", len(got), meta, err)
			}
			deleted, unreadable := 0, int64(0)
			for _, row := range got {
				switch row.Head().Status {
				case peering.PDBDeleted:
					deleted++
				case peering.PDBUnreadable:
					unreadable++
				}
			}
			if deleted != test.deleted || unreadable != test.unreadable {
				t.Errorf("%d deleted, %d unreadable", deleted, unreadable)
			}
		})
	}
}

func TestFetchASN(t *testing.T) {
	t.Parallel()
	fake, client := setup(t)
	t.Run("two requests when the mirror has the parents", func(t *testing.T) {
		fake.ForgetRequests()
		none := func(context.Context, peering.PDBType, []int64) ([]int64, error) { return nil, nil }
		rows, err := client.FetchASN(t.Context(), 64501, none)
		if err != nil || len(rows) != 4 || len(fake.Requests()) != 2 {
			t.Errorf("%d rows, %d requests, %v", len(rows), len(fake.Requests()), err)
		}
	})
	t.Run("missing parents come along", func(t *testing.T) {
		rows, err := client.FetchASN(t.Context(), 64501, nil)
		count := map[peering.PDBType]int{}
		for _, row := range rows {
			count[row.PDBType()]++
		}
		want := map[peering.PDBType]int{"org": 1, "net": 1, "ix": 2, "ixlan": 2, "ixpfx": 4, "netixlan": 3}
		for typ, n := range want {
			if count[typ] != n {
				t.Errorf("%d rows of %s, want %d (%v)", count[typ], typ, n, err)
			}
		}
	})
	t.Run("a closed port comes as a tombstone", func(t *testing.T) {
		fake.Delete(peering.PDBPorts, 2, at)
		rows, err := client.FetchASN(t.Context(), 64501, nil)
		if err != nil || !slices.ContainsFunc(rows, func(r peering.PDBRow) bool {
			return r.PDBType() == peering.PDBPorts && r.Head().ID == 2 && r.Head().Status == peering.PDBDeleted
		}) {
			t.Errorf("no tombstone among %d rows, %v", len(rows), err)
		}
	})
	t.Run("an unknown network is no error", func(t *testing.T) {
		rows, err := client.FetchASN(t.Context(), bgp.ASN(65551), nil)
		if err != nil || len(rows) != 0 {
			t.Errorf("%d rows, %v", len(rows), err)
		}
	})
}

func TestPaceKeepsRequestsApart(t *testing.T) {
	t.Parallel()
	_, client := setup(t)
	client.Pace = 60 * time.Millisecond
	start := time.Now()
	for range 3 {
		if _, _, err := fetch(t, client, peering.PDBExchanges, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(start); took < 120*time.Millisecond {
		t.Errorf("three requests took %s, want at least two intervals of 60 ms", took)
	}
}

// A second request to another machine would start 3 s later; there the context ends first.
func TestPaceIsKeptTowardsOtherMachines(t *testing.T) {
	t.Parallel()
	fake, local := setup(t)
	elsewhere := &peeringdb.Client{BaseURL: "http://peeringdb.example/api", HTTP: &http.Client{Transport: toFake{fake}}}
	patience := map[*peeringdb.Client]time.Duration{elsewhere: 500 * time.Millisecond, local: time.Minute}
	for client, limit := range patience {
		client.Pace = 0
		if _, _, err := fetch(t, client, peering.PDBOrgs, time.Time{}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		stream, err := client.Fetch(ctx, peering.PDBExchanges, time.Time{})
		if waits := errors.Is(err, context.DeadlineExceeded); waits != (client == elsewhere) {
			t.Errorf("%s: waits %t, %v", client.BaseURL, waits, err)
		}
		if err == nil {
			stream.Close()
		}
	}
}

// toFake answers requests to any host.
type toFake struct{ http.Handler }

func (f toFake) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Result(), nil
}

func TestCancellationIsTheCallersOwn(t *testing.T) {
	t.Parallel()
	fake, client := setup(t)
	fake.Fail(peering.PDBOrgs, pdbfake.Silence)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := client.Fetch(ctx, peering.PDBOrgs, time.Time{})
	if !errors.Is(err, context.Canceled) || peeringdb.FaultOf(err) != "" {
		t.Errorf("got %v", err)
	}
}

func TestErrorsNameNoAddress(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		base string
		kind peering.Kind
	}{
		"nobody listens":   {"http://user:secret@127.0.0.1:1/api", peering.Unavailable},
		"no such address":  {"http://user:secret@127.0.0.1:no/api", peering.Invalid},
		"no such protocol": {"gopher://user:secret@127.0.0.1/api", peering.Unavailable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := &peeringdb.Client{BaseURL: test.base, Pace: -1}
			_, err := client.Fetch(t.Context(), peering.PDBOrgs, time.Time{})
			if peering.KindOf(err) != test.kind {
				t.Fatalf("kind is %q: %v", peering.KindOf(err), err)
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "/api") {
				t.Errorf("the address is in the error: %v", err)
			}
		})
	}
}

func TestStreamMayBeClosedUnread(t *testing.T) {
	t.Parallel()
	_, client := setup(t)
	stream, err := client.Fetch(t.Context(), peering.PDBOrgs, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	stream.Close()
	for _, err := range stream.Rows {
		if err == nil {
			t.Error("a closed stream gave a row")
		}
		return
	}
}

func TestQueryIsWhatPeeringDBExpects(t *testing.T) {
	t.Parallel()
	fake, client := setup(t)
	client.UserAgent = "peerflow/1.0"
	_, _, _ = fetch(t, client, peering.PDBPorts, at)
	got := fake.Requests()[0]
	want := url.Values{"depth": {"0"}, "since": {fmt.Sprint(at.Unix())}}
	if got.Type != "netixlan" || got.Query.Encode() != want.Encode() || got.UserAgent != "peerflow/1.0" || got.Authorization != "" {
		t.Errorf("request is %+v", got)
	}
}

func TestAWrongAddressNamesTheVariable(t *testing.T) {
	t.Parallel()
	_, client := setup(t)
	client.BaseURL = strings.TrimSuffix(client.BaseURL, "/api")
	if _, _, err := fetch(t, client, peering.PDBNetworks, time.Time{}); err == nil || !strings.Contains(err.Error(), "is PEERFLOW_PEERINGDB_URL that of an API") {
		t.Fatal(err)
	}
}
