package peering

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"peerflow/internal/bgp"
)

// Change is one person's wish on its way to the routers.
type Change struct {
	Meta
	Kind       ChangeKind    `json:"kind"`
	AuthorID   int64         `json:"author_id"`
	Author     string        `json:"author"` // name, for people
	Reason     string        `json:"reason"`
	Request    ChangeRequest `json:"request"`
	State      ChangeState   `json:"state"`
	Step       string        `json:"step"` // what it does or waits for now, for people
	PlanID     int64         `json:"plan_id"`
	PlanHash   string        `json:"plan_hash"`
	Omissions  []Omission    `json:"omissions"`
	Ask        []string      `json:"ask,omitempty" doc:"what a person should look at before approving"`
	Stale      *StaleView    `json:"stale_view,omitempty" doc:"its sessions were planned from an old view of PeeringDB"`
	Outcome    string        `json:"outcome"`
	ApprovedBy string        `json:"approved_by"`         // people, or "rule" and its name; "" while nothing did
	ExpiresAt  time.Time     `json:"expires_at,omitzero"` // unless it is approved by then; zero while nothing is to be approved
	EndedAt    time.Time     `json:"ended_at,omitzero"`
}

// Summary is a change in one line.
func (c Change) Summary() string {
	if c.Request.ASN != 0 {
		return fmt.Sprintf("%s %s by %s", c.Kind, c.Request.ASN, c.Author)
	}
	return fmt.Sprintf("%s by %s: %s", c.Kind, c.Author, c.Reason)
}

// ChangeRequest is what was asked for. Provision uses ASN and its options,
// deploy uses Routers, the others carry operations on recorded objects.
type ChangeRequest struct {
	ASN            bgp.ASN     `json:"asn,omitempty"`
	IXPs           []int64     `json:"exchange_ids,omitempty"` // only these; empty is all common ones
	AllPorts       bool        `json:"all_ports,omitempty"`    // more than 16 ports of one peer at one exchange are meant
	IncludePending bool        `json:"include_pending,omitempty"`
	Routers        []int64     `json:"router_ids,omitempty"`
	Operations     []Operation `json:"operations,omitempty"`
	Undoes         int64       `json:"undoes,omitempty"` // the change whose records this one restores
}

// ApprovalPatience is how long a plan waits for its votes before its change expires.
const ApprovalPatience = 7 * 24 * time.Hour

// ChangeKind says what a change is for; rules of approval go by it.
type ChangeKind string

const (
	KindProvision    ChangeKind = "provision"
	KindDepeer       ChangeKind = "depeer"
	KindShutdown     ChangeKind = "shutdown"
	KindMaintenance  ChangeKind = "maintenance"
	KindRefresh      ChangeKind = "refresh"
	KindRenumber     ChangeKind = "renumber"
	KindPolicy       ChangeKind = "policy"
	KindAdopt        ChangeKind = "adopt"
	KindRotateSecret ChangeKind = "rotate_secret"
	KindDriftFix     ChangeKind = "drift_fix"
	KindDeploy       ChangeKind = "deploy" // carries pending edits of the noun tables
)

var changeKinds = []ChangeKind{KindProvision, KindDepeer, KindShutdown, KindMaintenance, KindRefresh, KindRenumber, KindPolicy, KindAdopt,
	KindRotateSecret, KindDriftFix, KindDeploy}

// Undoing is the kind of a change that undoes one of this kind.
func (k ChangeKind) Undoing() ChangeKind {
	switch k {
	case KindProvision:
		return KindDepeer
	case KindDepeer, KindShutdown:
		return KindMaintenance
	}
	return k
}

// MayTouch reports whether a change of the kind, with these operations, may touch
// a session that is protected: those kinds that are about single sessions may,
// when they name it. The session that carries our own way to the router never.
func (k ChangeKind) MayTouch(t TouchedSession, ops []Operation) bool {
	switch {
	case t.Protected == "":
		return true
	case t.Protected == CarriesManagement:
		return false
	case !slices.Contains([]ChangeKind{KindDepeer, KindShutdown, KindMaintenance, KindRenumber, KindAdopt, KindRotateSecret}, k):
		return false
	}
	return slices.ContainsFunc(ops, func(o Operation) bool { return o.Object == ObjectSession && o.ObjectID == t.SessionID })
}

// ChangeState is where a change stands. Once deploying it follows its deployments.
type ChangeState string

const (
	ChangeDraft            ChangeState = "draft"
	ChangePlanned          ChangeState = "planned"
	ChangeAwaitingApproval ChangeState = "awaiting_approval"
	ChangeApproved         ChangeState = "approved"
	ChangeStale            ChangeState = "stale"
	ChangeDeploying        ChangeState = "deploying"
	ChangeCompleted        ChangeState = "completed"
	ChangeRejected         ChangeState = "rejected"
	ChangeExpired          ChangeState = "expired"
	ChangeCancelled        ChangeState = "cancelled"
	ChangeFailed           ChangeState = "failed"
	ChangeRolledBack       ChangeState = "rolled_back"
	ChangePartial          ChangeState = "partial"
	ChangeInterfered       ChangeState = "interfered"
	ChangeNeedsOperator    ChangeState = "needs_operator"
)

// A change that was planned again may have routers that run it already: whatever ends it then ends it partial.
var changeSteps = map[ChangeState][]ChangeState{
	ChangeDraft:            {ChangePlanned, ChangeCompleted, ChangeFailed, ChangeCancelled, ChangeExpired},
	ChangePlanned:          {ChangeAwaitingApproval, ChangeApproved, ChangePlanned, ChangeCompleted, ChangeFailed, ChangeCancelled, ChangeStale, ChangePartial},
	ChangeAwaitingApproval: {ChangeApproved, ChangeRejected, ChangeExpired, ChangeCancelled, ChangeStale, ChangeFailed, ChangePartial},
	ChangeApproved:         {ChangeDeploying, ChangeAwaitingApproval, ChangeStale, ChangeRejected, ChangeCancelled, ChangeExpired, ChangeFailed, ChangePartial},
	ChangeStale:            {ChangePlanned, ChangeCompleted, ChangeCancelled, ChangeFailed, ChangeExpired, ChangePartial},
	ChangeDeploying: {ChangeCompleted, ChangeRolledBack, ChangePartial, ChangeInterfered, ChangeNeedsOperator, ChangeFailed, ChangeStale, ChangeCancelled,
		ChangeRejected},
	ChangeNeedsOperator: {ChangeCompleted, ChangeRolledBack, ChangePartial, ChangeInterfered, ChangeFailed, ChangeDeploying},
}

// Ended reports states that nothing leaves.
func (s ChangeState) Ended() bool { return len(changeSteps[s]) == 0 }

// To refuses a step that a change can't take.
func (s ChangeState) To(next ChangeState) error {
	for _, n := range changeSteps[s] {
		if n == next {
			return nil
		}
	}
	return Errorf(Conflict, "a change that is %s can't become %s", s, next)
}

// Operation is one step of a change's overlay: what routers would see of it.
type Operation struct {
	ID          int64           `json:"id,omitempty"`
	RouterID    int64           `json:"router_id"` // 0: a shared object, it goes with the last router
	Object      ObjectKind      `json:"object"`
	ObjectID    int64           `json:"object_id"`
	Action      Action          `json:"action"`
	Patch       json.RawMessage `json:"patch"` // merge patch (RFC 7396) of the object's JSON
	BaseVersion int64           `json:"base_version"`
}

// ObjectKind names a noun that an operation may change.
type ObjectKind string

const (
	ObjectSession          ObjectKind = "session"
	ObjectRoutingPolicy    ObjectKind = "routing_policy"
	ObjectAutonomousSystem ObjectKind = "autonomous_system"
	ObjectIXP              ObjectKind = "ixp"
	ObjectBGPGroup         ObjectKind = "bgp_group"
	ObjectConnection       ObjectKind = "connection"
	ObjectRouter           ObjectKind = "router"
	ObjectTemplate         ObjectKind = "template"
)

// Action is what an operation does to its object.
type Action string

const (
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete"
)

// Omission is a session that a plan left out, and why.
type Omission struct {
	Code        OmissionCode `json:"code"`
	IXPID       int64        `json:"exchange_id,omitempty"`
	Exchange    string       `json:"exchange,omitempty"`
	PeerAddress string       `json:"peer_address,omitempty"`
	Text        string       `json:"text"` // one sentence for people
}

// OmissionCode is the rule that left a session out.
type OmissionCode string

const (
	OmitOtherLAN       OmissionCode = "other_lan"
	OmitWeLackV6       OmissionCode = "we_lack_v6"
	OmitWeLackV4       OmissionCode = "we_lack_v4"
	OmitNotOperational OmissionCode = "not_operational"
	OmitNoAddress      OmissionCode = "no_address"
	OmitMesh           OmissionCode = "mesh"
	OmitPolicyNo       OmissionCode = "policy_no"
	OmitIgnored        OmissionCode = "ignored"
	OmitRSOnly         OmissionCode = "rs_only"
	OmitExists         OmissionCode = "exists"
	OmitDisabled       OmissionCode = "connection_disabled"
	OmitAddressTaken   OmissionCode = "address_taken" // used by another ASN: quarantined
	OmitRouteServer    OmissionCode = "route_server"
	OmitNotAgreed      OmissionCode = "not_agreed"
	OmitObserve        OmissionCode = "router_observed"
	OmitForeign        OmissionCode = "foreign"  // the router has the neighbor by somebody else's hand
	OmitVanished       OmissionCode = "vanished" // a session stands, and PeeringDB lists its address no more
)

// Vote is one person's decision on one plan.
type Vote struct {
	ID       int64     `json:"id"`
	UserID   int64     `json:"user_id"`
	User     string    `json:"user"`
	Decision Decision  `json:"decision"`
	Reason   string    `json:"reason"`
	Door     Door      `json:"door"`
	Solo     bool      `json:"solo"`
	At       time.Time `json:"at"`
}

// Decision is what a vote says.
type Decision string

const (
	Approve Decision = "approve"
	Reject  Decision = "reject"
)

// CommandKind is what a person may tell a running change.
type CommandKind string

const (
	CommandCancel     CommandKind = "cancel"
	CommandRollBack   CommandKind = "roll_back"
	CommandConfirmNow CommandKind = "confirm_now"
	CommandResolve    CommandKind = "resolve"
	CommandRevoke     CommandKind = "revoke"
)

// Freeze halts every change in its scope before the next commit.
type Freeze struct {
	ID        int64       `json:"id"`
	Scope     FreezeScope `json:"scope"`
	SiteID    int64       `json:"site_id,omitempty"`
	RouterID  int64       `json:"router_id,omitempty"`
	Author    string      `json:"author"`
	Reason    string      `json:"reason"`
	CreatedAt time.Time   `json:"created_at"`
	LiftedAt  time.Time   `json:"lifted_at,omitzero"`
}

// FreezeScope is what a freeze halts.
type FreezeScope string

const (
	FreezeAll    FreezeScope = "all"
	FreezeSite   FreezeScope = "site"
	FreezeRouter FreezeScope = "router"
)
