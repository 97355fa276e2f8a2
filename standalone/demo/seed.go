package demo

import (
	"context"
	"encoding/json"
	"fmt"

	"peerflow/db"
	"peerflow/internal/peering"
	"peerflow/internal/render"
)

// Seed records the demo's network, once: a folder that has it is left alone.
func Seed(ctx context.Context, d *db.DB, n *Network) error {
	have, err := d.AllRouters(ctx)
	if err != nil || len(have) > 0 {
		return err
	}
	s := seeder{ctx: ctx, d: d, by: peering.Actor{Kind: peering.ActorImport, Name: "demo"}}
	s.seed(n)
	return s.err
}

// seeder keeps the first error: each record needs the ones before it.
type seeder struct {
	ctx context.Context
	d   *db.DB
	by  peering.Actor
	err error
}

func record[T any](s *seeder, n db.Noun[T], v T) T {
	if s.err != nil {
		return v
	}
	made, err := n.Create(s.ctx, s.by, v)
	if err != nil {
		s.err = fmt.Errorf("seed %T: %w", v, err)
	}
	return made
}

func (s *seeder) seed(n *Network) {
	us := record(s, s.d.AutonomousSystems(), peering.AutonomousSystem{ASN: ourASN, Name: "Demo network", Local: true, Context: prefixes("own_prefixes")})
	peer := record(s, s.d.Relationships(), peering.Relationship{Slug: "peer", Name: "Peer", Role: "peer"})
	site := record(s, s.d.Sites(), peering.Site{Slug: "lab", Name: "Lab"})
	router := s.router(n, us, site)
	in := record(s, s.d.RoutingPolicies(), peering.RoutingPolicy{Slug: "peers-in", Name: "From peers", Direction: peering.Import,
		Context: json.RawMessage(`{"local_pref": 200}`)})
	expect := int64(len(ours))
	out := record(s, s.d.RoutingPolicies(), peering.RoutingPolicy{Slug: "peers-out", Name: "To peers", Direction: peering.Export,
		ExpectIPv4: &expect, Context: prefixes("announce")})
	ixp := record(s, s.d.IXPs(), peering.IXP{Slug: "demo-ix", Name: "Demo-IX", LocalASID: us.ID, RelationshipID: peer.ID, IXLANID: ixlanID,
		Mesh: peering.OnePerPeerPort, Agreement: peering.ConfigureThenAsk,
		Policies: peering.Policies{Import: []int64{in.ID}, Export: []int64{out.ID}}})
	record(s, s.d.Connections(), peering.Connection{IXPID: ixp.ID, RouterID: router.ID, State: peering.ConnectionEnabled,
		IPv4: n.Public(n.at(edgeAddr)), IPv4LAN: n.lan(), Interface: "lo", Primary: true})
}

// prefixes are ours, in the words of the starter templates.
func prefixes(as string) json.RawMessage {
	text, _ := json.Marshal(map[string]any{as: ours}) // prefixes always marshal
	return text
}

func (s *seeder) router(n *Network, us peering.AutonomousSystem, site peering.Site) peering.Router {
	r, driver, clear := n.router()
	platform := record(s, s.d.Platforms(), peering.PlatformRecord{Slug: driver, Name: driver, Driver: driver})
	body, err := render.Starter(driver)
	if err != nil && s.err == nil {
		s.err = err
	}
	template := record(s, s.d.Templates(), peering.Template{Name: "starter for " + driver, Mode: peering.ModeStanza, Engine: peering.EngineJinja2, Body: body})
	if s.err == nil {
		r.Login, s.err = s.d.PutSecret(s.ctx, s.by, "edge1 login", clear)
	}
	r.SiteID, r.PlatformID, r.LocalASID, r.TemplateID = site.ID, platform.ID, us.ID, template.ID
	return record(s, s.d.Routers(), r)
}
