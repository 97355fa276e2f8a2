package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"peerflow/internal/peering"
)

// Store keeps the records of one noun.
type Store[T any] interface {
	Get(ctx context.Context, id int64) (T, error)
	List(ctx context.Context, filters []peering.Filter, page peering.Page) (peering.List[T], error)
	Filters() []peering.FilterField // those of List
	Create(ctx context.Context, by peering.Actor, v T) (T, error)
	Patch(ctx context.Context, by peering.Actor, id, version int64, patch json.RawMessage) (T, error)
	Delete(ctx context.Context, by peering.Actor, id, version int64) error
	// Bulk writes all items or none; a *peering.BulkError names those that can't be.
	Bulk(ctx context.Context, by peering.Actor, edits []peering.Edit) ([]peering.Edited, error)
}

// Nouns are the stores of all records that have one shape.
type Nouns struct {
	AutonomousSystems Store[peering.AutonomousSystem]
	Relationships     Store[peering.Relationship]
	Sites             Store[peering.Site]
	Platforms         Store[peering.PlatformRecord]
	Templates         Store[peering.Template]
	Routers           Store[peering.Router]
	Exchanges         Store[peering.IXP]
	Connections       Store[peering.Connection]
	BGPGroups         Store[peering.BGPGroup]
	RoutingPolicies   Store[peering.RoutingPolicy]
	Peerings          Store[peering.Peering]
	Sessions          Store[peering.Session]
	ApprovalRules     Store[peering.ApprovalRule]
	Communities       Store[peering.Community]
	Tags              Store[peering.Tag]
	BFD               Store[peering.BFD]
	ConfigContexts    Store[peering.ConfigContext]
	Contacts          Store[peering.Contact]
	ContactRoles      Store[peering.ContactRole]
}

// noun says how the records of one kind appear to people.
type noun struct {
	path      string // below /api/v1
	one, many string
	about     string
	writes    peering.Role // who may create, edit and delete
	noCreate  bool         // POST means something else
}

func (s *server) registerNouns() {
	n := s.Nouns
	records(s, noun{path: "autonomous-systems", one: "autonomous system", many: "autonomous systems", writes: peering.Operator,
		about: "Networks: ours (local) and our peers'. Limits and policies set here are inherited by their sessions."}, n.AutonomousSystems)
	records(s, noun{path: "relationships", one: "relationship", many: "relationships", writes: peering.Admin,
		about: "Classes of sessions (peer, transit, customer, …) with our role of RFC 9234. A protected one is left alone by changes."}, n.Relationships)
	records(s, noun{path: "sites", one: "site", many: "sites", writes: peering.Operator,
		about: "Places with routers."}, n.Sites)
	records(s, noun{path: "platforms", one: "platform", many: "platforms", writes: peering.Admin,
		about: "Router operating systems, each with the driver that speaks to it."}, n.Platforms)
	records(s, noun{path: "templates", one: "template", many: "templates", writes: peering.Operator,
		about: "What turns a router's sessions into its configuration; mails and exports are kinds of their own, which those may include. An edit reaches routers with a change of kind deploy (`peerflow router deploy`)."}, n.Templates)
	records(s, noun{path: "routers", one: "router", many: "routers", writes: peering.Admin,
		about: "Devices that peerflow reads (observe), plans proposals for, which a person pastes (propose), or manages (manage). " +
			"accept_unproven lets it manage one whose driver was never tried on anything."}, routerStore{n.Routers, s})
	records(s, noun{path: "exchanges", one: "exchange", many: "exchanges", writes: peering.Operator,
		about: "Internet exchanges where we have connections, with their rules of agreement and mesh."}, n.Exchanges)
	records(s, noun{path: "connections", one: "connection", many: "connections", writes: peering.Operator,
		about: "Our ports at exchanges: router, addresses and their peering LANs."}, n.Connections)
	records(s, noun{path: "bgp-groups", one: "BGP group", many: "BGP groups", writes: peering.Operator,
		about: "Direct sessions that share policies and limits."}, n.BGPGroups)
	records(s, noun{path: "routing-policies", one: "routing policy", many: "routing policies", writes: peering.Operator,
		about: "What we accept (import) and announce (export), seen from our routers, with the figures that the export guard holds them to."}, n.RoutingPolicies)
	records(s, noun{path: "communities", one: "community", many: "communities", writes: peering.Operator,
		about: "BGP communities that templates set or match. They are set on sessions, routers, exchanges, BGP groups, autonomous systems and routing policies, " +
			"each of which lists the ids of its own (communities)."}, n.Communities)
	records(s, noun{path: "tags", one: "tag", many: "tags", writes: peering.Operator,
		about: "Marks on records, which list the ids of theirs (tags), and are found by `tag=slug`; two of them find what has both. Templates ask for them."}, n.Tags)
	records(s, noun{path: "bfd", one: "set of BFD timers", many: "BFD timers", writes: peering.Operator,
		about: "Timers of bidirectional forwarding detection, in milliseconds, which sessions name (bfd_id)."}, n.BFD)
	records(s, noun{path: "config-contexts", one: "config context", many: "config contexts", writes: peering.Operator,
		about: "Data for templates that several records share: sessions, routers, exchanges, BGP groups, autonomous systems and routing policies name theirs with a weight " +
			"(config_contexts). They are merged by weight, the heaviest over the others, and the record's own context over all."}, n.ConfigContexts)
	records(s, noun{path: "contacts", one: "contact", many: "contacts", writes: peering.Operator,
		about: "People and desks. Autonomous systems and exchanges name theirs, each in a role (contacts)."}, n.Contacts)
	records(s, noun{path: "contact-roles", one: "contact role", many: "contact roles", writes: peering.Operator,
		about: "What contacts are there for. Templates ask for a contact by the name of its role."}, n.ContactRoles)
	records(s, noun{path: "peerings", one: "peering", many: "peerings", writes: peering.Operator, noCreate: true,
		about: "Agreements with peers, one per venue: an exchange, or direct. Only what is agreed is deployed. `turn` is who has to move next. " +
			"Peering with a network records those at exchanges, and the first direct session with it the direct one."}, peeringStore{n.Peerings})
	records(s, noun{path: "approval-rules", one: "approval rule", many: "approval rules", writes: peering.Admin,
		about: "How much approval plans take. A rule matches the plans that meet all its conditions; what several ask for adds up: the most votes, " +
			"the shortest life of an approval, the author's own only where each of them lets it count. Where none matches one vote of somebody else " +
			"is needed (`default`). An edit adds to plans that wait already, and never takes from them; for a day it doesn't ease the editor's own changes. " +
			"votes_needed 0 is an automatic rule: a refresh whose prefix lists change by at most filter_change_limit entries, and nothing else, goes on by itself."}, n.ApprovalRules)
	records(s, noun{path: "sessions", one: "session", many: "sessions", writes: peering.Operator,
		about: "BGP sessions on four axes: agreement, intent, sync and what was observed; `display` is what they add up to, `turn` who has to move next. " +
			"A direct session (kind direct, the default without connection_id) needs no peering_id: it gets the peering of our AS and the peer's over no exchange."}, sessionStore{s})
}

// records registers list, get, create, patch and delete of one noun.
func records[T any](s *server, n noun, store Store[T]) {
	path := "/api/v1/" + n.path
	one := path + "/{id}"
	add(s, operation{method: http.MethodGet, path: path, role: peering.Viewer, tag: n.many, filters: store.Filters(), summary: "List " + n.many,
		description: n.about}, listing(store))
	add(s, operation{method: http.MethodGet, path: one, role: peering.Viewer, tag: n.many, summary: "Show one " + n.one,
		description: n.about + " The ETag is its version."}, getting(store))
	if !n.noCreate {
		add(s, operation{method: http.MethodPost, path: path, role: n.writes, tag: n.many, status: http.StatusCreated, body: *new(T),
			summary: "Record one " + n.one, description: n.about + " Id, version and times are set here; what is left out takes its default."},
			creating(store, path))
	}
	add(s, operation{method: http.MethodPatch, path: one, role: n.writes, tag: n.many, body: *new(T), summary: "Edit one " + n.one,
		description: "A JSON merge patch (RFC 7396): what it doesn't name stays, null goes back to the default or to inheriting. " +
			"If-Match holds the version that was read."}, patching(store))
	add(s, operation{method: http.MethodDelete, path: one, role: n.writes, tag: n.many, status: http.StatusNoContent, summary: "Delete one " + n.one,
		description: "Refused (409) while other records refer to it. If-Match holds the version that was read."}, deleting(store))
	bulk(s, n, path+"/bulk", store)
}

// one is a record with its version as ETag.
type one[T any] struct {
	ETag     string `header:"ETag" doc:"the record's version, for If-Match"`
	Location string `header:"Location" doc:"where a new record is"`
	Body     T
}

func tagged[T any](v T, err error) (*one[T], error) {
	if err != nil {
		return nil, err
	}
	return &one[T]{ETag: etag(metaOf(v).Version), Body: v}, nil
}

// metaOf reads the part that every record embeds.
func metaOf(record any) peering.Meta {
	return reflect.ValueOf(record).FieldByName("Meta").Interface().(peering.Meta)
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// Matched is the input of operations on a version that was read.
type Matched struct {
	ByID
	IfMatch string `header:"If-Match" doc:"the version that was read, as its ETag: \"7\"; * means whatever it is now"`
}

var errNoMatch = newProblem(http.StatusPreconditionRequired, peering.Stale, "send the version that you read as If-Match (its ETag), or * for whatever it is now")

// version is 0 for "whatever it is now".
func (m Matched) version() (int64, error) {
	switch m.IfMatch {
	case "":
		p := *errNoMatch
		return 0, &p
	case "*":
		return 0, nil
	}
	version, err := strconv.ParseInt(strings.Trim(m.IfMatch, `"`), 10, 64)
	if err != nil || version < 1 {
		return 0, peering.NewError(peering.Stale, "If-Match isn't an ETag of this server, such as \"7\": read the record again")
	}
	return version, nil
}

func getting[T any](store Store[T]) func(context.Context, *ByID) (*one[T], error) {
	return func(ctx context.Context, in *ByID) (*one[T], error) { return tagged(store.Get(ctx, in.ID)) }
}

// Raw is JSON that the domain reads, so that its own types decide what fits.
type Raw struct {
	RawBody []byte `contentType:"application/json"`
}

func creating[T any](store Store[T], path string) func(context.Context, *Raw) (*one[T], error) {
	return func(ctx context.Context, in *Raw) (*one[T], error) {
		v, err := decode[T](in.RawBody)
		if err != nil {
			return nil, err
		}
		out, err := tagged(store.Create(ctx, ActorOf(ctx), v))
		if err == nil {
			out.Location = fmt.Sprintf("%s/%d", path, metaOf(out.Body).ID)
		}
		return out, err
	}
}

// decode refuses fields that a noun doesn't have.
func decode[T any](text []byte) (v T, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return v, peering.Errorf(peering.Invalid, "the body doesn't fit: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if d.More() {
		return v, peering.NewError(peering.Invalid, "the body holds more than one JSON value")
	}
	return v, nil
}

type patchInput struct {
	Matched
	Raw
}

func patching[T any](store Store[T]) func(context.Context, *patchInput) (*one[T], error) {
	return func(ctx context.Context, in *patchInput) (*one[T], error) {
		version, err := in.version()
		if err != nil {
			return nil, err
		}
		return tagged(store.Patch(ctx, ActorOf(ctx), in.ID, version, in.RawBody))
	}
}

func deleting[T any](store Store[T]) func(context.Context, *Matched) (*struct{}, error) {
	return func(ctx context.Context, in *Matched) (*struct{}, error) {
		version, err := in.version()
		if err != nil {
			return nil, err
		}
		return nil, store.Delete(ctx, ActorOf(ctx), in.ID, version)
	}
}
