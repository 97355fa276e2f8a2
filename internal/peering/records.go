package peering

import (
	"time"

	"peerflow/internal/bgp"
)

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

// Command is what a person told a change to do.
type Command struct {
	ID     int64       `json:"id"`
	Kind   CommandKind `json:"kind"`
	User   string      `json:"user"`
	Reason string      `json:"reason"`
	// ChangeID is the new change that undoes one which had ended; 0 for all that acts on a change that goes on.
	ChangeID int64 `json:"change_id,omitempty"`
}

// BaselineRecord is what a deployment starts from.
type BaselineRecord struct {
	Baseline    Baseline
	Base        string // joined text of what we own there
	Artifact    string // composed text
	Identity    string // artifact hash that the router named
	Generation  string
	Incarnation string    // of the router's daemon
	ReadAt      time.Time // when the base was read at the latest, by the database's clock
}

// DeployedSession is a session as it was last deployed on its router, whatever its
// record says since.
type DeployedSession struct {
	NeighborKey
	PeerAS    bgp.ASN
	Protected string // why no change may touch it unless its kind allows it; "" when any may
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
	ID       int64     `json:"id"`
	At       time.Time `json:"at"`
	LastAt   time.Time `json:"last_at,omitzero" doc:"when the last of several was refused or done"`
	Times    int64     `json:"times" doc:"how often the like was refused or done within a minute; 1 for what stands alone"`
	UserID   int64     `json:"user_id" doc:"0: nobody that we know"`
	User     string    `json:"user"`
	Door     Door      `json:"door"`
	Act      string    `json:"act"`
	ChangeID int64     `json:"change_id,omitempty"`
	Refused  bool      `json:"refused"`
	Text     string    `json:"text"`
}

// RecordedVote is a vote with the plan it was for and when it stopped counting.
type RecordedVote struct {
	Vote
	PlanID    int64     `json:"plan_id"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
}

// ObservedNeighbor is a neighbor as the last poll saw it, with what polls saw before.
type ObservedNeighbor struct {
	Neighbor
	SeenAt        time.Time `json:"seen_at"`
	EstablishedAt time.Time `json:"established_at,omitzero"` // since when it is up; zero while it isn't
	EverUp        bool      `json:"ever_up"`
	Drops         int64     `json:"drops"` // times it was seen leaving Established
	LastDropAt    time.Time `json:"last_drop_at,omitzero"`
}

// BGPState is what people read of a session's fourth axis.
type BGPState string

const (
	BGPUnknown     BGPState = "unknown" // not seen for more than two polls
	BGPNeverUp     BGPState = "never_up"
	BGPEstablished BGPState = "established"
	BGPSettling    BGPState = "settling" // up for less than settlingFor
	BGPDown        BGPState = "down"
	BGPFlapping    BGPState = "flapping" // went down, and was up for less than flappingFor before or after
)

const (
	settlingFor = 30 * time.Second
	flappingFor = 10 * time.Minute
)

// Shown derives the state that people read, for a router that is polled so often.
func (o ObservedNeighbor) Shown(now time.Time, interval time.Duration) BGPState {
	dropped := o.Drops > 1 && now.Sub(o.LastDropAt) < flappingFor
	switch {
	case o.SeenAt.IsZero() || now.Sub(o.SeenAt) > 2*interval:
		return BGPUnknown
	case dropped:
		return BGPFlapping
	case o.Established() && now.Sub(o.EstablishedAt) < settlingFor:
		return BGPSettling
	case o.Established():
		return BGPEstablished
	case !o.EverUp:
		return BGPNeverUp
	}
	return BGPDown
}

// PollStatus is when a router was asked last, and what it said.
type PollStatus struct {
	RouterID   int64     `json:"router_id"`
	PolledAt   time.Time `json:"polled_at"`
	AnsweredAt time.Time `json:"answered_at,omitzero"` // zero: never
	Error      string    `json:"error"`                // "" when it answered
	Generation string    `json:"generation"`
}

// DeployedStanza is a stanza that we wrote on a router and that isn't proven absent there.
type DeployedStanza struct {
	Key          string    `json:"key" doc:"as the router's syntax names it, such as protocol/… or neighbor[…]"`
	Hash         string    `json:"hash" doc:"SHA-256 of the text that was confirmed last, with placeholders for secrets; empty: it was taken off, and the router wasn't read without it yet, or it was announced and never confirmed"`
	DeploymentID int64     `json:"deployment_id" doc:"that wrote it last"`
	ChangeID     int64     `json:"change_id"`
	WrittenAt    time.Time `json:"written_at"`
}
