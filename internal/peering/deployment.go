package peering

import (
	"fmt"
	"time"
)

// Deployment is one change on one router.
type Deployment struct {
	ID               int64           `json:"id"`
	ChangeID         int64           `json:"change_id"`
	PlanID           int64           `json:"plan_id"`
	RouterID         int64           `json:"router_id"`
	Router           string          `json:"router"`
	Mode             RouterMode      `json:"mode"` // of its router as planned: manage, or propose, where a person pastes it
	State            DeploymentState `json:"state"`
	Fence            int64           `json:"fence"`
	ArtifactHash     string          `json:"artifact_hash"`
	BaseHash         string          `json:"base_hash"`
	BaseIdentity     string          `json:"base_identity"`
	BaseGeneration   string          `json:"base_generation"`
	CommitGeneration string          `json:"commit_generation"`
	BaseIncarnation  string          `json:"base_incarnation"`
	Baseline         *Baseline       `json:"baseline"`
	Verdict          *Verdict        `json:"verdict"`
	Timer            time.Duration   `json:"timer"` // rollback timer on the router, whole seconds
	Deadline         time.Time       `json:"deadline,omitzero"`
	ProposedAt       time.Time       `json:"proposed_at,omitzero"` // when a person could paste it first; zero where peerflow writes
	CommitSentAt     time.Time       `json:"commit_sent_at,omitzero"`
	CommittedAt      time.Time       `json:"committed_at,omitzero"`
	ConfirmSentAt    time.Time       `json:"confirm_sent_at,omitzero"`
	ConfirmedAt      time.Time       `json:"confirmed_at,omitzero"`
	AbortSentAt      time.Time       `json:"abort_sent_at,omitzero"`
	Hindrance        string          `json:"hindrance,omitempty"` // of a proposal: why it must not be pasted, as its router was last read; "" for nothing
	Unread           string          `json:"unread,omitempty"`    // what stands in the way of reading the router; "" once it was read
	Outcome          string          `json:"outcome"`
	ApprovedBy       string          `json:"approved_by"` // what counted when it began: people, or "rule" and its name
	CreatedAt        time.Time       `json:"created_at"`
	EndedAt          time.Time       `json:"ended_at,omitzero"`
}

// Verifying reports that what its router runs is being compared with the
// baseline: a commit that waits for its confirmation, or a proposal that was pasted.
func (d Deployment) Verifying() bool {
	return d.State == DeploymentSoaking || d.State == DeploymentUnknown || d.State == DeploymentProposed && !d.CommittedAt.IsZero()
}

// DeploymentState is where a deployment stands. Terminal states are written
// only from a read of the router.
type DeploymentState string

const (
	DeploymentQueued        DeploymentState = "queued"
	DeploymentProposed      DeploymentState = "proposed" // a person pastes it, and it is verified then; peerflow writes nothing
	DeploymentCommitting    DeploymentState = "committing"
	DeploymentSoaking       DeploymentState = "soaking"
	DeploymentUnknown       DeploymentState = "unknown"
	DeploymentConfirmed     DeploymentState = "confirmed"
	DeploymentStale         DeploymentState = "stale"
	DeploymentCancelled     DeploymentState = "cancelled"
	DeploymentFailed        DeploymentState = "failed" // nothing was written
	DeploymentRolledBack    DeploymentState = "rolled_back"
	DeploymentInterfered    DeploymentState = "interfered"
	DeploymentNeedsOperator DeploymentState = "needs_operator"
)

var deploymentSteps = map[DeploymentState][]DeploymentState{
	DeploymentQueued:   {DeploymentCommitting, DeploymentProposed, DeploymentStale, DeploymentCancelled, DeploymentFailed},
	DeploymentProposed: {DeploymentConfirmed, DeploymentStale, DeploymentCancelled, DeploymentNeedsOperator},
	// Back to queued only while no commit was sent: what was begun waits, or is asked for again.
	DeploymentCommitting: {DeploymentQueued, DeploymentSoaking, DeploymentUnknown, DeploymentConfirmed, DeploymentFailed, DeploymentRolledBack,
		DeploymentInterfered, DeploymentNeedsOperator},
	DeploymentSoaking:       {DeploymentUnknown, DeploymentConfirmed, DeploymentRolledBack, DeploymentInterfered, DeploymentNeedsOperator},
	DeploymentUnknown:       {DeploymentSoaking, DeploymentConfirmed, DeploymentFailed, DeploymentRolledBack, DeploymentInterfered, DeploymentNeedsOperator},
	DeploymentNeedsOperator: {DeploymentConfirmed, DeploymentRolledBack, DeploymentInterfered, DeploymentFailed},
}

// Ended reports states that nothing leaves.
func (s DeploymentState) Ended() bool { return len(deploymentSteps[s]) == 0 }

// Unwritten reports ends that claim nothing of the router, since nothing was sent to it.
func (s DeploymentState) Unwritten() bool {
	return s == DeploymentFailed || s == DeploymentCancelled || s == DeploymentStale
}

// InFlight reports states in which the router may run base or artifact by peerflow's own hand.
func (s DeploymentState) InFlight() bool {
	return s == DeploymentCommitting || s == DeploymentSoaking || s == DeploymentUnknown || s == DeploymentNeedsOperator
}

// To refuses a step that a deployment can't take.
func (s DeploymentState) To(next DeploymentState) error {
	for _, n := range deploymentSteps[s] {
		if n == next {
			return nil
		}
	}
	return Errorf(Conflict, "a deployment that is %s can't become %s", s, next)
}

// LeftThere is a deployment whose commit a router may run though it was never
// confirmed: one in flight, or one that was interfered with.
type LeftThere struct {
	DeploymentID, ChangeID int64
	State                  DeploymentState
}

// String goes on a sentence: "edge1 runs what … ".
func (l LeftThere) String() string {
	how := "which is " + string(l.State) + " and not confirmed yet"
	switch l.State {
	case DeploymentInterfered:
		how = "which was interfered with and never confirmed"
	case DeploymentNeedsOperator:
		how = "which needs an operator"
	default: // it is in flight
	}
	return fmt.Sprintf("deployment %d of change/%d left there, %s", l.DeploymentID, l.ChangeID, how)
}

// Remedy is what a person can do about it.
func (l LeftThere) Remedy(router string) string {
	switch {
	case l.State == DeploymentNeedsOperator:
		return fmt.Sprintf("look at the router, run peerflow change resolve %d, then plan this again", l.ChangeID)
	case l.State.InFlight():
		return "plan this again once it ended"
	}
	return BringBack(router)
}

// BringBack is what a person can do about a router that doesn't run what was deployed.
func BringBack(router string) string {
	return fmt.Sprintf("peerflow router diff %s shows it; bring what is recorded there (peerflow router deploy %s), then plan this again, or include that here (--include-pending)", router, router)
}

// Remedy is what people can do about a deployment that others on its router wait for.
func (d Deployment) Remedy() string {
	switch {
	case d.State == DeploymentNeedsOperator:
		return fmt.Sprintf("look at the router, then run peerflow change resolve %d", d.ChangeID)
	case d.State == DeploymentProposed:
		return fmt.Sprintf("wait until what was pasted is verified, or cancel it (peerflow change cancel %d)", d.ChangeID)
	case d.State == DeploymentUnknown && d.Unread != "":
		return fmt.Sprintf("make the router readable again (%s), or wait until its deadline %s", d.Unread, d.Deadline.Format(time.RFC3339))
	case d.State == DeploymentQueued:
		return fmt.Sprintf("wait until it ended, or cancel it (peerflow change cancel %d)", d.ChangeID)
	}
	return fmt.Sprintf("wait until it ended, or roll it back (peerflow change rollback %d)", d.ChangeID)
}
