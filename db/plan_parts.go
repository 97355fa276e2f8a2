package db

import (
	"context"
	"encoding/json"
	"fmt"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// storedPart is a part with what a plan tells in its impact alone: an automatic
// rule goes by it, at whatever site it was found.
type storedPart struct {
	peering.PlanPart
	Filters peering.FilterChange `json:"filters"`
}

// StoreParts keeps what planning found on the routers of one site, with the
// texts that it names, until the plan is put together.
func (d *DB) StoreParts(ctx context.Context, changeID int64, parts []peering.PlanPart, texts []string) error {
	return d.Write(ctx, actorOf(changeID), func(tx *Tx) error {
		if err := tx.putTexts(ctx, texts...); err != nil {
			return err
		}
		for _, p := range parts {
			text, err := json.Marshal(storedPart{p, p.Filters})
			if err != nil {
				return err
			}
			if err := tx.q.PlanPartPut(ctx, dbsqlc.PlanPartPutParams{ChangeID: changeID, RouterID: p.RouterID, Part: text}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Parts lists what was stored since DropParts.
func (d *DB) Parts(ctx context.Context, changeID int64) ([]peering.PlanPart, error) {
	rows, err := d.q.PlanPartList(ctx, changeID)
	if err != nil {
		return nil, translate(err)
	}
	parts := make([]peering.PlanPart, len(rows))
	for i, row := range rows {
		var stored storedPart
		if err := json.Unmarshal(row, &stored); err != nil {
			return nil, fmt.Errorf("read a part of the plan of change %d: %w", changeID, err)
		}
		parts[i] = stored.PlanPart
		parts[i].Filters = stored.Filters
	}
	return parts, nil
}

// DropParts forgets an earlier planning.
func (d *DB) DropParts(ctx context.Context, changeID int64) error {
	return translate(d.q.PlanPartDrop(ctx, changeID))
}
