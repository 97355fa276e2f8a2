package db

import (
	"context"
	"encoding/json"
	"fmt"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// Log writes the change-log entry and the outbox row of one write, in its own
// transaction. Before and after are domain values (nil: there was or will be
// none); they never hold a clear secret, only references.
func (tx *Tx) Log(ctx context.Context, object string, id int64, action string, before, after any) error {
	was, err := logJSON(before)
	if err != nil {
		return fmt.Errorf("log %s of %s %d: %w", action, object, id, err)
	}
	is, err := logJSON(after)
	if err != nil {
		return fmt.Errorf("log %s of %s %d: %w", action, object, id, err)
	}
	entry, err := tx.q.LogInsert(ctx, dbsqlc.LogInsertParams{
		ActorKind: string(tx.actor.Kind), UserID: orNull(tx.actor.UserID), Actor: tx.actor.Name, RequestID: tx.actor.RequestID,
		ChangeID: orNull(tx.actor.ChangeID), Object: object, ObjectID: id, Action: action, Before: was, After: is,
	})
	if err != nil {
		return fmt.Errorf("log %s of %s %d: %w", action, object, id, err)
	}
	return tx.Emit(ctx, object, tx.actor.ChangeID, id, action, map[string]any{"log_id": entry, "actor": tx.actor.Name})
}

// Emit writes an outbox row: an event that webhooks and progress streams carry
// once this transaction is committed. changeID 0 belongs to no change.
func (tx *Tx) Emit(ctx context.Context, topic string, changeID, objectID int64, event string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("event %s of %s %d: %w", event, topic, objectID, err)
	}
	return tx.q.OutboxInsert(ctx, dbsqlc.OutboxInsertParams{
		Topic: topic, ChangeID: orNull(changeID), ObjectID: objectID, Event: event, Body: text})
}

// logJSON is the stored form of a value; nil stays NULL.
func logJSON(v any) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}

var logList = listing{
	table: "change_log", newest: true, bare: true, search: []string{"t.actor", "t.action"},
	fields: map[string]field{
		"at":         {expr: "t.at", kind: moment},
		"actor_kind": {expr: "t.actor_kind", kind: word},
		"user_id":    {expr: "t.user_id", kind: number},
		"actor":      {expr: "t.actor", kind: word},
		"request_id": {expr: "t.request_id", kind: word},
		"change_id":  {expr: "t.change_id", kind: number},
		"object":     {expr: "t.object", kind: word},
		"object_id":  {expr: "t.object_id", kind: number},
		"action":     {expr: "t.action", kind: word},
	},
}

// ChangeLogFilters are those of ChangeLog.
func (d *DB) ChangeLogFilters() []peering.FilterField { return logList.describe() }

// ChangeLog lists what was written to the source of truth, newest first.
func (d *DB) ChangeLog(ctx context.Context, filters []peering.Filter, p peering.Page) (peering.List[peering.LogEntry], error) {
	return page(ctx, d, logList, loads((*dbsqlc.Queries).LogRows, logEntryOf), filters, p)
}

func logEntryOf(r dbsqlc.ChangeLog) peering.LogEntry {
	return peering.LogEntry{
		ID: r.ID, At: r.At.UTC(), ActorKind: peering.ActorKind(r.ActorKind), UserID: orZero(r.UserID), Actor: r.Actor, RequestID: r.RequestID,
		ChangeID: orZero(r.ChangeID), Object: r.Object, ObjectID: r.ObjectID, Action: r.Action, Before: r.Before, After: r.After,
	}
}
