package db

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// Desired loads what a router is rendered from, on one unchanging view and with
// the same number of queries whatever the number of sessions. Policies, communities,
// groups, relationships, platforms and templates come whole, used or not, so that an overlay or a
// template may name any; of other nouns, what operations of open changes name comes along. What is
// large comes when the router's template, or one that an open change brings, can ask for it.
func (d *DB) Desired(ctx context.Context, routerID int64) (peering.Desired, error) {
	return d.desired(ctx, routerID, nil)
}

// DesiredFor is Desired for another template than the router's, with what that one needs.
func (d *DB) DesiredFor(ctx context.Context, routerID int64, needs peering.Needs) (peering.Desired, error) {
	return d.desired(ctx, routerID, &needs)
}

func (d *DB) desired(ctx context.Context, routerID int64, needs *peering.Needs) (desired peering.Desired, err error) {
	err = d.read(ctx, func(tx pgx.Tx, q *dbsqlc.Queries) error {
		if desired.Router, err = routers.get(ctx, q, routerID); err != nil {
			return err
		}
		ids, err := q.DesiredIDs(ctx, routerID)
		if err != nil {
			return err
		}
		if err := desiredRecords(ctx, q, ids, &desired); err != nil {
			return err
		}
		desired.LocalAS = desired.Networks[desired.Router.LocalASID]
		desired.Template = desired.Templates[desired.Router.TemplateID]
		desired.Platform = desired.Platforms[desired.Router.PlatformID]
		if desired.Mirror, err = mirrorOf(ctx, q, desired, ids.Asns...); err != nil {
			return err
		}
		needed := peering.AllNeeds
		switch {
		case needs != nil:
			needed = *needs
		case d.needs != nil && !ids.TemplatesMove:
			needed = d.needs(desired.Template, desired.Templates)
		}
		desired.Unneeded = needed.Not()
		if err := desiredLarge(ctx, tx, q, needed, ids, &desired); err != nil {
			return err
		}
		desired.SetApart()
		return nil
	})
	return desired, err
}

// desiredLarge loads what is large, as far as it is needed.
func desiredLarge(ctx context.Context, tx pgx.Tx, q *dbsqlc.Queries, needs peering.Needs, ids dbsqlc.DesiredIDsRow, d *peering.Desired) (err error) {
	if needs.IRR {
		if d.IRR, err = irrLists(ctx, q, ids.Networks); err != nil {
			return err
		}
	}
	if needs.PeeringDB {
		d.PeeringDB, err = mirroredFor(ctx, tx, *d, ids.Asns...)
	}
	return err
}

func desiredRecords(ctx context.Context, q *dbsqlc.Queries, ids dbsqlc.DesiredIDsRow, d *peering.Desired) error {
	for _, fill := range []func() error{
		filling(ctx, q, &d.Sessions, sessions, ids.Sessions),
		filling(ctx, q, &d.Peerings, peerings, ids.Peerings),
		filling(ctx, q, &d.Networks, autonomousSystems, ids.Networks),
		filling(ctx, q, &d.IXPs, ixps, ids.Ixps),
		filling(ctx, q, &d.Connections, connections, ids.Connections),
		filling(ctx, q, &d.Groups, bgpGroups, ids.BgpGroups),
		filling(ctx, q, &d.Relationships, relationships, ids.Relationships),
		filling(ctx, q, &d.Policies, routingPolicies, ids.Policies),
		filling(ctx, q, &d.Communities, communities, ids.Communities),
		filling(ctx, q, &d.Tags, tags, ids.Tags),
		filling(ctx, q, &d.BFD, bfds, ids.Bfds),
		filling(ctx, q, &d.Contexts, configContexts, ids.Contexts),
		filling(ctx, q, &d.Contacts, contacts, ids.Contacts),
		filling(ctx, q, &d.ContactRoles, contactRoles, ids.ContactRoles),
		filling(ctx, q, &d.Templates, templates, ids.Templates),
		filling(ctx, q, &d.Platforms, platforms, ids.Platforms),
	} {
		if err := fill(); err != nil {
			return err
		}
	}
	return nil
}

// filling loads records into a map by id, when it is called.
func filling[T any](ctx context.Context, q *dbsqlc.Queries, into *map[int64]T, k *kind[T], ids []int64) func() error {
	return func() (err error) {
		*into, err = k.byID(ctx, q, ids)
		return err
	}
}

func (k *kind[T]) byID(ctx context.Context, q *dbsqlc.Queries, ids []int64) (map[int64]T, error) {
	list, err := k.load(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	set := make(map[int64]T, len(list))
	for _, v := range list {
		set[k.meta(&v).ID] = v
	}
	return set, nil
}

// mirrorOf is what the networks of a desired state publish as their prefix counts, and those of more AS numbers.
func mirrorOf(ctx context.Context, q *dbsqlc.Queries, d peering.Desired, more ...int64) (map[bgp.ASN]peering.PDBLimits, error) {
	rows, err := q.PublishedCounts(ctx, asnsOf(d, more...))
	if err != nil {
		return nil, err
	}
	mirror := make(map[bgp.ASN]peering.PDBLimits, len(rows))
	for _, r := range rows {
		mirror[bgp.ASN(r.ASN)] = peering.PDBLimits{IPv4: r.InfoPrefixes4, IPv6: r.InfoPrefixes6}
	}
	return mirror, nil
}

// asnsOf are the AS numbers of a desired state's networks and sessions, and more.
func asnsOf(d peering.Desired, more ...int64) []int64 {
	asns := slices.Clone(more)
	for _, n := range d.Networks {
		asns = append(asns, int64(n.ASN))
	}
	for _, s := range d.Sessions {
		asns = append(asns, int64(s.PeerAS))
	}
	return asns
}

// Ledger maps the stanza keys that we wrote on a router, and that aren't proven
// absent, to the hash that was last deployed there; "" once we removed one, and
// for one that was announced and never confirmed.
func (d *DB) Ledger(ctx context.Context, routerID int64) (map[string]string, error) {
	keys, err := ledger(ctx, d.q, routerID)
	return keys, translate(err)
}

func ledger(ctx context.Context, q *dbsqlc.Queries, routerID int64) (map[string]string, error) {
	rows, err := q.LedgerOf(ctx, routerID)
	keys := make(map[string]string, len(rows))
	for _, r := range rows {
		keys[r.Key] = r.Hash
	}
	return keys, err
}

// Stanzas lists what Ledger has, with the deployments that wrote it.
func (d *DB) Stanzas(ctx context.Context, routerID int64) ([]peering.DeployedStanza, error) {
	rows, err := d.q.LedgerList(ctx, routerID)
	if err != nil {
		return nil, translate(err)
	}
	all := make([]peering.DeployedStanza, len(rows))
	for i, r := range rows {
		all[i] = peering.DeployedStanza{Key: r.Key, Hash: r.Hash, DeploymentID: r.DeploymentID, ChangeID: r.ChangeID, WrittenAt: r.WrittenAt.UTC()}
	}
	return all, nil
}

// DeployedSessions lists a router's sessions as they were last deployed: what protected them then still
// does, whoever edited or deleted their records since.
func (d *DB) DeployedSessions(ctx context.Context, routerID int64) ([]peering.DeployedSession, error) {
	rows, err := d.q.DeployedSessionList(ctx, routerID)
	if err != nil {
		return nil, translate(err)
	}
	all := make([]peering.DeployedSession, len(rows))
	for i, r := range rows {
		all[i] = peering.DeployedSession{NeighborKey: peering.NeighborKey{VRF: r.Vrf, Address: r.Neighbor.Unmap()}, PeerAS: bgp.ASN(r.PeerASN), Protected: r.Protected}
	}
	return all, nil
}

// LeftThere tells by key and hash which deployments wrote a stanza on a router and
// never confirmed it; the newest, where several wrote the same.
func (d *DB) LeftThere(ctx context.Context, routerID int64) (map[peering.Move]peering.LeftThere, error) {
	rows, err := d.q.LeftThere(ctx, routerID)
	if err != nil {
		return nil, translate(err)
	}
	left := make(map[peering.Move]peering.LeftThere, len(rows))
	for _, r := range rows {
		left[peering.Move{Key: r.Key, After: r.AfterHash}] = peering.LeftThere{DeploymentID: r.ID, ChangeID: r.ChangeID, State: peering.DeploymentState(r.State)}
	}
	return left, nil
}

// PendingAuthors names who edited what a router is rendered from since its last
// confirmed deployment was submitted. Edits while that one ran count, too:
// better one label too many than an edit that rides along unseen.
func (d *DB) PendingAuthors(ctx context.Context, routerID int64) ([]peering.User, error) {
	rows, err := d.q.PendingAuthors(ctx, dbsqlc.PendingAuthorsParams{RouterID: routerID})
	if err != nil {
		return nil, translate(err)
	}
	users := make([]peering.User, len(rows))
	for i, r := range rows {
		users[i] = peering.User{ID: r.ID, Version: r.Version, Name: r.Name, Active: r.Active, CreatedAt: r.CreatedAt.UTC(), Roles: rolesOf(r.Roles)}
	}
	return users, nil
}

func rolesOf[S ~string](names []S) []peering.Role {
	roles := make([]peering.Role, len(names))
	for i, n := range names {
		roles[i] = peering.Role(n)
	}
	return roles
}
