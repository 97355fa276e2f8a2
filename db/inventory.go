package db

import (
	"context"

	"github.com/jackc/pgx/v5"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// Inventory loads everything that is recorded, on one unchanging view and with the
// same number of queries however much that is, with what is needed of what is
// large. Kind unsupported when the lists of IRRs are, and take more than maxInventoryLists.
func (d *DB) Inventory(ctx context.Context, needs peering.Needs) (all peering.Inventory, err error) {
	err = d.read(ctx, func(tx pgx.Tx, q *dbsqlc.Queries) error {
		ids, err := q.InventoryIDs(ctx)
		if err != nil {
			return err
		}
		if err := filling(ctx, q, &all.Routers, routers, ids.Routers)(); err != nil {
			return err
		}
		if err := filling(ctx, q, &all.Platforms, platforms, ids.Platforms)(); err != nil {
			return err
		}
		shared := dbsqlc.DesiredIDsRow{
			Sessions: ids.Sessions, Connections: ids.Connections, Ixps: ids.Ixps, Peerings: ids.Peerings, Networks: ids.Networks, BgpGroups: ids.BgpGroups,
			Relationships: ids.Relationships, Policies: ids.Policies, Communities: ids.Communities, Tags: ids.Tags, Bfds: ids.Bfds,
			Contexts: ids.Contexts, Contacts: ids.Contacts, ContactRoles: ids.ContactRoles, Templates: ids.Templates,
		}
		if err := desiredRecords(ctx, q, shared, &all.Desired); err != nil {
			return err
		}
		size, err := q.IRRListsSize(ctx)
		if err != nil {
			return err
		}
		if needs.IRR && size > maxInventoryLists {
			return peering.Errorf(peering.Unsupported, "the prefix lists and AS lists of all networks take %d MiB, and a template over all records is given at most %d: leave out prefixes, prefix_list, as_list, as_json and as_yaml",
				size>>20, maxInventoryLists>>20)
		}
		if all.Mirror, err = mirrorOf(ctx, q, all.Desired); err != nil {
			return err
		}
		all.Unneeded = needs.Not()
		return desiredLarge(ctx, tx, q, needs, shared, &all.Desired)
	})
	return all, err
}

// maxInventoryLists is how much of lists is loaded at once: some two million entries (bytes).
const maxInventoryLists = 64 << 20
