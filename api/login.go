package api

import (
	"crypto/rand"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"peerflow/internal/peering"
)

const (
	loginPath   = "/login"
	loginCookie = "peerflow_login"
	loginLife   = 12 * time.Hour
	mostLogins  = 1000 // browsers at a time
)

// browserSessions are logins of browsers, by random id. They live in memory
// alone and hold the token, so that a revoked one ends its logins at once.
type browserSessions struct {
	mu   sync.Mutex
	byID map[string]browserSession
}

type browserSession struct {
	token string
	ends  time.Time
}

func newBrowserSessions() *browserSessions {
	return &browserSessions{byID: map[string]browserSession{}}
}

// open gives the id of a new login, and false when there are too many.
func (b *browserSessions) open(token string, now time.Time) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, s := range b.byID {
		if now.After(s.ends) {
			delete(b.byID, id)
		}
	}
	if len(b.byID) >= mostLogins {
		return "", false
	}
	id := rand.Text()
	b.byID[id] = browserSession{token: token, ends: now.Add(loginLife)}
	return id, true
}

func (b *browserSessions) token(r *http.Request) (string, bool) {
	cookie, err := r.Cookie(loginCookie)
	if err != nil {
		return "", false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.byID[cookie.Value]
	return s.token, ok && time.Now().Before(s.ends)
}

func (b *browserSessions) close(r *http.Request) {
	if cookie, err := r.Cookie(loginCookie); err == nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.byID, cookie.Value)
	}
}

func toLogin(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, loginPath+"?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
}

// landing is where a login leads: a path of ours, never another site.
func landing(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n") {
		return docsPath
	}
	return next
}

var loginPage = template.Must(template.New("login").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>peerflow: log in</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:32em;margin:4em auto;padding:0 1em}input,button{font:inherit;padding:.4em;width:100%;box-sizing:border-box;margin:.3em 0}.no{color:#b00020}</style>
<h1>peerflow</h1>
{{with .Refusal}}<p class="no">{{.}}</p>{{end}}
<form method="post" action="/login"><input type="hidden" name="next" value="{{.Next}}">
<label>Token <input type="password" name="token" autocomplete="current-password" autofocus required placeholder="pf_…"></label>
<button>Log in</button></form>
<p>The first token lies in the data folder, in the file <code>token</code>. <code>peerflow token add</code> makes others.</p>
</html>`))

type loginView struct{ Next, Refusal string }

func showLogin(w http.ResponseWriter, status int, v loginView) {
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = loginPage.Execute(w, v) // the client is gone, or it has it
}

func (g *Guard) serveLogin(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		showLogin(w, http.StatusOK, loginView{Next: landing(r.URL.Query().Get("next"))})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
	next, token := landing(r.PostFormValue("next")), strings.TrimSpace(r.PostFormValue("token"))
	refuse := func(p *Problem) {
		maps.Copy(w.Header(), p.GetHeaders())
		showLogin(w, p.Status, loginView{Next: next, Refusal: p.Detail})
	}
	if who, err := g.authenticate(r.Context(), token); err != nil {
		refuse(g.loginProblem(r, who, err))
		return
	}
	id, ok := g.sessions.open(token, time.Now())
	if !ok {
		refuse(newProblem(http.StatusServiceUnavailable, peering.Unavailable, "too many browsers are logged in: try again later"))
		return
	}
	http.SetCookie(w, &http.Cookie{Name: loginCookie, Value: id, Path: "/", MaxAge: int(loginLife.Seconds()),
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (g *Guard) serveLogout(w http.ResponseWriter, r *http.Request) {
	g.sessions.close(r)
	http.SetCookie(w, &http.Cookie{Name: loginCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, loginPath, http.StatusSeeOther)
}
