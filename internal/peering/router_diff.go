package peering

import "slices"

// RouterDiff is what a router runs of ours against what is recorded for it.
type RouterDiff struct {
	RouterID int64        `json:"router_id"`
	Router   string       `json:"router"`
	InSync   bool         `json:"in_sync"`         // no stanza differs
	Authors  []string     `json:"pending_authors"` // who edited what it is rendered from since a deploy was confirmed there
	Stanzas  []StanzaDiff `json:"stanzas"`         // those that differ, by key
}

// StanzaDiff is one stanza that a router runs otherwise than it is recorded.
type StanzaDiff struct {
	Key      string       `json:"key"`
	Labels   []DiffReason `json:"labels"`
	ChangeID int64        `json:"change_id,omitempty"` // of the change under way
	Text     string       `json:"text"`                // "-" what it runs, "+" what is recorded; secrets stand as <secret v3>
}

// DiffReason says which side of a stanza moved since it was last deployed.
type DiffReason string

const (
	DiffPending   DiffReason = "pending"   // the record: a change of kind deploy carries it
	DiffDrift     DiffReason = "drift"     // the router: somebody else wrote there
	DiffDeploying DiffReason = "deploying" // a change under way wrote it; the record follows when it is confirmed
)

// UnderWay is what a deployment in flight puts on a router.
type UnderWay struct {
	ChangeID int64
	Moves    []Move
}

// DiffStanzas compares what a router runs with what is recorded, stanza by
// stanza. The ledger, as the last confirmed deployments left it, tells which of
// the two moved.
func DiffStanzas(running, recorded map[string]Stanza, ledger map[string]string, flying []UnderWay) []StanzaDiff {
	diffs := []StanzaDiff{}
	for _, key := range unionKeys(running, recorded) {
		runs, wants := hashOf(running, key), hashOf(recorded, key)
		if runs == wants {
			continue
		}
		d := StanzaDiff{Key: key, Text: HideSecrets(Diff(one(running, key), sortedStanzas(one(recorded, key))))}
		d.Labels, d.ChangeID = reasons(key, runs, wants, ledger[key], flying)
		diffs = append(diffs, d)
	}
	return diffs
}

func reasons(key, runs, wants, deployed string, flying []UnderWay) ([]DiffReason, int64) {
	for _, f := range flying {
		if slices.ContainsFunc(f.Moves, func(m Move) bool { return m.Key == key && m.After == runs }) {
			return []DiffReason{DiffDeploying}, f.ChangeID
		}
	}
	var found []DiffReason
	if wants != deployed {
		found = append(found, DiffPending)
	}
	if runs != deployed {
		found = append(found, DiffDrift)
	}
	return found, 0
}

func one(m map[string]Stanza, key string) map[string]Stanza {
	if s, ok := m[key]; ok {
		return map[string]Stanza{key: s}
	}
	return nil
}
