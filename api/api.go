package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// Deps are what the operations work on. Every field is needed.
type Deps struct {
	Guard     *Guard
	Nouns     Nouns
	Changes   Changes
	Plans     Plans
	Votes     Votes
	Commands  Commands
	Events    Events
	Freezes   Freezes
	Observed  Observed
	Intent    Intent
	IRR       IRRLists
	Templates Templates
	Users     Users
	Secrets   Secrets
	Workflows Workflows
	Status    func(context.Context) Status
	Ask       func(ctx context.Context, asn bgp.ASN) (peering.AskText, error)                       // the text to send to a network
	Adoption  func(platform string, settings json.RawMessage) (file, line, needs string, err error) // what a person writes on a router, once
	Propose   func(platform string, w peering.Way) (peering.Proposal, error)                        // what a person pastes in mode propose
	Drivers   []DriverView
	PollEvery time.Duration // between two looks at a router: what wasn't seen for two of them is unknown
	Version   string        // of this build
	Log       *slog.Logger
}

// server holds what registration and handlers share.
type server struct {
	Deps
	api huma.API
	mux *http.ServeMux
}

// patience is how long an operation may take, and loginPatience what comes before
// it: proxies give up after half a minute. An event stream only begins within it.
const (
	patience      = 25 * time.Second
	loginPatience = 4 * time.Second
	// A body's deadline stays on the connection while the operation runs, and
	// ends both when it passes: there has to be time for either.
	bodyPatience = 2 * patience
)

// largestBody is room for a big template (bytes).
const largestBody = 4 << 20

// New serves the API with its login page and documentation.
func New(d Deps) http.Handler {
	s := &server{Deps: d, mux: http.NewServeMux()}
	s.api = humago.New(s.mux, config(d.Version))
	s.api.UseMiddleware(s.authorize, s.knownParameters)
	s.registerNouns()
	s.registerPeerings()
	s.registerChanges()
	s.registerPlans()
	s.registerProposals()
	s.registerDecisions()
	s.registerCommands()
	s.registerEvents()
	s.registerFreezes()
	s.registerObserved()
	s.registerEffective()
	s.registerTemplates()
	s.registerIRR()
	s.registerUsers()
	s.registerSecrets()
	s.registerStatus()
	s.registerAudit()
	s.servePages()
	return d.Guard.outer(true, s.mux)
}

func config(version string) huma.Config {
	c := huma.DefaultConfig("peerflow", version)
	c.Info.Description = about
	c.DocsPath, c.OpenAPIPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil // no $schema in answers
	c.Transformers = []huma.Transformer{withoutValues}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", BearerFormat: "pf_…", Description: "a token from `peerflow token add`, or the data folder's"}}
	c.Security = []map[string][]string{{"token": {}}}
	describeTypes(c.Components.Schemas)
	return c
}

const about = `Networks, exchanges, sessions and policies as peerflow records them, and changes on their way to the routers.

Lists take filters named as in NetBox: ` + "`?asn=64501&asn=64502`" + ` (any of them), ` + "`name__ic=`" + ` (contains), ` + "`__isw`" + ` (starts with),
` + "`__n`" + ` (not), ` + "`__gt __gte __lt __lte`" + `, ` + "`__isnull=true`" + `; ` + "`q=`" + ` searches. A filter that a list doesn't have is refused.
` + "`limit`" + ` and ` + "`cursor`" + ` page, ` + "`next`" + ` is the cursor of the page after; ` + "`ordering=-id`" + ` is newest first.

Lists of records are created, edited and deleted under ` + "`/bulk`" + `: all of them, or none.

A record's version is its ETag. PATCH (a JSON merge patch, RFC 7396) and DELETE need it in If-Match: 428 without, 412 when the record moved on.

Errors are problem documents (RFC 9457) with a kind: not_found, conflict, invalid, denied, unsupported, unavailable, stale.
What can't be done now is 503 with Retry-After: nothing is known to have happened unless the text says what is recorded.

Nothing here reaches a router at once: routers see changes alone, planned, shown as a diff, approved and verified.`

// operation is one row of the API: what it is called, who may call it, and what it says of itself.
type operation struct {
	method, path string
	role, also   peering.Role // either is enough; also is "" for most
	tag          string
	summary      string
	description  string
	status       int                   // of success; 0 is 200
	filters      []peering.FilterField // of a list, which checks them itself
	body         any                   // example value of a raw body's type; nil: huma knows
	list         bool                  // the body is a list of them …
	versioned    bool                  // … each with id and version, as they were read
	largest      int64                 // body that it takes (bytes); 0 is largestBody
}

func (o operation) openTo(a peering.Actor) bool {
	return a.May(o.role) || o.also != "" && a.May(o.also)
}

func (o operation) roles() string {
	if o.also != "" {
		return string(o.role) + " or " + string(o.also)
	}
	return string(o.role)
}

// add registers an operation; its handler's errors become problems here, once.
func add[I, O any](s *server, o operation, handler func(context.Context, *I) (*O, error)) {
	op := huma.Operation{
		Method: o.method, Path: o.path, Tags: []string{o.tag}, Summary: o.summary, DefaultStatus: o.status,
		Description: o.description + "\n\nNeeds the role " + o.roles() + ".", OperationID: operationID(o.method, o.path),
		MaxBodyBytes: max(o.largest, largestBody), BodyReadTimeout: bodyPatience, Metadata: map[string]any{"operation": o, "filters": o.filters != nil}, Parameters: filterParameters(o.filters),
		Errors: errorsOf[I](o),
	}
	if o.body != nil {
		op.SkipValidateBody = true // the domain's own types decide, and say why
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
	}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		out, err := handler(limited, in)
		if err != nil {
			return nil, problemOf(ctx, s.Log, err)
		}
		return out, nil
	})
	if o.body != nil {
		s.describeBody(op.RequestBody, o)
	}
}

// errorsOf lists the statuses that an operation may answer with beside success.
func errorsOf[I any](o operation) []int {
	list := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusServiceUnavailable}
	if strings.Contains(o.path, "{") {
		list = append(list, http.StatusNotFound)
	}
	if o.method != http.MethodGet {
		list = append(list, http.StatusConflict)
	}
	if o.versioned {
		list = append(list, http.StatusNotFound, http.StatusPreconditionFailed)
	}
	if o.method != http.MethodGet && o.method != http.MethodDelete { // what is said of a body before it is read
		list = append(list, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if _, versioned := any(new(I)).(interface{ version() (int64, error) }); versioned {
		list = append(list, http.StatusPreconditionFailed, http.StatusPreconditionRequired)
	}
	slices.Sort(list)
	return list
}

// operationID is a path as one word: get-changes-by-id-plan.
func operationID(method, path string) string {
	words := strings.NewReplacer("/api/v1/", "", "/", "-", "{", "by-", "}", "").Replace(path)
	return strings.ToLower(method) + "-" + words
}

// answer is a body without headers of its own.
type answer[T any] struct{ Body T }

func say[T any](v T, err error) (*answer[T], error) {
	if err != nil {
		return nil, err
	}
	return &answer[T]{v}, nil
}

// listed is a body of a list that has one page.
type listed[T any] struct {
	Items []T `json:"items"`
}

func sayAll[T any](items []T, err error) (*answer[listed[T]], error) {
	return say(listed[T]{orEmpty(items)}, err)
}

// orEmpty makes JSON say [] where there is nothing.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// ByID is the input of operations that need nothing else.
type ByID struct {
	ID int64 `path:"id" minimum:"1" doc:"the record's id"`
}
