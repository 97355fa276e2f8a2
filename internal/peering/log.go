package peering

import (
	"encoding/json"
	"time"
)

// LogEntry is one write to the source of truth: who, what, and the record before
// and after it. It never holds a clear secret.
type LogEntry struct {
	ID        int64           `json:"id"`
	At        time.Time       `json:"at"`
	ActorKind ActorKind       `json:"actor_kind"`
	UserID    int64           `json:"user_id"` // 0: no person
	Actor     string          `json:"actor"`   // name, for people
	RequestID string          `json:"request_id"`
	ChangeID  int64           `json:"change_id"` // 0: in no change's name
	Object    string          `json:"object"`
	ObjectID  int64           `json:"object_id"`
	Action    string          `json:"action"`
	Before    json.RawMessage `json:"before"` // null: it is new
	After     json.RawMessage `json:"after"`  // null: it is gone
}
