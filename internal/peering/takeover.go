package peering

import (
	"fmt"
	"slices"
)

// TakenOver lists the neighbors that a plan adds and that the router has already
// by somebody else's hand: none of the stanzas that it runs of ours is theirs. No
// change overwrites one, or puts a second session beside it.
func TakenOver(touched []TouchedSession, running map[string]Stanza, neighbors []Neighbor) []Neighbor {
	var taken []Neighbor
	for _, n := range neighbors {
		added := slices.ContainsFunc(touched, func(t TouchedSession) bool { return t.Added && t.Key() == n.Key() })
		ours := false
		for _, s := range running {
			ours = ours || s.Neighbor == n.Address
		}
		if added && !ours {
			taken = append(taken, n)
		}
	}
	return taken
}

// Foreign leaves a session out that a router has by somebody else's hand.
func Foreign(router string, n Neighbor, s Session, ixp IXP) Omission {
	where := router
	if n.Name != "" {
		where += " as " + n.Name
	}
	return Omission{Code: OmitForeign, IXPID: ixp.ID, Exchange: ixp.Name, PeerAddress: s.PeerAddress.String(),
		Text: fmt.Sprintf("configured by hand on %s (%s, %s), so that it isn't ours and is never taken over: take it out there by hand, then peerflow peer %s again",
			where, n.RemoteAS, n.State, s.PeerAS)}
}

// ForeignLeft refuses a change of which foreign neighbors left nothing; nil when
// none were left out.
func ForeignLeft(omitted []Omission) error {
	var all []string
	for _, o := range omitted {
		if o.Code == OmitForeign {
			all = append(all, o.PeerAddress+": "+o.Text)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return Errorf(Conflict, "nothing is left to configure: %s", Some(all, mostNamed, "; "))
}

// TakeOverError refuses to plan sessions that a router has by somebody else's
// hand; nil when there are none.
func TakeOverError(taken []Neighbor) error {
	if len(taken) == 0 {
		return nil
	}
	var all []string
	for _, n := range taken {
		name := n.Key().String()
		if n.Name != "" {
			name += " as " + n.Name
		}
		all = append(all, fmt.Sprintf("%s (%s, %s)", name, n.RemoteAS, n.State))
	}
	return Errorf(Conflict, "it has these neighbors in a part of its configuration that isn't peerflow's: %s. Nothing of it is overwritten: "+
		"take them out of it by hand and plan again, or leave them as they are", Some(all, mostNamed, ", "))
}
