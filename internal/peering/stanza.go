package peering

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Stanza is the unit of rendering, ownership and comparison: one keyed block of
// a router's configuration, such as a BIRD protocol or filter, or one
// OpenConfig neighbor. Text holds placeholders for secrets, never the secrets.
type Stanza struct {
	Key      string     // class and name as the platform writes them: "protocol/as64501_1", "filter/pf_in_peers"
	Text     string     // canonical text of the block, with a final newline
	Refs     []string   // keys of the owned stanzas this one refers to, sorted
	Neighbor netip.Addr // the peer address when the stanza is a session, else zero
	Line     int        // where it starts in the text that Split was given, counted from 1; 0 when it comes from elsewhere
}

// Hash is the SHA-256 of the text in hex. Equal text has an equal hash in any process.
func (s Stanza) Hash() string { return HashText(s.Text) }

// HashText is the SHA-256 of a text in hex.
func HashText(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Syntax cuts a platform's configuration text into stanzas and joins them again.
// Split refuses text it can't cut completely: no line may be lost. Join puts
// stanzas in the one order that the platform accepts (what is referred to comes
// first) whatever order they come in, so that equal sets give equal text:
// Join(Split(t)) is a fixpoint.
type Syntax interface {
	Split(text string) ([]Stanza, error)
	Join(stanzas []Stanza) (string, error)
	// Disruption says what the change from before to after does to the sessions
	// it touches; nil before adds, nil after removes.
	Disruption(before, after *Stanza) Disruption
}

// Disruption is what a change does to a running session, from harmless to worst.
type Disruption string

const (
	DisruptsNone    Disruption = "none"    // descriptions, adding a session
	DisruptsRefresh Disruption = "refresh" // routes are evaluated again, the session stays
	DisruptsReset   Disruption = "reset"   // the session restarts
	DisruptsRouter  Disruption = "router"  // every session of the router may restart
	DisruptsUnknown Disruption = "unknown" // counts as reset
)

// rank orders disruptions; unknown counts as reset.
var rank = map[Disruption]int{DisruptsNone: 0, DisruptsRefresh: 1, DisruptsReset: 2, DisruptsUnknown: 2, DisruptsRouter: 3}

// Worse returns the more disruptive of two classes.
func (d Disruption) Worse(other Disruption) Disruption {
	if rank[other] > rank[d] {
		return other
	}
	return d
}

// StanzaMap indexes stanzas by key; a key that occurs twice is refused.
func StanzaMap(stanzas []Stanza) (map[string]Stanza, error) {
	m := make(map[string]Stanza, len(stanzas))
	for _, s := range stanzas {
		if _, twice := m[s.Key]; twice {
			return nil, fmt.Errorf("stanza %s is defined twice: give each block its own name", s.Key)
		}
		m[s.Key] = s
	}
	return m, nil
}

// CutTemplate cuts what a template gave into stanzas. Text of another mode is
// refused: what a template merges would be taken for everything that we own, and
// the rest deleted.
func CutTemplate(syntax Syntax, platform string, t Template, text string) (map[string]Stanza, error) {
	if t.Mode != ModeStanza {
		return nil, Errorf(Unsupported, "template %s is of mode %s: platform %s takes templates of mode %s, which give all that peerflow owns on the router", t.Name, t.Mode, platform, ModeStanza)
	}
	named, err := SecretRefs(text)
	if err != nil {
		return nil, Errorf(Invalid, "template %s: %w", t.Name, err)
	}
	cut, err := syntax.Split(text)
	if err != nil {
		return nil, Errorf(Invalid, "template %s gives text that can't be cut into stanzas of platform %s: %w", t.Name, platform, err)
	}
	left := placeholders(text)
	for _, s := range cut { // cutting may read what stood escaped in the text, where nobody looked for it
		refs, err := SecretRefs(s.Text)
		left -= placeholders(s.Text)
		if err != nil || left < 0 || slices.ContainsFunc(refs, func(r SecretRef) bool { return !slices.Contains(named, r) }) {
			return nil, Errorf(Invalid, "template %s writes a secret into %s that its text doesn't name: print the session's password as it is", t.Name, s.Key)
		}
	}
	return StanzaMap(cut)
}

// Move is one stanza's change on one router. An empty hash means absent.
type Move struct {
	Key    string `json:"key"`
	Before string `json:"before"` // hash as the router has it now
	After  string `json:"after"`  // hash as the change wants it
}

// Delta lists the moves that lead from what render(intent) gives to what
// render(intent + overlay) gives, with the hash before taken from what the
// router runs now. Nothing else of the router's owned text is in it: pending
// edits of others, which are in both renderings, never ride along.
func Delta(without, with, running map[string]Stanza) []Move {
	var moves []Move
	for _, key := range unionKeys(without, with) {
		a, inA := without[key]
		b, inB := with[key]
		if inA == inB && a.Text == b.Text {
			continue
		}
		move := Move{Key: key, Before: hashOf(running, key), After: hashIf(b, inB)}
		if move.Before != move.After { // else the router has it already
			moves = append(moves, move)
		}
	}
	return moves
}

// Compose puts the moves' stanzas in place of what the router runs now, and
// leaves every other owned stanza as it runs. A stanza whose hash is no longer
// the move's Before has moved, and is returned as the error's subject.
func Compose(running map[string]Stanza, moves []Move, after map[string]Stanza) ([]Stanza, error) {
	composed := make(map[string]Stanza, len(running)+len(moves))
	for k, s := range running {
		composed[k] = s
	}
	for _, m := range moves {
		if hashOf(running, m.Key) != m.Before {
			return nil, &StanzaMovedError{Key: m.Key}
		}
		if m.After == "" {
			delete(composed, m.Key)
			continue
		}
		s, ok := after[m.Key]
		if !ok || s.Hash() != m.After {
			return nil, fmt.Errorf("stanza %s: its stored text isn't what was planned: plan the change again", m.Key)
		}
		composed[m.Key] = s
	}
	return sortedStanzas(composed), nil
}

// StanzaMovedError says which planned stanza is no longer as the plan saw it.
type StanzaMovedError struct{ Key string }

func (e *StanzaMovedError) Error() string {
	return fmt.Sprintf("stanza %s moved on the router since the plan: the change is planned again", e.Key)
}

// Diff shows owned text stanza by stanza: removed and added lines of the moved
// stanzas only, each under its key.
func Diff(before map[string]Stanza, after []Stanza) string {
	next := make(map[string]Stanza, len(after))
	for _, s := range after {
		next[s.Key] = s
	}
	var b strings.Builder
	for _, key := range unionKeys(before, next) {
		old, now := before[key].Text, next[key].Text
		if old == now {
			continue
		}
		fmt.Fprintf(&b, "@@ %s @@\n", key)
		for _, l := range diffLines(splitLines(old), splitLines(now)) {
			b.WriteString(l)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func hashOf(m map[string]Stanza, key string) string {
	s, ok := m[key]
	return hashIf(s, ok)
}

func hashIf(s Stanza, ok bool) string {
	if !ok {
		return ""
	}
	return s.Hash()
}

func unionKeys(ms ...map[string]Stanza) []string {
	var keys []string
	for _, m := range ms {
		for k := range m {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func sortedStanzas(m map[string]Stanza) []Stanza {
	out := make([]Stanza, 0, len(m))
	for _, s := range m {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Stanza) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

func splitLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// diffLines is the shortest edit script of two blocks by longest common
// subsequence. A stanza is short, so the quadratic table is small.
func diffLines(a, b []string) []string {
	lcs := make([][]int, len(a)+1)
	for i := range lcs {
		lcs[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				lcs[i][j] = lcs[i+1][j+1] + 1
			} else {
				lcs[i][j] = max(lcs[i+1][j], lcs[i][j+1])
			}
		}
	}
	var out []string
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, "  "+a[i])
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || lcs[i+1][j] >= lcs[i][j+1]):
			out = append(out, "- "+a[i])
			i++
		default:
			out = append(out, "+ "+b[j])
			j++
		}
	}
	return out
}
