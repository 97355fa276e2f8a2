package api

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"peerflow/internal/peering"
)

// Observed is what routers were seen doing.
type Observed interface {
	NeighborStates(ctx context.Context, routerID int64) ([]peering.ObservedNeighbor, error)
	SessionStates(ctx context.Context, sessionIDs []int64) (map[int64]peering.ObservedNeighbor, error)
	Polls(ctx context.Context) ([]peering.PollStatus, error)
	// Stanzas is what we wrote on a router and isn't proven absent there.
	Stanzas(ctx context.Context, routerID int64) ([]peering.DeployedStanza, error)
}

// SessionView is a session with what its four axes add up to.
type SessionView struct {
	peering.Session
	Display  peering.Display           `json:"display" readOnly:"true" doc:"what people call this state"`
	Why      string                    `json:"why" readOnly:"true" doc:"one sentence on it"`
	Turn     peering.Turn              `json:"turn" readOnly:"true" enum:"us,them,exchange,nobody" doc:"who has to move next"`
	Observed *peering.ObservedNeighbor `json:"observed,omitempty" readOnly:"true" doc:"as the router told last"`
}

// sessionStore shows sessions with their derived state.
type sessionStore struct{ *server }

func (s sessionStore) store() Store[peering.Session] { return s.Nouns.Sessions }

func (s sessionStore) Get(ctx context.Context, id int64) (SessionView, error) {
	return s.viewed(ctx)(s.store().Get(ctx, id))
}

// Filters: display and turn are derived, so that they are looked for here.
func (s sessionStore) Filters() []peering.FilterField {
	return append(s.store().Filters(),
		peering.FilterField{Name: "display", Type: "string", Values: words(peering.Displays()), Operators: []string{"n"}},
		peering.FilterField{Name: "turn", Type: "string", Values: words(peering.Turns()), Operators: []string{"n"}})
}

func words[S ~string](values []S) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return list
}

func (s sessionStore) List(ctx context.Context, filters []peering.Filter, page peering.Page) (peering.List[SessionView], error) {
	fits, stored, err := derivedFilters(filters)
	if err != nil {
		return peering.List[SessionView]{}, err
	}
	var out peering.List[SessionView]
	wanted := page.Limit
	for {
		found, err := s.store().List(ctx, stored, page)
		if err != nil {
			return out, err
		}
		items, err := s.views(ctx, found.Items)
		if err != nil {
			return out, err
		}
		for i, v := range items {
			if !fits(v) {
				continue
			}
			if out.Items = append(out.Items, v); len(out.Items) == wanted && i < len(items)-1 {
				out.Next = strconv.FormatInt(v.ID, 10)
				return out, nil
			}
		}
		if out.Next = found.Next; found.Next == "" || len(out.Items) == wanted || wanted == 0 {
			return out, nil
		}
		page.After, page.Limit = found.Next, 1000
	}
}

// derivedFilters takes the filters out that the database can't answer.
func derivedFilters(filters []peering.Filter) (fits func(SessionView) bool, stored []peering.Filter, err error) {
	var derived []func(SessionView) bool
	for _, f := range filters {
		var of func(SessionView) string
		var values []string
		switch f.Field {
		case "display":
			of, values = func(v SessionView) string { return string(v.Display) }, words(peering.Displays())
		case "turn":
			of, values = func(v SessionView) string { return string(v.Turn) }, words(peering.Turns())
		default:
			stored = append(stored, f)
			continue
		}
		if f.Op != "" && f.Op != "n" {
			return nil, nil, peering.Errorf(peering.Invalid, "filter %s has no operator %q: it has equality, n", f.Field, f.Op)
		}
		for _, v := range f.Values {
			if !slices.Contains(values, v) {
				return nil, nil, peering.Errorf(peering.Invalid, "filter %s: it is one of %s", f.Field, strings.Join(values, ", "))
			}
		}
		derived = append(derived, func(v SessionView) bool { return slices.Contains(f.Values, of(v)) == (f.Op == "") })
	}
	return func(v SessionView) bool {
		return !slices.ContainsFunc(derived, func(holds func(SessionView) bool) bool { return !holds(v) })
	}, stored, nil
}

func (s sessionStore) Create(ctx context.Context, by peering.Actor, v SessionView) (SessionView, error) {
	return s.viewed(ctx)(s.store().Create(ctx, by, v.Session))
}

func (s sessionStore) Patch(ctx context.Context, by peering.Actor, id, version int64, patch json.RawMessage) (SessionView, error) {
	return s.viewed(ctx)(s.store().Patch(ctx, by, id, version, patch))
}

func (s sessionStore) Delete(ctx context.Context, by peering.Actor, id, version int64) error {
	return s.store().Delete(ctx, by, id, version)
}

func (s sessionStore) Bulk(ctx context.Context, by peering.Actor, edits []peering.Edit) ([]peering.Edited, error) {
	return s.store().Bulk(ctx, by, edits)
}

func (s sessionStore) viewed(ctx context.Context) func(peering.Session, error) (SessionView, error) {
	return func(session peering.Session, err error) (SessionView, error) {
		if err != nil {
			return SessionView{}, err
		}
		views, err := s.views(ctx, []peering.Session{session})
		if err != nil {
			return SessionView{}, err
		}
		return views[0], nil
	}
}

// views derives what a page of sessions shows, with as many reads for all of them as for one.
func (s sessionStore) views(ctx context.Context, sessions []peering.Session) ([]SessionView, error) {
	if len(sessions) == 0 {
		return nil, nil
	}
	var ids, peeringIDs, routerIDs []int64
	for _, session := range sessions {
		ids, peeringIDs, routerIDs = append(ids, session.ID), append(peeringIDs, session.PeeringID), append(routerIDs, session.RouterID)
	}
	states, err := s.Observed.SessionStates(ctx, ids)
	if err != nil {
		return nil, err
	}
	agreements, err := everyPage(ctx, s.Nouns.Peerings.List, among("id", peeringIDs...))
	if err != nil {
		return nil, err
	}
	routers, err := everyPage(ctx, s.Nouns.Routers.List, among("id", routerIDs...))
	if err != nil {
		return nil, err
	}
	modes := map[int64]peering.RouterMode{}
	for _, r := range routers {
		modes[r.ID] = r.Mode
	}
	agreed := map[int64]peering.PeeringState{}
	for _, p := range agreements {
		agreed[p.ID] = p.State
	}
	views := make([]SessionView, len(sessions))
	for i, session := range sessions {
		views[i] = s.view(session, agreed[session.PeeringID], modes[session.RouterID], states)
	}
	return views, nil
}

func (s sessionStore) view(session peering.Session, agreed peering.PeeringState, mode peering.RouterMode, states map[int64]peering.ObservedNeighbor) SessionView {
	v := SessionView{Session: session}
	if seen, ok := states[session.ID]; ok {
		v.Observed = &seen
	}
	v.Display, v.Why = peering.DisplayOf(session, agreed, mode, v.Observed, time.Now(), s.PollEvery)
	v.Turn = peering.TurnOf(v.Display, session, agreed, v.Observed)
	return v
}
