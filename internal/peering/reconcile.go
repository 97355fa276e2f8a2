package peering

import (
	"fmt"
	"time"
)

// Where is what a read of the router says about a deployment in flight.
type Where string

const (
	AtBase      Where = "base"      // runs its base, nothing pending
	AtPending   Where = "pending"   // runs the artifact, our rollback timer runs
	AtArtifact  Where = "artifact"  // runs the artifact, nothing pending
	AtForeign   Where = "foreign"   // somebody else's commit is pending
	AtElsewhere Where = "elsewhere" // neither base nor artifact
)

// Read is a router's state in the terms of one deployment.
type Read struct {
	Where       Where
	Remaining   time.Duration // of the rollback timer; 0 when the router doesn't tell
	Booting     bool          // a restart would load the artifact
	Restarted   bool          // the daemon restarted since the baseline
	Reloaded    bool          // what runs isn't the load that the baseline saw, where a revert brings that very load back
	Overloaded  bool          // nor is it the load of our commit, as first read
	At          time.Time     // by the clock of CommitSentAt; never later than it was
	Late        time.Duration // so much later than At it may have been
	StanzaCount int
}

// Locate puts what a router runs in the terms of a deployment. The hash is of
// the owned stanzas, joined; owner is how the router names our pending commit.
func Locate(d Deployment, hash, bootHash, owner string, r Running) Read {
	read := Read{At: r.ReadAt, Booting: bootHash == d.ArtifactHash, StanzaCount: len(r.Stanzas)}
	read.Restarted = d.BaseIncarnation != "" && r.Incarnation != "" && !SameIncarnation(r.Incarnation, d.BaseIncarnation)
	read.Reloaded = r.anotherLoad(d.BaseGeneration)
	read.Overloaded = r.anotherLoad(d.CommitGeneration)
	if r.Pending != nil {
		read.Remaining = r.Pending.Remaining
	}
	switch {
	case r.Pending != nil && r.Pending.Owner != "" && r.Pending.Owner != owner:
		read.Where = AtForeign
	case hash == d.ArtifactHash && r.Pending != nil:
		read.Where = AtPending
	case hash == d.ArtifactHash:
		read.Where = AtArtifact
	case r.Pending != nil:
		read.Where = AtForeign
	case hash == d.BaseHash:
		read.Where = AtBase
	default:
		read.Where = AtElsewhere
	}
	return read
}

// anotherLoad proves that a configuration was loaded since a generation was read.
// A read during which it changed, and a platform whose own revert counts as a
// load, prove nothing.
func (r Running) anotherLoad(since string) bool {
	return r.RevertsToLoad && r.Generation != "" && since != "" && !SameGeneration(r.Generation, since)
}

// Step is what a deployment does next.
type Step string

const (
	StepPrepare Step = "prepare"
	StepBegin   Step = "begin"
	StepLook    Step = "look" // at a router where a person pastes
	StepCommit  Step = "commit"
	StepSoak    Step = "soak"
	StepConfirm Step = "confirm"
	StepInstall Step = "install"
	StepAbort   Step = "abort"
	StepWait    Step = "wait" // read again later
	StepEnd     Step = "end"
)

// Next is a step with what goes with it.
type Next struct {
	Step  Step            `json:"step"`
	State DeploymentState `json:"state,omitempty"` // of StepEnd
	Text  string          `json:"text,omitempty"`
	Wait  time.Duration   `json:"wait,omitempty"` // of StepWait; of StepConfirm, how long after the read it may still be sent
	Until time.Time       `json:"until,omitzero"` // the deployment's deadline: it is over by then, or a person's
}

// commitGrace is how long a commit that got no reply may still arrive: the hard
// deadline of a write, and the margin that a new token's first write waits.
const commitGrace = 15 * time.Second

// MaxSkew is how far the clock of a worker that commits may be off the database's.
const MaxSkew = 5 * time.Second

// Skew says by how much our clock is off another one, which told theirs between
// two looks at ours; "" within MaxSkew.
func Skew(asked, theirs, answered time.Time) string {
	off, word := time.Duration(0), ""
	switch {
	case theirs.Before(asked):
		off, word = asked.Sub(theirs), "ahead of"
	case theirs.After(answered):
		off, word = theirs.Sub(answered), "behind"
	}
	if off <= MaxSkew {
		return ""
	}
	return fmt.Sprintf("%s %s", off.Round(time.Second), word)
}

// timerSlack is what a router's clock and ours may differ over one timer: two
// workers that are both within MaxSkew differ by twice that.
const timerSlack = 2 * MaxSkew

// NextStep decides from the record and a read of the router, never from what a
// worker remembers: it is the crash matrix in one place. ordered is a person's
// "roll back now".
func NextStep(d Deployment, r Read, p Profile, ordered bool) Next {
	next := nextStep(d, r, p, ordered)
	if next.Step != StepEnd {
		next.Until = d.Deadline
	}
	return next
}

func nextStep(d Deployment, r Read, p Profile, ordered bool) Next {
	switch {
	case d.State.Ended(), d.State == DeploymentNeedsOperator: // which only a person ends
		return Next{Step: StepEnd, State: d.State, Text: d.Outcome}
	case d.State == DeploymentQueued && d.Baseline == nil:
		return Next{Step: StepPrepare}
	case d.State == DeploymentQueued:
		return Next{Step: StepBegin}
	case d.CommitSentAt.IsZero():
		return beforeCommit(r, ordered)
	}
	switch r.Where {
	case AtPending:
		return whilePending(d, r, p, ordered)
	case AtArtifact:
		return afterConfirm(d, r)
	case AtBase:
		return backAtBase(d, r)
	}
	return end(DeploymentInterfered, "the router runs neither its base nor this change: somebody else configured it during the deployment")
}

func end(s DeploymentState, text string) Next { return Next{Step: StepEnd, State: s, Text: text} }

func beforeCommit(r Read, ordered bool) Next {
	if ordered {
		return end(DeploymentFailed, "rolled back by a person before the commit: nothing was written")
	}
	switch {
	case r.Where == AtBase && r.Reloaded:
		return Next{Step: StepPrepare, Text: "the router loaded its configuration again"}
	case r.Where == AtBase:
		return Next{Step: StepCommit}
	}
	return end(DeploymentFailed, "the router's configuration moved before the commit: nothing was written")
}

func whilePending(d Deployment, r Read, p Profile, ordered bool) Next {
	switch {
	case r.Overloaded:
		return end(DeploymentInterfered, "somebody else loaded a configuration while the commit waited for its confirmation")
	case d.remaining(r) < -p.Margin:
		return end(DeploymentNeedsOperator, "the router still waits for a confirmation though its rollback timer should have ended: look at it, then run peerflow change resolve")
	case ordered:
		return Next{Step: StepAbort, Text: "rolled back by a person"}
	case d.Verdict != nil && d.Verdict.Outcome == CheckFailed:
		return Next{Step: StepAbort, Text: d.Verdict.Reason}
	case d.remaining(r) < p.ConfirmReserve:
		return Next{Step: StepWait, Wait: max(d.remaining(r), 0) + time.Second, Text: "too late to confirm: the router reverts by itself"}
	case d.Verdict.Confirmable():
		return Next{Step: StepConfirm, Wait: d.remaining(r) - p.ConfirmReserve}
	}
	return Next{Step: StepSoak}
}

// remaining is what is left of the rollback timer: as the router tells, else
// counted from when the commit was sent and to the latest that the read may have
// been, which is never too long.
func (d Deployment) remaining(r Read) time.Duration {
	if r.Remaining > 0 {
		return r.Remaining
	}
	return d.CommitSentAt.Add(d.Timer).Sub(r.At.Add(r.Late))
}

func afterConfirm(d Deployment, r Read) Next {
	switch {
	case d.ConfirmSentAt.IsZero():
		return end(DeploymentInterfered, "the router runs the change for good, but we never confirmed it: somebody else did")
	case !r.Booting:
		return Next{Step: StepInstall}
	}
	return end(DeploymentConfirmed, d.lookAt("verified, confirmed, and in the boot configuration"))
}

// lookAt adds to a good end what its verification leaves to people.
func (d Deployment) lookAt(text string) string {
	if look := d.Verdict.Look(); look != "" {
		text += "; " + look
	}
	return text
}

func backAtBase(d Deployment, r Read) Next {
	switch {
	case r.Restarted && d.AbortSentAt.IsZero():
		return end(DeploymentRolledBack, "the router's daemon restarted and booted its base")
	case r.Reloaded && !r.Restarted:
		return end(DeploymentInterfered, "the router runs its base, but neither its timer nor peerflow brought that back: somebody else loaded it since the baseline")
	case !d.AbortSentAt.IsZero():
		return end(DeploymentRolledBack, whyAtBase(d))
	case r.At.Sub(d.CommitSentAt) >= d.Timer-timerSlack:
		return end(DeploymentRolledBack, "the rollback timer ended before the change was confirmed; "+whyAtBase(d))
	case !d.seenCommitted():
		if left := commitGrace - r.At.Sub(d.CommitSentAt); left > 0 {
			return Next{Step: StepWait, Wait: left, Text: "the commit got no reply: waiting until it can't arrive any more"}
		}
		text := "the commit didn't take: the router runs its base"
		if d.Outcome != "" {
			text += "; " + d.Outcome
		}
		return end(DeploymentRolledBack, text)
	}
	return end(DeploymentInterfered, "the router went back to its base before the timer ended: somebody else configured it")
}

// seenCommitted reports that the router was read running the artifact. A
// deployment that became unknown before that may never have committed.
func (d Deployment) seenCommitted() bool {
	return d.State != DeploymentCommitting && (d.State != DeploymentUnknown || !d.CommittedAt.IsZero())
}

func whyAtBase(d Deployment) string {
	if d.Verdict != nil && d.Verdict.Reason != "" {
		return d.Verdict.Reason
	}
	if d.Outcome != "" {
		return d.Outcome
	}
	return fmt.Sprintf("the router runs its base (deployment %d)", d.ID)
}

// Resolved is how a deployment that needed an operator ended, as a read of the
// router tells; StepWait when the router can't be left like that.
func Resolved(r Read) Next {
	switch r.Where {
	case AtArtifact:
		if !r.Booting {
			return Next{Step: StepInstall, Text: "a restart of the router would return to its base"}
		}
		return end(DeploymentConfirmed, "resolved: the router runs the change for good")
	case AtBase:
		return end(DeploymentRolledBack, "resolved: the router runs its base")
	case AtElsewhere:
		return end(DeploymentInterfered, "resolved: the router runs neither its base nor this change")
	}
	return Next{Step: StepWait, Text: "a commit is still pending on the router: end it there"}
}
