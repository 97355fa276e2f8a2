package api

import (
	"context"
	"encoding/json"
	"slices"

	"peerflow/internal/peering"
)

// PeeringView is an agreement with whose turn it is.
type PeeringView struct {
	peering.Peering
	Turn peering.Turn `json:"turn" readOnly:"true" enum:"us,them,exchange,nobody" doc:"who has to move next"`
}

func viewPeering(p peering.Peering) PeeringView {
	return PeeringView{Peering: p, Turn: p.State.Turn()}
}

// peeringStore shows peerings with whose turn they are.
type peeringStore struct{ Store[peering.Peering] }

func (s peeringStore) Get(ctx context.Context, id int64) (PeeringView, error) {
	p, err := s.Store.Get(ctx, id)
	return viewPeering(p), err
}

// Filters: turn stands for the states that it follows from.
func (s peeringStore) Filters() []peering.FilterField {
	return append(s.Store.Filters(), peering.FilterField{Name: "turn", Type: "string", Values: words(peering.Turns()), Operators: []string{"n"}})
}

func (s peeringStore) List(ctx context.Context, filters []peering.Filter, page peering.Page) (peering.List[PeeringView], error) {
	stored := slices.Clone(filters)
	for i, f := range stored {
		if f.Field != "turn" {
			continue
		}
		stored[i] = peering.Filter{Field: "state", Op: f.Op, Values: []string{}}
		for _, v := range f.Values {
			if !slices.Contains(peering.Turns(), peering.Turn(v)) {
				return peering.List[PeeringView]{}, peering.Errorf(peering.Invalid, "filter turn: it is us, them, exchange or nobody")
			}
			stored[i].Values = append(stored[i].Values, words(peering.Turn(v).PeeringStates())...)
		}
		if len(stored[i].Values) == 0 { // no agreement is an exchange's turn
			stored[i] = peering.Filter{Field: "id", Op: f.Op, Values: []string{"0"}}
		}
	}
	found, err := s.Store.List(ctx, stored, page)
	views := make([]PeeringView, len(found.Items))
	for i, p := range found.Items {
		views[i] = viewPeering(p)
	}
	return peering.List[PeeringView]{Items: views, Next: found.Next}, err
}

func (s peeringStore) Create(ctx context.Context, by peering.Actor, v PeeringView) (PeeringView, error) {
	p, err := s.Store.Create(ctx, by, v.Peering)
	return viewPeering(p), err
}

func (s peeringStore) Patch(ctx context.Context, by peering.Actor, id, version int64, patch json.RawMessage) (PeeringView, error) {
	p, err := s.Store.Patch(ctx, by, id, version, patch)
	return viewPeering(p), err
}
