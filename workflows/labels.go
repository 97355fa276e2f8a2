package workflows

import (
	"slices"
	"strconv"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"peerflow/internal/peering"
)

// Search attributes, registered when the server is set up. SQL visibility can't
// order by them; SearchAttributes says how many there may be.
var (
	attrChange = temporal.NewSearchAttributeKeyKeyword("PeerflowChange")
	attrState  = temporal.NewSearchAttributeKeyKeyword("PeerflowState")
	attrTurn   = temporal.NewSearchAttributeKeyKeyword("PeerflowTurn")
	attrRouter = temporal.NewSearchAttributeKeyKeywordList("PeerflowRouter")
	attrSite   = temporal.NewSearchAttributeKeyKeywordList("PeerflowSite")
	attrASN    = temporal.NewSearchAttributeKeyInt64("PeerflowAsn")
)

// labels are what a workflow is found by in Temporal's lists; those that are zero
// aren't known, or stay as they are.
type labels struct {
	change  int64
	asn     int64
	routers []string // by name
	sites   []string // by slug
	state   string   // as the record has it, or the workflow's own word where there is none
	turn    peering.Turn
}

// labelsOf reads a workflow's own labels, so that those of its start need no
// second way to it. They are in its history: replay finds them too.
func labelsOf(ctx workflow.Context) (l labels) {
	own := workflow.GetTypedSearchAttributes(ctx)
	if text, ok := own.GetKeyword(attrChange); ok {
		l.change, _ = strconv.ParseInt(text, 10, 64)
	}
	l.asn, _ = own.GetInt64(attrASN)
	l.routers, _ = own.GetKeywordList(attrRouter)
	l.sites, _ = own.GetKeywordList(attrSite)
	l.state, _ = own.GetKeyword(attrState)
	turn, _ := own.GetKeyword(attrTurn)
	l.turn = peering.Turn(turn)
	return l
}

// label sets what differs: each time costs an event of the history.
func label(ctx workflow.Context, l labels) {
	if differs := l.beside(labelsOf(ctx)).updates(); len(differs) > 0 {
		_ = workflow.UpsertTypedSearchAttributes(ctx, differs...)
	}
}

// beside keeps what others don't have alike.
func (l labels) beside(others labels) labels {
	if l.change == others.change {
		l.change = 0
	}
	if l.asn == others.asn {
		l.asn = 0
	}
	if slices.Equal(l.routers, others.routers) {
		l.routers = nil
	}
	if slices.Equal(l.sites, others.sites) {
		l.sites = nil
	}
	if l.state == others.state {
		l.state = ""
	}
	if l.turn == others.turn {
		l.turn = ""
	}
	return l
}

func (l labels) updates() (set []temporal.SearchAttributeUpdate) {
	if l.change != 0 {
		set = append(set, attrChange.ValueSet(strconv.FormatInt(l.change, 10)))
	}
	if l.asn != 0 {
		set = append(set, attrASN.ValueSet(l.asn))
	}
	if len(l.routers) > 0 {
		set = append(set, attrRouter.ValueSet(l.routers))
	}
	if len(l.sites) > 0 {
		set = append(set, attrSite.ValueSet(l.sites))
	}
	if l.state != "" {
		set = append(set, attrState.ValueSet(l.state))
	}
	if l.turn != "" {
		set = append(set, attrTurn.ValueSet(string(l.turn)))
	}
	return set
}
