package render

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"peerflow/internal/peering"
)

// heeds are the intents that a template has to heed, with the field that tells of each, in the order in which they are asked for.
var heeds = []struct {
	intent peering.Intent
	field  string
}{{peering.Draining, "draining"}, {peering.Shutdown, "shutdown"}}

// heeded refuses a template that doesn't heed an intent. People would see a
// session as draining, or as shut down, that its router treats like any other.
// Each kind of session is asked for by itself: templates loop over them apart.
func heeded(ctx context.Context, d peering.Desired, text string) error {
	for _, h := range heeds {
		for _, kind := range []peering.SessionKind{peering.IXPSession, peering.DirectSession} {
			open, names := asPresent(d, h.intent, kind)
			if len(names) == 0 {
				continue
			}
			other, err := once(ctx, open, nil, plain) // to compare, and no more
			if err != nil {
				return err
			}
			if other == text {
				return peering.Errorf(peering.Unsupported, "template %s prints the same for %s whether it is %s or present: make it heed the field %s of %s, or their status, or take the intent back",
					d.Template.Name, strings.Join(names, ", "), h.intent, h.field, kindNames[kind])
			}
		}
	}
	return nil
}

// kindNames are what templates loop over, as people call it.
var kindNames = map[peering.SessionKind]string{peering.IXPSession: "sessions at exchanges", peering.DirectSession: "direct sessions"}

// asPresent is the desired state with the sessions of one intent and kind present, and their names.
func asPresent(d peering.Desired, intent peering.Intent, kind peering.SessionKind) (peering.Desired, []string) {
	var names []string
	sessions := maps.Clone(d.Sessions)
	for _, s := range d.SessionsInOrder() {
		if s.Intent == intent && (s.Kind == peering.IXPSession) == (kind == peering.IXPSession) {
			names = append(names, fmt.Sprintf("session %d with %s", s.ID, s.PeerAS))
			s.Intent, s.HeldByHand = peering.Present, false
			sessions[s.ID] = s
		}
	}
	d.Sessions = sessions
	return d, names
}
