package activities

import (
	"context"
	"net/netip"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// ChangeStore keeps changes and their overlays.
type ChangeStore interface {
	// Change gives one change; kind not_found when there is none.
	Change(ctx context.Context, id int64) (peering.Change, error)
	// MoveChange sets state and step after checking the transition under the
	// row's lock; the state it already has only updates step and outcome.
	MoveChange(ctx context.Context, id int64, to peering.ChangeState, step, outcome string) error
	// RecordOverlay replaces the change's open operations and what planning found. A create
	// without an object id gets one; the same call twice keeps the ids.
	RecordOverlay(ctx context.Context, changeID int64, ops []peering.Operation, found peering.Findings) ([]peering.Operation, error)
	// LeaveOut takes sessions out of what a change will make, with the reasons, by id.
	// The plan in force is void with it. Twice is the same as once.
	LeaveOut(ctx context.Context, changeID int64, omitted map[int64]peering.Omission) error
	// Overlay lists the operations that are neither applied nor discarded.
	Overlay(ctx context.Context, changeID int64) ([]peering.Operation, error)
	// ConflictingChange is the earliest other open change with an operation on an
	// object of this one's overlay; 0 when there is none.
	ConflictingChange(ctx context.Context, changeID int64) (int64, error)
	// SettleChange derives state and outcome from the change's deployments and
	// ends it when all ended; ended overlays are discarded.
	SettleChange(ctx context.Context, changeID int64) (peering.Change, error)
	// WaitingChanges lists other open changes whose plan or overlay reaches the router.
	WaitingChanges(ctx context.Context, routerID, except int64) ([]int64, error)
}

// IntentStore reads what is recorded, for planning and rendering.
type IntentStore interface {
	// Router loads a router's own record alone: what opening it needs.
	Router(ctx context.Context, routerID int64) (peering.Router, error)
	// Desired loads what a router is rendered from with a fixed number of queries.
	Desired(ctx context.Context, routerID int64) (peering.Desired, error)
	// PlanningFacts loads what planning sessions with a peer needs; empty ixps means all.
	PlanningFacts(ctx context.Context, asn bgp.ASN, ixps []int64) (peering.PlanningFacts, error)
	// AskFacts loads what a text to a network goes by.
	AskFacts(ctx context.Context, asn bgp.ASN) (peering.AskFacts, error)
	// EnsureNetwork records a peer's AS if it isn't yet, with a change-log entry.
	EnsureNetwork(ctx context.Context, changeID int64, n peering.AutonomousSystem) (peering.AutonomousSystem, error)
	// EnsurePeering records the venue's peering in state none if it isn't yet.
	EnsurePeering(ctx context.Context, changeID, localASID, peerASID, ixpID int64) (peering.Peering, error)
	// SetPeering moves a peering, checked by peering.PeeringState's transitions.
	SetPeering(ctx context.Context, changeID, peeringID int64, to peering.PeeringState, e peering.Evidence, text string) error
	// Ledger maps the stanza keys that we wrote on a router, and that aren't proven absent, to their last confirmed hash.
	Ledger(ctx context.Context, routerID int64) (map[string]string, error)
	// DeployedSessions lists a router's sessions as they were last deployed.
	DeployedSessions(ctx context.Context, routerID int64) ([]peering.DeployedSession, error)
	// LeftThere tells by key and hash which deployments wrote a stanza on a router and
	// never confirmed it: those in flight, and those that were interfered with.
	LeftThere(ctx context.Context, routerID int64) (map[peering.Move]peering.LeftThere, error)
	// PendingAuthors names who edited records of a router since it was last
	// deployed, from the change log, for the label of pending edits.
	PendingAuthors(ctx context.Context, routerID int64) ([]peering.User, error)
	// SiteOf is the slug of the site where a router stands: its workers open the router.
	SiteOf(ctx context.Context, routerID int64) (string, error)
	// AllRouters lists every router, by id.
	AllRouters(ctx context.Context) ([]peering.Router, error)
	// Driver is the driver slug of a router's platform.
	Driver(ctx context.Context, platformID int64) (string, error)
}

// PlanStore keeps plans and the texts they name.
type PlanStore interface {
	// StorePlan keeps a plan in force for its change. The plan that is in force
	// stays, with its votes, when the hash is equal (base, artifact and diff are
	// renewed); otherwise it is voided with the reason, votes included.
	StorePlan(ctx context.Context, p peering.Plan, texts []string, voidReason string) (peering.Plan, error)
	// StoreParts keeps what planning found on some routers, with the texts that it names.
	StoreParts(ctx context.Context, changeID int64, parts []peering.PlanPart, texts []string) error
	// Parts lists what was stored since DropParts.
	Parts(ctx context.Context, changeID int64) ([]peering.PlanPart, error)
	// DropParts forgets an earlier planning.
	DropParts(ctx context.Context, changeID int64) error
	// NoteUnmoved records that the routers were read and run the change already:
	// it may complete without a deployment.
	NoteUnmoved(ctx context.Context, changeID int64) error
	// Plan gives one plan with its routers.
	Plan(ctx context.Context, id int64) (peering.Plan, error)
	// StoreOrigins keeps where the lines of stanzas come from, by the hash of their text.
	StoreOrigins(ctx context.Context, origins map[string][]peering.LineOrigin) error
	// Texts gives stored texts by hash; a missing one is not_found.
	Texts(ctx context.Context, hashes []string) (map[string]string, error)
	// PutText stores a text under its hash; one that is there stays.
	PutText(ctx context.Context, text string) (hash string, err error)
}

// VoteStore is the authority on approval.
type VoteStore interface {
	// RecordVote looks the code up, burns it, checks everything that approval
	// demands, and inserts the vote or the audited refusal, in one transaction.
	// A repeat with the same update id answers the same. A refusal is an answer, not an error.
	RecordVote(ctx context.Context, v VoteInput) (VoteResult, error)
	// TallyVotes counts the valid votes for the plan in force.
	TallyVotes(ctx context.Context, changeID, planID int64) (Tally, error)
	// LatestCommands lists a change's open commands, oldest first.
	LatestCommands(ctx context.Context, changeID int64) ([]Command, error)
	// CommandHandled closes one, and those before it that say the same.
	CommandHandled(ctx context.Context, id int64) error
}

// DeploymentStore is the record of deployments; every method is one transaction.
type DeploymentStore interface {
	// SubmitDeployment inserts the queued row, or gives the one that exists.
	SubmitDeployment(ctx context.Context, changeID, planID, routerID int64) (int64, error)
	// OpenDeployments lists a router's queued and in-flight deployments, oldest
	// first, in-flight ones before queued ones.
	OpenDeployments(ctx context.Context, routerID int64) ([]peering.Deployment, error)
	// Deployment gives one; not_found when there is none.
	Deployment(ctx context.Context, id int64) (peering.Deployment, error)
	// Deployments lists a change's deployments, oldest first.
	Deployments(ctx context.Context, changeID int64) ([]peering.Deployment, error)
	// NoteHindrance records why a proposal must not be pasted, as its router was just read; "" for nothing.
	NoteHindrance(ctx context.Context, id int64, text string) error
	// StoreBaseline keeps baseline, base and artifact before anything is written;
	// the stored ones win when it is called again after the commit was sent.
	StoreBaseline(ctx context.Context, id int64, b BaselineRecord) error
	// BeginDeployment locks change and freeze rows, checks votes for this plan, no
	// freeze, no cancel, router in manage, and moves queued to committing with the
	// deadline. Called again while committing it answers the same. It also takes a
	// new fence. A refusal is kind denied and names what stands in the way.
	BeginDeployment(ctx context.Context, id int64, timer time.Duration, now time.Time) (peering.Deployment, error)
	// ProposeDeployment is that gate before a person may paste, for a router in mode propose.
	ProposeDeployment(ctx context.Context, id int64) error
	// OpenProposals lists the proposals that aren't over, on one router or (0) on all.
	OpenProposals(ctx context.Context, routerID int64) ([]peering.Deployment, error)
	// ProposalStanding is what people, freezes and other deployments say of a proposal.
	ProposalStanding(ctx context.Context, id int64) (peering.ProposalStanding, error)
	// MarkPasted records that the router was read running a proposal, from now on.
	MarkPasted(ctx context.Context, id int64, generation string) error
	// ForgetPaste records that it no longer does, before it was confirmed.
	ForgetPaste(ctx context.Context, id int64) error
	// DatabaseTime is the database's clock.
	DatabaseTime(ctx context.Context) (time.Time, error)
	// TakeFence takes a new token for one attempt of a writing step.
	TakeFence(ctx context.Context, id int64) (int64, error)
	// MarkCommitSent claims the one attempt; false when it was claimed before.
	MarkCommitSent(ctx context.Context, id int64, at, deadline time.Time) (bool, error)
	// HoldBack moves committing back to queued, to be prepared and begun again; a
	// conflict once the commit was sent.
	HoldBack(ctx context.Context, id int64) error
	// MarkCommitted moves committing or unknown to soaking.
	MarkCommitted(ctx context.Context, id int64, generation string, at time.Time) error
	// NoteCommitFailed keeps the router's words, or the driver's, about a commit
	// that was sent and got no success for an answer.
	NoteCommitFailed(ctx context.Context, id int64, why string) error
	// MarkUnknown moves committing or soaking to unknown, with what stands in the
	// way of reading the router; one that is unknown already learns that.
	MarkUnknown(ctx context.Context, id int64, unread string) error
	// NoteOperator notes why a deployment still needs an operator.
	NoteOperator(ctx context.Context, id int64, text string) error
	// StoreVerdict keeps the newest verdict; one that failed stays, and one that was
	// waived gives way to a failure only. Of is the CommittedAt that it judged: a
	// conflict when it is another one by now.
	StoreVerdict(ctx context.Context, id int64, of time.Time, v peering.Verdict) error
	// MarkConfirmSent refuses (denied) unless the stored verdict is confirmable and
	// no roll back was ordered.
	MarkConfirmSent(ctx context.Context, id int64, at time.Time) error
	// MarkAbortSent records that we return to the base ourselves, and why (the
	// outcome's text, unless a failed verdict gives it).
	MarkAbortSent(ctx context.Context, id int64, reason string, at time.Time) error
	// EndDeployment writes a terminal state. Confirmed applies this router's
	// operations (and the shared ones with the change's last router), moves the
	// ledger and sets sessions in_sync, all in the same transaction.
	EndDeployment(ctx context.Context, id int64, e DeploymentEnd) error
	// FreezeRouter freezes a router in peerflow's own name, once per reason.
	FreezeRouter(ctx context.Context, routerID int64, reason string) error
}

// ObservationStore keeps what polls saw.
type ObservationStore interface {
	// StorePoll replaces what is known of a router's neighbors; with an error it
	// only notes the try. It answers which neighbors changed state.
	StorePoll(ctx context.Context, p Poll) ([]StateChange, error)
	// SyncBasis is what a read of a router is held against; it is taken before the read.
	SyncBasis(ctx context.Context, routerID int64) (peering.SyncBasis, error)
	// NoteSync records how sessions stand to their router, by peer address; dropped
	// when somebody of ours wrote there since the basis.
	NoteSync(ctx context.Context, basis peering.SyncBasis, found map[netip.Addr]peering.SyncEvent) error
	// Flapped names neighbors that dropped at least twice since then, with the text to show.
	Flapped(ctx context.Context, routerID int64, since time.Time) (map[peering.NeighborKey]string, error)
	// AwaitedSessions lists a change's sessions with whether each is up, and why not.
	AwaitedSessions(ctx context.Context, changeID int64, now time.Time, polled time.Duration) ([]peering.AwaitedSession, error)
	// TellAwaited puts a reminder or the report of a change's watch into the outbox, once each.
	TellAwaited(ctx context.Context, changeID int64, a peering.Awaited) error
	// SessionsUp tells for a change's sessions which were seen Established.
	SessionsUp(ctx context.Context, changeID int64) (up, waiting []int64, err error)
}

// What these ports carry is declared beside the nouns, since the database answers with it.
type (
	VoteInput      = peering.VoteInput
	VoteResult     = peering.VoteResult
	Tally          = peering.Tally
	Command        = peering.Command
	BaselineRecord = peering.BaselineRecord
	DeploymentEnd  = peering.DeploymentEnd
	Poll           = peering.Poll
	StateChange    = peering.StateChange
)
