package peering

import (
	"fmt"
	"strings"
	"time"
)

// Proposal is a text that a person puts on a router where peerflow is unable to
// write (mode propose), and how.
type Proposal struct {
	Where    string   `json:"where"`    // the place that the text takes, in one sentence
	Text     string   `json:"text"`     // all of it; secrets stand as <secret v3>, and the person fills them in
	Commands []string `json:"commands"` // to type then, in this order
}

// Way is what leads a router from one text of ours to another. Both are complete,
// and hold placeholders for secrets.
type Way struct {
	Address  string  // host:port of the router's management interface
	Settings Context // the platform's own
	Base     string  // what the router runs of ours
	Identity string  // artifact that it names as loaded; "" for none
	Artifact string  // what it shall run
}

// Back is the way from the artifact to the base.
func (w Way) Back() Way {
	w.Base, w.Artifact, w.Identity = w.Artifact, w.Base, HashText(w.Artifact)
	return w
}

// ProposalPatience is how long a proposal waits for the person who pastes it: as
// long as its plan waited for votes at most.
const ProposalPatience = ApprovalPatience

// ErrOtherMode is the cause of a refusal that planning again answers: the router is
// in another mode than it was planned for.
var ErrOtherMode = NewError(Denied, "planned for another mode")

// ErrHeld is the cause of a refusal that ends by itself once another deployment
// on the router is over.
var ErrHeld = NewError(Denied, "another deployment is under way")

// ProposalStanding is what stands beside a proposal in the record: people's
// orders, votes, freezes and other deployments.
type ProposalStanding struct {
	End  DeploymentState // how it ends: cancelled, or stale; "" while it may be pasted
	Why  string          // of End, or of Hold
	Hold bool            // while so, what is pasted isn't verified: the router is frozen, or another deployment is under way on it
}

// NotToPaste says why a proposal's text must not be pasted now, and what leads on;
// "" while it may be. Only what is proposed, and neither held, taken back nor hindered on the router, may.
func (d Deployment) NotToPaste(s ProposalStanding, now time.Time) string {
	shows := fmt.Sprintf("peerflow change show %d says how it goes on", d.ChangeID)
	switch {
	case d.State == DeploymentConfirmed:
		return fmt.Sprintf("router %s runs it, and it is recorded; peerflow change rollback %d undoes it by a new change", d.Router, d.ChangeID)
	case d.State == DeploymentStale:
		return d.Outcome + "; what is planned in its place is approved first: " + shows
	case d.State == DeploymentNeedsOperator:
		return d.Outcome
	case d.State != DeploymentProposed:
		return fmt.Sprintf("it is %s: %s; open a new change for what is still wanted", strings.ReplaceAll(string(d.State), "_", " "), d.Outcome)
	case s.End != "":
		return fmt.Sprintf("it is about to end as %s: %s; %s", s.End, s.Why, shows)
	case s.Hold:
		return s.Why + "; run " + PasteCommand(d.ChangeID) + " again once that is over"
	case d.Hindrance != "":
		return d.Hindrance + "; run " + PasteCommand(d.ChangeID) + " again once that is over"
	case d.CommittedAt.IsZero() && !now.Before(d.Deadline):
		return fmt.Sprintf("nobody pasted it by %s; open a new change for what is still wanted", d.Deadline.UTC().Format(time.RFC3339))
	}
	return ""
}

// GoesBack reports that a proposal's router may run something of it, so that
// a person may want the earlier text there.
func (d Deployment) GoesBack() bool {
	return d.State == DeploymentProposed || d.State == DeploymentNeedsOperator || d.State == DeploymentCancelled || d.State == DeploymentStale
}

// Paste is what a router runs of the stanzas that a plan moves.
type Paste struct {
	Here    []string // stanzas that run as proposed
	Left    []string // those that run as before
	Neither []string // those that run otherwise
}

// SeePaste compares what a router runs with a plan's moves.
func SeePaste(moves []Move, running map[string]Stanza) (p Paste) {
	for _, m := range moves {
		switch hashOf(running, m.Key) {
		case m.After:
			p.Here = append(p.Here, m.Key)
		case m.Before:
			p.Left = append(p.Left, m.Key)
		default:
			p.Neither = append(p.Neither, m.Key)
		}
	}
	return p
}

// Untouched reports that nothing of the plan runs.
func (p Paste) Untouched() bool { return len(p.Here)+len(p.Neither) == 0 }

// claim says what runs of a proposal that ends without having been verified.
func (p Paste) claim(router string) string {
	switch {
	case p.Untouched():
		return fmt.Sprintf("router %s runs nothing of it", router)
	case len(p.Left)+len(p.Neither) == 0:
		return fmt.Sprintf("router %s runs it all the same, unverified: put the earlier text back, or open a new change", router)
	}
	return fmt.Sprintf("router %s runs a part of it, unverified (%s): put the earlier text back, or open a new change", router, Some(p.Here, mostNamed, ", "))
}

// partly says what is missing of one that was pasted in part.
func (p Paste) partly() string {
	text := "the router runs a part of it: " + Some(p.Here, mostNamed, ", ")
	if len(p.Left) > 0 {
		text += "; as before: " + Some(p.Left, mostNamed, ", ")
	}
	if len(p.Neither) > 0 {
		text += "; otherwise than proposed (a secret that isn't filled in?): " + Some(p.Neither, mostNamed, ", ")
	}
	return text
}

// PasteCommand shows what to paste for a change.
func PasteCommand(change int64) string { return fmt.Sprintf("peerflow change paste %d", change) }

// NextOfProposal decides from the record and a read of the router what comes next
// of a proposal: the counterpart of NextStep where peerflow is unable to write.
// What runs is verified by the same checks; nothing that people took back is
// confirmed, and what fails is a person's.
func NextOfProposal(d Deployment, r Read, p Paste, s ProposalStanding) Next {
	next := nextOfProposal(d, r, p, s)
	if next.Step != StepEnd {
		next.Until = d.Deadline
	}
	return next
}

func nextOfProposal(d Deployment, r Read, p Paste, s ProposalStanding) Next {
	pasted := r.Where == AtArtifact || r.Where == AtPending
	switch {
	case d.State.Ended(), d.State == DeploymentNeedsOperator:
		return end(d.State, d.Outcome)
	case d.State == DeploymentQueued && d.Baseline == nil:
		return Next{Step: StepPrepare}
	case d.State == DeploymentQueued:
		return Next{Step: StepBegin}
	case s.End != "":
		return end(s.End, s.Why+"; nothing is claimed: "+p.claim(d.Router))
	case pasted:
		return whilePasted(d, r, s)
	case len(p.Here) == 0 && len(p.Neither) > 0:
		return end(DeploymentStale, (&StanzaMovedError{Key: p.Neither[0]}).Error())
	case !r.At.Before(d.Deadline):
		return end(DeploymentCancelled, fmt.Sprintf("nobody pasted it by %s; nothing is claimed: %s", d.Deadline.UTC().Format(time.RFC3339), p.claim(d.Router)))
	}
	return Next{Step: StepWait, Text: d.awaitsPaste(p, s)}
}

// NotNow says that a proposal must not be pasted at present, why, and how it is later.
func (d Deployment) NotNow(why string) string {
	return "don't paste it now: " + why + "; " + d.howToPaste()
}

func (d Deployment) howToPaste() string {
	return fmt.Sprintf("router %s is in mode propose: a person pastes it, and %s says what and where", d.Router, PasteCommand(d.ChangeID))
}

func (d Deployment) awaitsPaste(p Paste, s ProposalStanding) string {
	how := d.howToPaste()
	switch {
	case !p.Untouched() && len(p.Left)+len(p.Neither) == 0:
		return "the router runs the change, but not exactly what was proposed: other stanzas of ours moved along; " + how
	case !p.Untouched():
		return p.partly() + "; " + how
	case s.Hold:
		return d.NotNow(s.Why)
	}
	return how
}

// whilePasted is what comes after the paste. Once verification began it goes on,
// whatever is frozen meanwhile, as it does between commit and confirm.
func whilePasted(d Deployment, r Read, s ProposalStanding) Next {
	switch {
	case d.Verdict != nil && d.Verdict.Outcome == CheckFailed:
		return end(DeploymentNeedsOperator, fmt.Sprintf("router %s runs it, and its verification failed: %s. Nothing is taken back, since peerflow is unable to write there: "+
			"put the earlier text back (%s --earlier), then run peerflow change resolve %d", d.Router, d.Verdict.Reason, PasteCommand(d.ChangeID), d.ChangeID))
	case d.CommittedAt.IsZero() && s.Hold:
		return Next{Step: StepWait, Text: "the router runs it, and it isn't verified yet: " + s.Why}
	case d.CommittedAt.IsZero(), !d.Verdict.Confirmable():
		return Next{Step: StepSoak, Text: "the router runs it"}
	case r.Where == AtPending:
		return Next{Step: StepWait, Text: "verified; the router still waits for its confirmation: confirm it there"}
	case !r.Booting:
		return Next{Step: StepWait, Text: "verified; a restart of the router would return to what it ran before: save its configuration there"}
	}
	return end(DeploymentConfirmed, d.lookAt("pasted by a person, verified, and in the boot configuration"))
}
