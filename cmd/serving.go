package cmd

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"peerflow/api"
	"peerflow/db"
	"peerflow/internal/bgp"
	"peerflow/internal/driver"
	"peerflow/internal/peering"
	"peerflow/internal/render"
	"peerflow/internal/temporalauth"
)

// Guard checks requests against the database's tokens. Hosts are names, beside
// loopback's, under which this server is reached.
func (p *Parts) Guard(hosts ...string) *api.Guard { return newGuard(p.DB, p.Log, hosts...) }

func newGuard(d *db.DB, log *slog.Logger, hosts ...string) *api.Guard {
	return api.NewGuard(api.GuardDeps{Logins: d, Audit: d, Log: log, Hosts: hosts})
}

// API serves /api/v1, /docs, /login and /healthz. Other pages go behind the same
// login with guard.Protect; WithPerson names who is there to Temporal.
func (p *Parts) API(guard *api.Guard) http.Handler {
	return api.New(apiDeps(p.DB, guard, starter{p}, p.status, p.pollEvery(), p.Log))
}

// WithPerson notes for Temporal's history who sent a request that guard.Protect let in.
func WithPerson(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(temporalauth.WithUser(r.Context(), api.ActorOf(r.Context()).Name)))
	})
}

func apiDeps(d *db.DB, guard *api.Guard, w api.Workflows, status func(context.Context) api.Status, pollEvery time.Duration, log *slog.Logger) api.Deps {
	return api.Deps{
		Guard: guard, Changes: changeDoor{d}, Plans: d, Votes: d, Commands: d, Events: eventReader{d}, Freezes: d, Observed: d, Intent: d, IRR: d, Templates: newTemplating(d), Users: d,
		Secrets: d, Workflows: w, Status: status, Adoption: adoption, Ask: asking(d), Propose: propose, Drivers: driverViews(), PollEvery: pollEvery, Version: Version(), Log: log,
		Nouns: api.Nouns{AutonomousSystems: d.AutonomousSystems(), Relationships: d.Relationships(), Sites: d.Sites(), Platforms: d.Platforms(),
			Templates: d.Templates(), Routers: d.Routers(), Exchanges: d.IXPs(), Connections: d.Connections(), BGPGroups: d.BGPGroups(),
			RoutingPolicies: d.RoutingPolicies(), Peerings: d.Peerings(), Sessions: d.Sessions(), ApprovalRules: d.ApprovalRules(),
			Communities: d.Communities(), Tags: d.Tags(), BFD: d.BFD(), ConfigContexts: d.ConfigContexts(), Contacts: d.Contacts(), ContactRoles: d.ContactRoles()},
	}
}

// asking writes the text to a network.
func asking(d *db.DB) func(context.Context, bgp.ASN) (peering.AskText, error) {
	return func(ctx context.Context, asn bgp.ASN) (peering.AskText, error) {
		facts, err := d.AskFacts(ctx, asn)
		if err != nil {
			return peering.AskText{}, err
		}
		ask, err := peering.NewAsk(facts)
		if err != nil {
			return peering.AskText{}, err
		}
		return render.Ask(ctx, ask)
	}
}

// changeDoor opens changes as the API names them.
type changeDoor struct{ *db.DB }

func (c changeDoor) OpenChange(ctx context.Context, by peering.Actor, n api.NewChange) (peering.Change, bool, error) {
	return c.CreateChange(ctx, by, db.NewChange(n))
}

// eventReader reads the outbox by positions as text.
type eventReader struct{ db *db.DB }

func (e eventReader) ChangeEvents(ctx context.Context, after string, changeID int64, limit int) ([]api.Event, error) {
	from, err := db.ParsePosition(after)
	if err != nil {
		return nil, err
	}
	found, _, err := e.db.Events(ctx, from, changeID, limit)
	events := make([]api.Event, len(found))
	for i, f := range found {
		events[i] = api.Event{Position: f.Position.String(), At: f.At, Topic: f.Topic, ChangeID: f.ChangeID, ObjectID: f.ObjectID, Event: f.Event, Body: f.Body}
	}
	return events, err
}

// starter starts and wakes workflows in the name of the request's person.
type starter struct{ parts *Parts }

func (s starter) as(ctx context.Context) context.Context {
	return temporalauth.WithUser(ctx, api.ActorOf(ctx).Name)
}

func (s starter) StartPending(ctx context.Context) error { return s.parts.startPending(s.as(ctx)) }

// LookAgain leaves a change that couldn't be told to the relay.
func (s starter) LookAgain(ctx context.Context, changeID int64, why string) error {
	err := s.parts.Workflows.LookAgain(s.as(ctx), changeID, why)
	if err != nil {
		s.parts.owed.add(changeID, why)
	}
	return err
}

func (s starter) Enqueue(ctx context.Context, routerID, deploymentID int64) error {
	return s.parts.Workflows.Enqueue(s.as(ctx), routerID, deploymentID)
}

func (s starter) SyncNow(ctx context.Context, full bool) (string, error) {
	return s.parts.Workflows.SyncNow(s.as(ctx), full)
}

func (s starter) SyncRun(ctx context.Context) (peering.PDBSyncRun, error) {
	return s.parts.Workflows.SyncRun(s.as(ctx))
}

func (s starter) CompareRouter(ctx context.Context, routerID int64) (string, time.Time, error) {
	router, err := s.parts.DB.RouterRef(ctx, routerID)
	if err != nil {
		return "", time.Time{}, err
	}
	result, err := s.parts.Workflows.CompareRouter(s.as(ctx), router)
	return result.Hash, result.At, err
}

// adoption is what a person writes on a router once; a platform may need nothing.
func adoption(slug string, settings json.RawMessage) (file, line, needs string, err error) {
	platform, err := Drivers().Platform(slug)
	if err != nil {
		return "", "", "", err
	}
	adopter, ok := platform.(driver.Adopter)
	if !ok {
		return "", "", "nothing: peerflow owns what it writes there by name", nil
	}
	a, err := adopter.Adoption(settings)
	return a.File, a.Line, a.Files, err
}

// propose is what a person pastes on a router in mode propose.
func propose(slug string, w peering.Way) (peering.Proposal, error) {
	platform, err := Drivers().Platform(slug)
	if err != nil {
		return peering.Proposal{}, err
	}
	proposer, ok := platform.(driver.Proposer)
	if !ok {
		return peering.Proposal{}, peering.Errorf(peering.Unsupported, "platform %s has no text that a person could paste", slug)
	}
	return proposer.Propose(w)
}

// driverViews lists what this build can speak to.
func driverViews() []api.DriverView {
	var views []api.DriverView
	for _, p := range Drivers().Platforms() {
		views = append(views, api.DriverView{Name: p.Name(), Proof: string(p.Proof()), Text: p.Proof().String()})
	}
	return views
}

const statusPatience = 3 * time.Second

func (p *Parts) status(ctx context.Context) api.Status {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	status := api.Status{Database: "ok", Temporal: "ok"}
	if err := p.DB.CheckSchema(ctx); err != nil {
		if status.Database = "the database doesn't answer in time"; peering.KindOf(err) != "" {
			status.Database = err.Error()
		}
		p.Log.Warn("check the schema", "error", err, "cause", peering.CauseOf(err))
	}
	if mirror, err := db.NewPeeringDBMirror(p.DB.Pool()).State(ctx); err == nil {
		status.PeeringDB = &mirror
	}
	if _, err := p.Temporal.CheckHealth(ctx, nil); err != nil {
		status.Temporal = "Temporal doesn't answer at " + p.Config.TemporalAddress
	}
	return status
}
