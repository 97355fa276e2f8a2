package api

import (
	"encoding/json"
	"net/http"

	"github.com/swaggest/swgui/v5emb"
)

const (
	docsPath = "/docs/"
	specPath = "/openapi.json"
)

// servePages serves what browsers look at; the documentation brings its own
// scripts, so that it needs no network.
func (s *server) servePages() {
	s.mux.HandleFunc("GET "+loginPath, s.Guard.serveLogin)
	s.mux.HandleFunc("POST "+loginPath, s.Guard.serveLogin)
	s.mux.HandleFunc("POST /logout", s.Guard.serveLogout)
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	s.mux.Handle("GET /docs", http.RedirectHandler(docsPath, http.StatusSeeOther))
	s.mux.Handle("GET "+docsPath, s.Guard.loggedIn(docs()))
	s.mux.Handle("GET "+specPath, s.Guard.loggedIn(http.HandlerFunc(s.serveSpec)))
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" && r.Method == http.MethodGet {
			http.Redirect(w, r, docsPath, http.StatusSeeOther)
			return
		}
		writeProblem(w, r, newProblem(http.StatusNotFound, "not_found", "there is nothing at this path: "+docsPath+" lists what is"))
	})
}

func docs() http.Handler {
	page := v5emb.New("peerflow", specPath, docsPath)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy",
			"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'")
		page.ServeHTTP(w, r)
	})
}

func (s *server) serveSpec(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/vnd.oai.openapi+json;version=3.1")
	_ = json.NewEncoder(w).Encode(s.api.OpenAPI()) // the client is gone, or it has it
}
