package db

import (
	"context"
	"fmt"
	"strings"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// undoable reports ends that left something on routers for good.
func undoable(s peering.ChangeState) bool {
	return s == peering.ChangeCompleted || s == peering.ChangePartial
}

// undo opens the change that gives every record that an ended one wrote the value
// it had before; approved and deployed like any other. One that is open already
// is answered. It is refused when a record was written again since.
func (tx *Tx) undo(ctx context.Context, c peering.Change, reason string) (peering.Command, error) {
	command := peering.Command{Kind: peering.CommandRollBack, User: tx.actor.Name, Reason: reason}
	open, err := tx.q.ChangeUndoing(ctx, c.ID)
	if err != nil || open != 0 {
		command.ChangeID = open
		return command, err
	}
	ops, err := tx.undoing(ctx, c)
	if err != nil {
		return command, err
	}
	n := NewChange{Kind: c.Kind.Undoing(), Reason: strings.TrimSuffix(fmt.Sprintf("undoes change/%d: %s", c.ID, reason), ": "),
		Request: peering.ChangeRequest{Operations: ops, Undoes: c.ID}}
	if err := n.check(tx.actor); err != nil {
		return command, err
	}
	if command.ChangeID, err = tx.insertChange(ctx, n); err != nil {
		return command, err
	}
	tx.actor.ChangeID = c.ID
	return command, tx.Log(ctx, "change", c.ID, "undo", nil, map[string]any{"change_id": command.ChangeID, "reason": reason})
}

// undoing is what restores the records that a change wrote, the last one first.
func (tx *Tx) undoing(ctx context.Context, c peering.Change) ([]peering.Operation, error) {
	rows, err := tx.q.OperationRecordedList(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	var ops []peering.Operation
	var later []string
	for _, r := range rows {
		if r.LaterActor != "" {
			later = append(later, fmt.Sprintf("%s %d by %s", noun(string(r.Object)), r.ObjectID, laterWriter(r)))
		}
		op := peering.Operation{RouterID: r.RouterID, Object: peering.ObjectKind(r.Object), ObjectID: r.ObjectID}
		if op.Action, op.Patch, err = peering.Undo(r.Before, r.After); err != nil {
			return nil, fmt.Errorf("undo %s %d: %w", noun(string(r.Object)), r.ObjectID, err)
		}
		if op.Action != "" {
			ops = append(ops, op)
		}
	}
	switch {
	case len(later) > 0:
		return nil, peering.Errorf(peering.Conflict, "change %d can't be undone as a whole, since records that it wrote were written again: %s: undo those first, or open a change that says what is wanted now",
			c.ID, peering.Some(later, maxNamed, ", "))
	case len(ops) > 0:
		return ops, nil
	case c.Kind == peering.KindDeploy:
		return nil, peering.Errorf(peering.Conflict, "change %d is %s and carried edits that were recorded before it: edit those records back, then peerflow router deploy ROUTER brings them there", c.ID, sayState(c.State))
	}
	return nil, peering.Errorf(peering.Conflict, "change %d is %s and nothing that it wrote is left to undo: where a router runs otherwise than recorded (peerflow router diff ROUTER), peerflow router deploy ROUTER brings back what is recorded",
		c.ID, sayState(c.State))
}

// maxNamed is how many records a refusal names.
const maxNamed = 20

func laterWriter(r dbsqlc.OperationRecordedListRow) string {
	if r.LaterChange != 0 {
		return fmt.Sprintf("change %d", r.LaterChange)
	}
	return r.LaterActor
}
