package db

import (
	"context"
	"time"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// AuditEvents lists what doors refused or did on a change, oldest first.
func (d *DB) AuditEvents(ctx context.Context, changeID int64) ([]peering.AuditEvent, error) {
	rows, err := d.q.AuditOfChange(ctx, changeID)
	events := make([]peering.AuditEvent, len(rows))
	for i, r := range rows {
		events[i] = auditEventOf(dbsqlc.AuditRowsRow(r))
	}
	return events, translate(err)
}

var auditList = listing{
	table: "audit_event", newest: true, bare: true, search: []string{"t.act", "t.text"},
	fields: map[string]field{
		"at":        {expr: "t.at", kind: moment},
		"user_id":   {expr: "t.user_id", kind: number},
		"user":      {expr: "u.name", join: "app_user u ON u.id = t.user_id", kind: word},
		"door":      {expr: "t.door", kind: word},
		"act":       {expr: "t.act", kind: word},
		"change_id": {expr: "t.change_id", kind: number},
		"refused":   {expr: "t.refused", kind: flag},
		"times":     {expr: "t.times", kind: number},
	},
}

// AuditFilters are those of ListAudit.
func (d *DB) AuditFilters() []peering.FilterField { return auditList.describe() }

// ListAudit lists what doors refused, or did without leaving a row elsewhere, newest first.
func (d *DB) ListAudit(ctx context.Context, filters []peering.Filter, p peering.Page) (peering.List[peering.AuditEvent], error) {
	return page(ctx, d, auditList, loads((*dbsqlc.Queries).AuditRows, auditEventOf), filters, p)
}

// NoteAudit records what a door refused before there was anything to do it on, or
// let through that leaves no row elsewhere.
func (d *DB) NoteAudit(ctx context.Context, e peering.AuditEvent) (id int64, err error) {
	id, err = d.q.AuditInsert(ctx, dbsqlc.AuditInsertParams{UserID: orNull(e.UserID), Door: string(e.Door), Act: e.Act, ChangeID: orNull(e.ChangeID), Refused: e.Refused, Text: e.Text})
	return id, translate(err)
}

// NoteTimes notes how often (at least 1) the same was refused or done, and when last.
func (d *DB) NoteTimes(ctx context.Context, id, times int64, last time.Time) error {
	return translate(d.q.AuditCount(ctx, dbsqlc.AuditCountParams{ID: id, Times: times, LastAt: last}))
}

func auditEventOf(r dbsqlc.AuditRowsRow) peering.AuditEvent {
	return peering.AuditEvent{ID: r.ID, At: r.At.UTC(), LastAt: timeOrZero(r.LastAt), Times: r.Times, UserID: orZero(r.UserID), User: r.UserName,
		Door: peering.Door(r.Door), Act: r.Act, ChangeID: orZero(r.ChangeID), Refused: r.Refused, Text: r.Text}
}
