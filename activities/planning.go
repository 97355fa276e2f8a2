package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/internal/render"
)

// Planning turns a wish into sessions, and sessions into a plan that people can
// approve. It writes nothing to a router.
type Planning struct {
	Access  Access
	Intent  IntentStore
	Changes ChangeStore
	Plans   PlanStore
	Mirror  Mirror
	Now     func() time.Time
	// NoProvenance: where a text's lines come from isn't kept.
	NoProvenance bool
}

// Mirror is PeeringDB's view of one network.
type Mirror interface {
	// RefreshASN asks PeeringDB for it. The freshness is good with an error, too.
	RefreshASN(ctx context.Context, asn bgp.ASN) (peering.PDBFreshness, error)
	NetworkFreshness(ctx context.Context, asn bgp.ASN) (peering.PDBFreshness, error)
}

// LookUpResult says how fresh the view of the peer is.
type LookUpResult struct {
	Stale bool   `json:"stale"` // PeeringDB couldn't be asked: planning goes on with the mirror
	Text  string `json:"text"`
	// Summary is the change in one line.
	Summary string `json:"summary,omitempty"`
	// State and Outcome are the change's, when it is no draft any more: then nothing was looked up.
	State   peering.ChangeState `json:"state,omitempty"`
	Outcome string              `json:"outcome,omitempty"`
	EndedAt time.Time           `json:"ended_at,omitzero"`
}

// LookUpPeer refreshes the mirror for the change's peer. An outage of PeeringDB
// doesn't stop the change. Idempotent: it only reads elsewhere.
func (p *Planning) LookUpPeer(ctx context.Context, changeID int64) (LookUpResult, error) {
	change, err := p.Changes.Change(ctx, changeID)
	if err != nil {
		return LookUpResult{}, fail(err)
	}
	if change.State != peering.ChangeDraft {
		return LookUpResult{State: change.State, Outcome: change.Outcome, EndedAt: change.EndedAt, Summary: change.Summary()}, nil
	}
	asn := change.Request.ASN
	if fresh, err := p.Mirror.RefreshASN(ctx, asn); err != nil {
		if peering.KindOf(err) == peering.NotFound {
			return LookUpResult{}, fail(peering.Errorf(peering.NotFound, "PeeringDB has no network %s: check the number", asn))
		}
		text := fmt.Sprintf("PeeringDB couldn't be asked for %s: planning with the mirror's view", asn)
		if stale := fresh.StaleView(asn, p.Now()); stale != nil {
			text += "; " + stale.String()
		}
		return LookUpResult{Stale: true, Summary: change.Summary(), Text: peering.Clip(text, textSize)}, nil
	}
	return LookUpResult{Summary: change.Summary(), Text: fmt.Sprintf("%s looked up in PeeringDB", asn)}, nil
}

// AgreeResult says which venues are agreed, and what to ask.
type AgreeResult struct {
	Agreed  int    `json:"agreed"`            // venues that may deploy
	Waiting int    `json:"waiting"`           // venues where the peer has to agree first
	Refused int    `json:"refused,omitempty"` // venues where asking is of no use: the text says why
	Text    string `json:"text"`
	Ask     string `json:"ask,omitempty"` // what to send to the peer, while nothing but its answer is missing
}

// AssessAgreement records the peer and its peerings, and moves those that count
// as agreed by rule. Idempotent: what is agreed stays agreed.
func (p *Planning) AssessAgreement(ctx context.Context, changeID int64) (AgreeResult, error) {
	change, facts, err := p.facts(ctx, changeID)
	if err != nil {
		return AgreeResult{}, fail(err)
	}
	network, err := p.Intent.EnsureNetwork(ctx, changeID, peering.AutonomousSystem{
		ASN: facts.Peer.ASN, Name: facts.Peer.Name, IRRASSet: facts.Peer.IRRASSet,
	})
	if err != nil {
		return AgreeResult{}, fail(err)
	}
	var result AgreeResult
	var refused []string
	common := commonIXPs(facts)
	for _, ixp := range common {
		if facts.Peerings[ixp.ID], err = p.Intent.EnsurePeering(ctx, changeID, ixp.LocalASID, network.ID, ixp.ID); err != nil {
			return AgreeResult{}, fail(err)
		}
		switch no := facts.NoSessions(ixp); {
		case no.Code == "":
			result.Agreed++
		case no.Code != peering.OmitNotAgreed || !facts.Peerings[ixp.ID].Awaits(facts.Now):
			result.Refused++
			refused = append(refused, fmt.Sprintf("%s: %s", ixp.Name, no.Text))
		default:
			agreed, err := p.ask(ctx, change.ID, ixp, facts)
			if err != nil {
				return AgreeResult{}, fail(err)
			}
			if agreed {
				result.Agreed++
			} else {
				result.Waiting++
			}
		}
	}
	result.Text = fmt.Sprintf("%s: agreed at %d of %d exchanges", facts.Peer.ASN, result.Agreed, len(common))
	if len(refused) > 0 {
		result.Text += "; " + peering.Some(refused, named, "; ")
	}
	result.Text = peering.Clip(result.Text, textSize)
	if result.Agreed == 0 && result.Waiting > 0 {
		result.Ask, err = p.askText(ctx, facts.Peer.ASN)
	}
	return result, fail(err)
}

// askText is what to send to a peer whose answer is awaited: subject and body, as far as a screen holds them.
func (p *Planning) askText(ctx context.Context, asn bgp.ASN) (string, error) {
	facts, err := p.Intent.AskFacts(ctx, asn)
	if err != nil {
		return "", err
	}
	ask, err := peering.NewAsk(facts)
	if peering.KindOf(err) == peering.Conflict {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	text, err := render.Ask(ctx, ask)
	return peering.Clip(text.Subject+"\n\n"+text.Body, textSize), err
}

// commonIXPs are the exchanges where the peer has a port, by id.
func commonIXPs(facts peering.PlanningFacts) []peering.IXP {
	var common []peering.IXP
	for _, id := range slices.Sorted(maps.Keys(facts.IXPs)) {
		ixp := facts.IXPs[id]
		if slices.ContainsFunc(facts.Ports, func(port peering.PDBPresence) bool { return ixp.IXLANID != 0 && port.LANID == ixp.IXLANID }) {
			common = append(common, ixp)
		}
	}
	return common
}

// ask notes that the peer's answer is awaited at an exchange, unless it counts as agreed by rule.
func (p *Planning) ask(ctx context.Context, changeID int64, ixp peering.IXP, facts peering.PlanningFacts) (agreed bool, err error) {
	record := facts.Peerings[ixp.ID]
	if peering.AgreesByRule(ixp, facts.Peer) {
		text := fmt.Sprintf("open policy, and %s has rule %s", ixp.Name, ixp.Agreement)
		return true, p.Intent.SetPeering(ctx, changeID, record.ID, peering.Agreed, peering.OpenPolicy, text)
	}
	if record.State == peering.RequestedByThem {
		return false, nil
	}
	return false, p.Intent.SetPeering(ctx, changeID, record.ID, peering.RequestedByUs, peering.NoEvidence, "")
}

// SessionsResult counts what was planned.
type SessionsResult struct {
	Sessions int    `json:"sessions"`
	Omitted  int    `json:"omitted"`
	Text     string `json:"text"`
}

// PlanSessions records the change's overlay: the sessions to create, and what
// was left out. Idempotent: the same facts give the same operations and ids. When
// another change took one of them at the same moment, that one is left out.
func (p *Planning) PlanSessions(ctx context.Context, changeID int64) (SessionsResult, error) {
	var result SessionsResult
	var err error
	for range planAttempts {
		if result, err = p.planSessions(ctx, changeID); peering.KindOf(err) != peering.Conflict {
			break
		}
	}
	return result, fail(err)
}

// planAttempts bounds how often sessions are planned again because another
// change was faster: the second look sees what it took.
const planAttempts = 3

func (p *Planning) planSessions(ctx context.Context, changeID int64) (SessionsResult, error) {
	change, facts, err := p.facts(ctx, changeID)
	if err != nil {
		return SessionsResult{}, err
	}
	facts = withoutOwn(facts, changeID)
	plan, err := peering.PlanSessions(facts, change.Request.AllPorts)
	if err != nil {
		return SessionsResult{}, err
	}
	ops, err := sessionOperations(plan.Sessions)
	if err != nil {
		return SessionsResult{}, err
	}
	fresh, err := p.Mirror.NetworkFreshness(ctx, facts.Peer.ASN)
	if err != nil {
		return SessionsResult{}, err
	}
	plan.Stale = fresh.StaleView(facts.Peer.ASN, p.Now())
	if _, err := p.Changes.RecordOverlay(ctx, changeID, ops, plan.Findings); err != nil {
		return SessionsResult{}, err
	}
	text := fmt.Sprintf("%d to configure, %d left out", len(ops), len(plan.Omitted))
	if len(ops) == 0 {
		text = leftOut(plan.Omitted)
	}
	return SessionsResult{Sessions: len(ops), Omitted: len(plan.Omitted), Text: text}, nil
}

// leftOut says once for each reason why nothing is planned.
func leftOut(omitted []peering.Omission) string {
	var reasons []string
	for _, o := range omitted {
		if !slices.Contains(reasons, o.Text) {
			reasons = append(reasons, o.Text)
		}
	}
	return peering.Some(reasons, named, "; ")
}

// sessionOperations creates each session on its router.
func sessionOperations(sessions []peering.Session) ([]peering.Operation, error) {
	var ops []peering.Operation
	for _, s := range sessions {
		patch, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		ops = append(ops, peering.Operation{RouterID: s.RouterID, Object: peering.ObjectSession, Action: peering.Create, Patch: patch})
	}
	return ops, nil
}

// withoutOwn forgets the sessions that this change planned earlier: planning
// again must find them again.
func withoutOwn(facts peering.PlanningFacts, changeID int64) peering.PlanningFacts {
	facts.Sessions = maps.Clone(facts.Sessions)
	maps.DeleteFunc(facts.Sessions, func(_ peering.SessionKey, f peering.SessionFact) bool { return f.ChangeID == changeID })
	return facts
}

func (p *Planning) facts(ctx context.Context, changeID int64) (peering.Change, peering.PlanningFacts, error) {
	change, err := p.Changes.Change(ctx, changeID)
	if err != nil {
		return change, peering.PlanningFacts{}, err
	}
	facts, err := p.Intent.PlanningFacts(ctx, change.Request.ASN, change.Request.IXPs)
	if err != nil {
		return change, facts, err
	}
	facts.Now = p.Now()
	return change, facts, nil
}
