package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

// everyToken lets every token in as an operator.
type everyToken struct{}

func (everyToken) Authenticate(context.Context, string) (peering.Actor, error) {
	return peering.Actor{Kind: peering.ActorUser, UserID: 1, Name: "ada", Roles: []peering.Role{peering.Operator}}, nil
}

func TestProtectedPagesTakeTextFromTheirOwnOriginOnly(t *testing.T) {
	t.Parallel()
	page := NewGuard(GuardDeps{Logins: everyToken{}, Audit: dbtest.New(t), Log: slog.New(slog.DiscardHandler)}).Protect(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	cases := map[string]struct {
		site, host string
		want       int
	}{
		"their own page posts text":         {"same-origin", "127.0.0.1:8480", http.StatusNoContent},
		"another origin's page is refused":  {"cross-site", "127.0.0.1:8480", http.StatusForbidden},
		"a name that isn't ours is refused": {"same-origin", "attacker.example:8480", http.StatusMisdirectedRequest},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "http://"+c.host+"/temporal/api/v1/query", strings.NewReader("{}"))
			r.Header.Set("Content-Type", "text/plain;charset=UTF-8")
			r.Header.Set("Sec-Fetch-Site", c.site)
			r.Header.Set("Authorization", "Bearer pf_any")
			w := httptest.NewRecorder()
			page.ServeHTTP(w, r)
			if w.Code != c.want {
				t.Errorf("%d, want %d: %s", w.Code, c.want, w.Body)
			}
		})
	}
}
