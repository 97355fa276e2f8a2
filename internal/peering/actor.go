package peering

import (
	"slices"
	"time"
)

// Actor is who does something, and through which door.
type Actor struct {
	Kind      ActorKind
	UserID    int64 // 0 unless Kind is ActorUser
	Name      string
	Roles     []Role
	Door      Door
	RequestID string
	ChangeID  int64 // the change in whose name it acts; 0: none
}

// ActorKind is what an actor is.
type ActorKind string

const (
	ActorUser     ActorKind = "user"
	ActorWorkflow ActorKind = "workflow"
	ActorSchedule ActorKind = "schedule"
	ActorImport   ActorKind = "import"
	ActorSystem   ActorKind = "system"
)

// Door is how an actor came in.
type Door string

const (
	DoorAPI      Door = "api"
	DoorCLI      Door = "cli"
	DoorTemporal Door = "temporal" // an approval code, pasted in the Temporal UI
	DoorLocal    Door = "local"    // the embedded single-user default
	DoorRule     Door = "rule"     // a named automatic rule
)

// Role is what a person may do. Admin includes every other but emergency.
type Role string

const (
	Viewer    Role = "viewer"
	Operator  Role = "operator"
	Approver  Role = "approver"
	Admin     Role = "admin"
	Emergency Role = "emergency"
)

// May reports whether the actor has a role. Everybody who may do anything may view.
func (a Actor) May(r Role) bool {
	if slices.Contains(a.Roles, r) {
		return true
	}
	if r == Viewer {
		return len(a.Roles) > 0
	}
	return r != Emergency && slices.Contains(a.Roles, Admin)
}

// User is a person who may log in.
type User struct {
	ID        int64     `json:"id"`
	Version   int64     `json:"version"`
	Name      string    `json:"name"`
	Roles     []Role    `json:"roles"`
	Active    bool      `json:"active"`
	CreatedAt time.Time `json:"created_at"`
}

// Filter is one condition of a list: a field, an operator and its values (any of them).
// Operators are NetBox's: "" (equals), "n", "ic", "isw", "gt", "gte", "lt", "lte", "isnull".
type Filter struct {
	Field  string
	Op     string
	Values []string
}

// FilterField describes a filter to those who write them.
type FilterField struct {
	Name      string
	Type      string   // of its values: integer, AS number, string, boolean, date-time or address
	Values    []string // all there are, of an enum
	Operators []string // beside equality
	Every     bool     // a record has to meet all values, and not any
}

// Page asks for at most Limit rows (1 to 1000) after a cursor ("" is the start).
type Page struct {
	After string
	Limit int
	Order string // OldestFirst or NewestFirst; "" is the list's own
}

// Orders of a list. A cursor belongs to the order that it came from.
const (
	OldestFirst = "id"
	NewestFirst = "-id"
)

// List is one page of rows; Next is "" on the last one.
type List[T any] struct {
	Items []T
	Next  string
}
