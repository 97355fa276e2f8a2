package api

import (
	"context"
	"crypto/rand"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"peerflow/internal/peering"
)

// Logins tells whose token this is; kind denied when it doesn't count.
type Logins interface {
	Authenticate(ctx context.Context, token string) (peering.Actor, error)
}

// Guard is what every request passes: who is addressed (against DNS rebinding),
// which page sent it (against forged requests), and who is there.
type Guard struct {
	GuardDeps
	origins  *http.CrossOriginProtection
	sessions *browserSessions
	refused  *refusals
}

// GuardDeps are what a guard works with.
type GuardDeps struct {
	Logins Logins
	Audit  Audit
	Log    *slog.Logger
	Hosts  []string // names, without port, by which we are reached beside loopback's
}

// NewGuard lets requests in that name this machine's loopback or one of the hosts.
func NewGuard(d GuardDeps) *Guard {
	return &Guard{GuardDeps: d, origins: http.NewCrossOriginProtection(), sessions: newBrowserSessions(), refused: newRefusals(d.Audit, d.Log)}
}

// Protect puts a page of others, like Temporal's Web UI, behind the login. Its
// requests carry the actor (see ActorOf); whatever changes something needs the
// role operator.
func (g *Guard) Protect(next http.Handler) http.Handler { return g.outer(false, g.loggedIn(next)) }

// outer checks all that needs no login. Our own API takes JSON alone, which no
// form of another page can send; Temporal's pages send it as text.
func (g *Guard) outer(jsonOnly bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, idOf(r)))
		secure(w.Header())
		w.Header().Set("X-Request-Id", requestID(r.Context()))
		p := g.refuse(r)
		if p == nil && jsonOnly {
			p = g.refuseBody(r)
		}
		if p != nil {
			writeProblem(w, r, p)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, largestList) // operations and pages take less, and say how much
		next.ServeHTTP(w, r)
	})
}

// secure sets what holds for every answer; pages set a policy that fits them.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

func (g *Guard) refuse(r *http.Request) *Problem {
	if !g.knownHost(r.Host) {
		g.refused.note(r, peering.Actor{}, actByName, 0, "it calls us "+clipped(r.Host))
		return newProblem(http.StatusMisdirectedRequest, peering.Denied,
			"this server doesn't answer to that name: use localhost, or allow the name with PEERFLOW_HOSTS")
	}
	if err := g.origins.Check(r); err != nil {
		g.refused.note(r, peering.Actor{}, actByPage, 0, "Origin "+clipped(r.Header.Get("Origin"))+", Sec-Fetch-Site "+clipped(r.Header.Get("Sec-Fetch-Site")))
		return newProblem(http.StatusForbidden, peering.Denied, "a page of another origin may not do this")
	}
	return nil
}

func (g *Guard) refuseBody(r *http.Request) *Problem {
	if safe(r.Method) || r.ContentLength == 0 || r.URL.Path == loginPath {
		return nil
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/json" && kind != "application/merge-patch+json" {
		g.refused.note(r, peering.Actor{}, actNotJSON, 0, "Content-Type "+clipped(r.Header.Get("Content-Type")))
		return newProblem(http.StatusUnsupportedMediaType, peering.Invalid, "send the body as application/json")
	}
	return nil
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// knownHost is what keeps a name of somebody else, pointed at our address, out.
func (g *Guard) knownHost(hostPort string) bool {
	host := hostPort
	if h, _, err := net.SplitHostPort(hostPort); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if addr, err := netip.ParseAddr(host); err == nil && addr.IsLoopback() {
		return true
	}
	return host == "localhost" || slices.Contains(g.Hosts, host)
}

// loggedIn lets in who has a token or a login, and sends browsers to the login page.
func (g *Guard) loggedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		actor, err := g.actor(r, true)
		if peering.KindOf(err) == peering.Denied && r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html") {
			toLogin(w, r)
			return
		}
		if err != nil {
			g.refuseLogin(w, r, actor, err)
			return
		}
		if !safe(r.Method) && !actor.May(peering.Operator) {
			g.refused.note(r, actor, actByRole, 0, "it needs the role operator")
			writeProblem(w, r, newProblem(http.StatusForbidden, peering.Denied, "this needs the role operator"))
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), actorKey{}, actor)))
	})
}

// loginProblem is why nobody is let in: the token, or something that isn't about it.
func (g *Guard) loginProblem(r *http.Request, who peering.Actor, err error) *Problem {
	p := problemOf(r.Context(), g.Log, err)
	if p.Kind == peering.Denied {
		why := "no token"
		if cause := peering.CauseOf(err); cause != nil {
			why = cause.Error()
		}
		g.refused.note(r, who, actLogIn, 0, why)
		return newProblem(http.StatusUnauthorized, peering.Denied, p.Detail)
	}
	return p
}

func (g *Guard) refuseLogin(w http.ResponseWriter, r *http.Request, who peering.Actor, err error) {
	p := g.loginProblem(r, who, err)
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="peerflow"`)
	}
	writeProblem(w, r, p)
}

var errNoToken = peering.NewError(peering.Denied, "log in: send the token as Authorization: Bearer pf_…")

// actor is who sent a request; a browser's login counts where cookies says so.
func (g *Guard) actor(r *http.Request, cookies bool) (peering.Actor, error) {
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found && cookies {
		token, found = g.sessions.token(r)
	}
	if !found {
		return peering.Actor{}, errNoToken
	}
	actor, err := g.authenticate(r.Context(), token)
	actor.RequestID = requestID(r.Context())
	if strings.HasPrefix(r.UserAgent(), CLIAgent) {
		actor.Door = peering.DoorCLI
	}
	return actor, err
}

// authenticate asks for no longer than a caller waits.
func (g *Guard) authenticate(ctx context.Context, token string) (peering.Actor, error) {
	ctx, cancel := context.WithTimeout(ctx, loginPatience)
	defer cancel()
	return g.Logins.Authenticate(ctx, strings.TrimSpace(token))
}

// CLIAgent starts the User-Agent of the command line, so that records name that door.
const CLIAgent = "peerflow-cli/"

type (
	actorKey   struct{}
	requestKey struct{}
)

// ActorOf is who is logged in, as the guard found; the zero actor for nobody.
func ActorOf(ctx context.Context) peering.Actor {
	actor, _ := ctx.Value(actorKey{}).(peering.Actor)
	return actor
}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

var requestIDShape = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// idOf takes a caller's request id when it is harmless in a log.
func idOf(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); requestIDShape.MatchString(id) {
		return id
	}
	return rand.Text()
}
