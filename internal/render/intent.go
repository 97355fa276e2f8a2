package render

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"peerflow/internal/peering"
)

// heeded refuses a template that doesn't heed an intent. People would see a
// session as draining, or as shut down, that its router treats like any other.
func heeded(ctx context.Context, d peering.Desired, text string) error {
	for intent, field := range map[peering.Intent]string{peering.Draining: "draining", peering.Shutdown: "shutdown"} {
		open, names := asPresent(d, intent)
		if len(names) == 0 {
			continue
		}
		other, err := run(ctx, open, plain)
		if err != nil {
			return err
		}
		if other == text {
			return peering.Errorf(peering.Unsupported, "template %s prints the same for %s whether it is %s or present: make it heed the field %s of a session, or its status, or take the intent back",
				d.Template.Name, strings.Join(names, ", "), intent, field)
		}
	}
	return nil
}

// asPresent is the desired state with the sessions of one intent present, and their names.
func asPresent(d peering.Desired, intent peering.Intent) (peering.Desired, []string) {
	var names []string
	sessions := maps.Clone(d.Sessions)
	for _, s := range d.SessionsInOrder() {
		if s.Intent == intent {
			names = append(names, fmt.Sprintf("session %d with %s", s.ID, s.PeerAS))
			s.Intent, s.HeldByHand = peering.Present, false
			sessions[s.ID] = s
		}
	}
	d.Sessions = sessions
	return d, names
}
