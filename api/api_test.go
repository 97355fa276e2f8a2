package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"peerflow/internal/peering"
)

func TestEachKindOfErrorHasItsStatus(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err    error
		status int
	}{
		"not found":             {peering.NewError(peering.NotFound, "x"), 404},
		"conflict":              {peering.NewError(peering.Conflict, "x"), 409},
		"invalid":               {peering.NewError(peering.Invalid, "x"), 422},
		"unsupported":           {peering.NewError(peering.Unsupported, "x"), 422},
		"denied":                {peering.NewError(peering.Denied, "x"), 403},
		"unavailable":           {peering.NewError(peering.Unavailable, "x"), 503},
		"stale":                 {peering.NewError(peering.Stale, "x"), 412},
		"wrapped":               {fmt.Errorf("read router 7: %w", peering.NewError(peering.NotFound, "x")), 404},
		"too slow":              {fmt.Errorf("read: %w", context.DeadlineExceeded), 503},
		"a missing If-Match":    {errNoMatch, 428},
		"a hidden cause":        {peering.Hide(peering.Unavailable, "x", errors.New("the text of a driver")), 503},
		"what we didn't expect": {errors.New("pq: the text of a driver"), 500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := problemOf(t.Context(), slog.New(slog.DiscardHandler), tt.err)
			if p.Status != tt.status {
				t.Fatalf("%+v, want %d", p, tt.status)
			}
			if strings.Contains(p.Detail, "the text of a driver") {
				t.Error("an error of ours is for the log, not for the caller")
			}
		})
	}
}

func TestOnlyNamesOfOursAreAnswered(t *testing.T) {
	t.Parallel()
	g := NewGuard(GuardDeps{Hosts: []string{"peerflow.example.net"}})
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST:8480": true, "127.0.0.1:8480": true, "127.64.0.1": true, "[::1]:8480": true, "::1": true,
		"peerflow.example.net": true, "Peerflow.Example.Net:443": true,
		"": false, "example.net": false, "localhost.example.net": false, "127.0.0.1.example.net:8480": false, "192.0.2.1:8480": false,
		"peerflow.example.net.evil.example": false, "[2001:db8::1]:8480": false,
	} {
		if got := g.knownHost(host); got != want {
			t.Errorf("%q: %v, want %v", host, got, want)
		}
	}
}

func TestALoginLeadsToAPathOfOurs(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"/temporal/namespaces?x=1": "/temporal/namespaces?x=1", "": docsPath, "https://evil.example": docsPath, "//evil.example": docsPath,
		`/\evil.example`: docsPath, "/a\r\nSet-Cookie: x": docsPath,
	} {
		if got := landing(next); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}

func TestBrowserLoginsEndAndAreCounted(t *testing.T) {
	t.Parallel()
	b, now := newBrowserSessions(), time.Now()
	old, _ := b.open("pf_old", now.Add(-loginLife-time.Second))
	request := func(id string) *http.Request {
		r := &http.Request{Header: http.Header{}}
		r.AddCookie(&http.Cookie{Name: loginCookie, Value: id})
		return r
	}
	if _, ok := b.token(request(old)); ok {
		t.Error("a login that ended counts")
	}
	for range mostLogins {
		if _, ok := b.open("pf_x", now); !ok {
			t.Fatal("an old login takes a new one's place")
		}
	}
	if _, ok := b.open("pf_x", now); ok {
		t.Errorf("more than %d logins", mostLogins)
	}
}

func TestFiltersAreReadAsNetBoxWritesThem(t *testing.T) {
	t.Parallel()
	query, err := url.ParseQuery("asn=64501&asn=64502&name__ic=x&limit=3&cursor=9&vlan__isnull=true")
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(filtersOf(query))
	if want := "[{asn  [64501 64502]} {name ic [x]} {vlan isnull [true]}]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestAnUnknownParameterNamesTheNearOne(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"liftd": `did you mean "lifted"?`, "lifted_too": `did you mean "lifted"?`, "xyz": "it has lifted, reason",
	} {
		if got := unknownParameter(name, []string{"lifted", "reason"}); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %s, want …%s", name, got, want)
		}
	}
}
