package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"peerflow/internal/peering"
)

type agreeInput struct {
	ByID
	Body struct {
		Evidence peering.Evidence `json:"evidence" enum:"mail,ticket,api,person" doc:"why it counts as agreed"`
		Text     string           `json:"text" minLength:"1" maxLength:"2000" doc:"the mail's id, the ticket, or who said so"`
	}
}

func (s *server) registerPeerings() {
	add(s, operation{method: http.MethodPost, path: "/api/v1/peerings/{id}/agree", role: peering.Operator, tag: "peerings",
		summary:     "Record that the peer agreed",
		description: "With evidence. Changes that wait for this agreement go on."}, s.agree)
	add(s, operation{method: http.MethodGet, path: "/api/v1/autonomous-systems/{id}/ask", role: peering.Viewer, tag: "peerings",
		summary: "The text to send to a network",
		description: "One for all exchanges: subject and body with both sides' addresses wherever the network's answer is awaited, or its end of an agreed session " +
			"is missing, and our AS number, AS-SET, max-prefix and contact. Of ours it says what is recorded (`contact` in the AS's context), else what PeeringDB has. " +
			"Nothing sends it. 409 when there is nothing to ask the network for."}, s.ask)
}

func (s *server) ask(ctx context.Context, in *ByID) (*answer[peering.AskText], error) {
	network, err := s.Nouns.AutonomousSystems.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return say(s.Ask(ctx, network.ASN))
}

func (s *server) agree(ctx context.Context, in *agreeInput) (*one[peering.Peering], error) {
	patch, err := json.Marshal(map[string]any{"state": peering.Agreed, "evidence": in.Body.Evidence, "evidence_text": in.Body.Text})
	if err != nil {
		return nil, err
	}
	p, err := s.Nouns.Peerings.Patch(ctx, ActorOf(ctx), in.ID, 0, patch)
	if err != nil {
		return nil, err
	}
	if err := s.wakeWaiting(ctx, p); err != nil {
		s.Log.Warn("wake changes that wait for an agreement; they look again by themselves", "peering", p.ID, "error", err)
	}
	return tagged(p, nil)
}

// wakeWaiting tells the peer's changes that wait for its agreement.
func (s *server) wakeWaiting(ctx context.Context, p peering.Peering) error {
	network, err := s.Nouns.AutonomousSystems.Get(ctx, p.PeerASID)
	if err != nil {
		return err
	}
	waiting, err := everyPage(ctx, s.Changes.ListChanges,
		peering.Filter{Field: "state", Values: []string{string(peering.ChangeDraft)}},
		peering.Filter{Field: "asn", Values: []string{fmt.Sprint(uint32(network.ASN))}})
	waking, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for _, change := range waiting {
		s.wakeWithin(waking, change.ID, "agreed")
	}
	return err
}
