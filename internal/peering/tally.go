package peering

import (
	"fmt"
	"strings"
	"time"
)

// Tally is the count of valid votes on a plan.
type Tally struct {
	Approved bool      `json:"approved"`
	Rejected bool      `json:"rejected"`
	Have     int       `json:"have"`
	Need     int       `json:"need"`
	Rejecter string    `json:"rejecter,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Rule     string    `json:"rule,omitempty"`    // that says how many are needed
	By       []string  `json:"by,omitempty"`      // who approved and counts
	Solo     string    `json:"solo,omitempty"`    // the author, whose own approval …
	SoloAt   time.Time `json:"solo_at,omitzero"`  // … counts from then on
	Expired  []string  `json:"expired,omitempty"` // whose approval is too old to count
}

// CastVote is a vote that wasn't taken back, of somebody who may still decide.
type CastVote struct {
	User     string
	Decision Decision
	Reason   string
	At       time.Time
	Author   bool // of the change
	Carried  bool // of pending edits that the plan carries
}

// Tally counts votes, oldest first. Whoever wrote what is approved doesn't
// count, except while alone (exactly one active user exists), and except the
// change's author once the demand's delay has passed. One reject decides.
func (d Demand) Tally(votes []CastVote, alone bool, now time.Time) Tally {
	t := Tally{Need: d.VotesNeeded, Rule: d.Rule}
	for _, v := range votes {
		if v.Decision == Approve {
			d.count(&t, v, alone, now)
		} else if !t.Rejected {
			t.Rejected, t.Rejecter, t.Reason = true, v.User, v.Reason
		}
	}
	t.Have = len(t.By)
	t.Approved = !t.Rejected && t.Have >= t.Need
	return t
}

func (d Demand) count(t *Tally, v CastVote, alone bool, now time.Time) {
	own := v.Author || v.Carried
	name := v.User
	if own {
		name += " (solo)"
	}
	solo := v.At.Add(time.Duration(d.SoloAfterMinutes) * time.Minute)
	switch delayed := v.Author && d.SoloAfterMinutes > 0; {
	case d.ApprovalMinutes > 0 && !now.Before(v.At.Add(time.Duration(d.ApprovalMinutes)*time.Minute)):
		t.Expired = append(t.Expired, v.User)
	case !own, alone, delayed && !now.Before(solo):
		t.By = append(t.By, name)
	case delayed:
		t.Solo, t.SoloAt = v.User, solo
	}
}

// Line is where approval stands, for people.
func (t Tally) Line() string {
	if t.Rejected {
		return strings.TrimSuffix(fmt.Sprintf("rejected by %s: %s", t.Rejecter, t.Reason), ": ")
	}
	if t.Need == 0 {
		return "approved by rule " + t.Rule
	}
	line := fmt.Sprintf("%d of %d %s", t.Have, t.Need, plural(t.Need, "approval"))
	if len(t.By) > 0 {
		line += ": " + strings.Join(t.By, ", ")
	}
	if t.Solo != "" {
		line += fmt.Sprintf("; the author's own (%s) counts from %s, unless somebody rejects", t.Solo, t.SoloAt.UTC().Format("2006-01-02 15:04 MST"))
	}
	if len(t.Expired) > 0 {
		line += "; expired: " + strings.Join(t.Expired, ", ")
	}
	return line
}

// ApprovedBy names what approved a plan: people, or the automatic rule; "" while nothing did.
func (t Tally) ApprovedBy() string {
	switch {
	case !t.Approved:
		return ""
	case t.Need == 0:
		return "rule " + t.Rule
	}
	return strings.Join(t.By, ", ")
}
