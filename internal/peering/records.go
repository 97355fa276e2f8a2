package peering

import "time"

// VoteInput is a decision as it came through the Update `decide`.
type VoteInput struct {
	ChangeID int64    `json:"change_id"`
	UpdateID string   `json:"update_id"`
	Decision Decision `json:"decision"`
	Code     string   `json:"code,omitempty"` // approval code
	Plan     string   `json:"plan,omitempty"` // first 8 hex digits, embedded single-user default only
	Reason   string   `json:"reason,omitempty"`
}

// VoteResult is what the caller of `decide` gets back.
type VoteResult struct {
	Accepted bool   `json:"accepted"`
	Text     string `json:"text"` // one line: what counts now, or why not
}

// Tally is the count of valid votes.
type Tally struct {
	Approved bool   `json:"approved"`
	Rejected bool   `json:"rejected"`
	Have     int    `json:"have"`
	Need     int    `json:"need"`
	Rejecter string `json:"rejecter,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// Command is what a person told a change to do.
type Command struct {
	ID     int64       `json:"id"`
	Kind   CommandKind `json:"kind"`
	User   string      `json:"user"`
	Reason string      `json:"reason"`
}

// BaselineRecord is what a deployment starts from.
type BaselineRecord struct {
	Baseline    Baseline
	Base        string // joined text of what we own there
	Artifact    string // composed text
	Identity    string // artifact hash that the router named
	Generation  string
	Incarnation string // of the router's daemon
}

// DeploymentEnd is how a deployment ended, as read from the router.
type DeploymentEnd struct {
	State   DeploymentState
	Outcome string
	Stanzas map[string]string // key to hash of what we own on the router now
}

// Poll is one look at a router.
type Poll struct {
	RouterID   int64
	At         time.Time
	Neighbors  []Neighbor
	Generation string
	Error      string // "" when it answered
}

// StateChange is a neighbor that came up or went down.
type StateChange struct {
	Address string `json:"address"`
	From    string `json:"from"`
	To      string `json:"to"`
}

// AuditEvent is what a door refused, or did without leaving a row elsewhere.
type AuditEvent struct {
	ID      int64     `json:"id"`
	At      time.Time `json:"at"`
	UserID  int64     `json:"user_id"` // 0: nobody that we know
	User    string    `json:"user"`
	Door    Door      `json:"door"`
	Act     string    `json:"act"`
	Refused bool      `json:"refused"`
	Text    string    `json:"text"`
}
