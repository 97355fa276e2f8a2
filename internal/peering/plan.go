package peering

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"peerflow/internal/bgp"
)

// Plan is what people approve: for each router the stanzas that move, and the
// hashes of those that they refer to.
type Plan struct {
	ID        int64        `json:"id"`
	ChangeID  int64        `json:"change_id"`
	Hash      string       `json:"hash"`
	Impact    Impact       `json:"impact"`
	Demand                 // what rules asked for when it was planned; set by the store
	Routers   []RouterPlan `json:"routers"`
	CreatedAt time.Time    `json:"created_at"`
}

// RouterPlan is a plan's part on one router.
type RouterPlan struct {
	RouterID     int64            `json:"router_id"`
	Router       string           `json:"router"`
	BaseHash     string           `json:"base_hash"`     // of what we own there, when planned
	ArtifactHash string           `json:"artifact_hash"` // as shown; composed again before the commit
	Mode         RouterMode       `json:"mode"`          // manage, or propose: a person pastes it
	Diff         string           `json:"diff"`
	Moves        []Move           `json:"moves"`
	Refers       []Move           `json:"refers"` // unmoved stanzas that moved ones refer to; before = after
	Touched      []TouchedSession `json:"touched"`
	Filters      FilterChange     `json:"-"`                  // counted in the plan's impact
	Warnings     []string         `json:"warnings,omitempty"` // what would refuse the commit as the router is now; kept in the plan's impact
}

// PlanPart is what planning found on one router. One that nothing moves on has no moves.
type PlanPart struct {
	RouterPlan
	Pending []string `json:"pending"` // edits of others that would ride along, labelled
}

// TouchedSession is a session that a plan's moves reach through references.
type TouchedSession struct {
	Neighbor   netip.Addr       `json:"neighbor"`
	From       netip.Addr       `json:"from,omitzero"` // the neighbor that it was with until now, when that changes
	VRF        string           `json:"vrf,omitempty"`
	SessionID  int64            `json:"session_id,omitempty"`
	PeerAS     bgp.ASN          `json:"peer_asn"`
	Disruption Disruption       `json:"disruption"`
	Added      bool             `json:"added"`
	Removed    bool             `json:"removed"`
	Opened     bool             `json:"opened,omitempty"`    // it stood shut on the router, or elsewhere, and won't
	Protected  string           `json:"protected,omitempty"` // why no change may touch it; "" when it may
	Protects   string           `json:"protects,omitempty"`  // why no change may touch it once this one is deployed
	Expect     []ExpectedExport `json:"expect"`
	// ImportMoves says that what is accepted is meant to change: there is no
	// forecast but the baseline's figures, and they don't hold then.
	ImportMoves bool `json:"import_moves,omitempty"`
	// TakesNothing are the families in which nothing is meant to be accepted: the
	// session drains, or each of its import policies expects 0 prefixes. In any
	// other, nothing accepted of what is received fails verification.
	TakesNothing []bgp.Family `json:"takes_nothing,omitempty"`
	Shut         bool         `json:"shut,omitempty"` // the plan has it shut down
}

// Key is what the router knows the session by.
func (t TouchedSession) Key() NeighborKey { return NeighborKey{t.VRF, t.Neighbor} }

// ExpectedExport is how many prefixes we should announce to a session in one
// family, with where the figure comes from. A nil Count is "not known".
type ExpectedExport struct {
	Family       bgp.Family `json:"family"`
	Count        *int64     `json:"count"`
	Origin       string     `json:"origin"`
	AllowDefault bool       `json:"allow_default"`
	AllowLong    bool       `json:"allow_long"`
}

// Limit is the most prefixes that the export guard lets pass: × 1.1 + 10.
func (e ExpectedExport) Limit() (int64, bool) {
	if e.Count == nil {
		return 0, false
	}
	return *e.Count*11/10 + 10, true
}

// Impact is what a plan does, in figures; its Line is the first thing an approver reads.
type Impact struct {
	Adds       int          `json:"adds"`
	Removes    int          `json:"removes"`
	Refreshes  int          `json:"refreshes"`
	Resets     int          `json:"resets"`
	Unchanged  int          `json:"unchanged"`  // touched without disruption
	Disruption Disruption   `json:"disruption"` // the worst, a removal counted as reset
	Filters    FilterChange `json:"filters"`
	ResetASNs  []string     `json:"reset_asns,omitempty"`
	ImportASNs []string     `json:"import_asns,omitempty" doc:"peers of the Established sessions that accept by another rule than before, one for each session"`
	EndsASNs   []string     `json:"ends_asns,omitempty" doc:"of those, the ones that are meant to accept nothing any more"`
	Announces  *int64       `json:"announces"` // to the touched sessions together; nil when not known
	Routers    int          `json:"routers"`
	Pending    []string     `json:"pending,omitempty"` // edits of others that ride along, labelled
	Protected  []string     `json:"protected,omitempty"`
	Ask        []string     `json:"ask,omitempty" doc:"what a person should look at before approving"`
	Stale      *StaleView   `json:"stale_view,omitempty" doc:"its sessions were planned from an old view of PeeringDB"`
	Pasted     []string     `json:"pasted,omitempty"`   // routers on which a person pastes it, by name
	Warnings   []string     `json:"warnings,omitempty"` // what would refuse the commit, unless a person mends it before
}

// Sessions is how many sessions the plan reaches.
func (i Impact) Sessions() int { return i.Adds + i.Removes + i.Refreshes + i.Resets + i.Unchanged }

// mostNamed is how many of many things a sentence names.
const mostNamed = 20

// Line is the impact in one sentence.
func (i Impact) Line() string {
	var parts []string
	add := func(n int, verb string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d %s", verb, n, plural(n, "session")))
		}
	}
	add(i.Adds, "adds")
	add(i.Removes, "removes")
	if i.Refreshes > 0 {
		parts = append(parts, fmt.Sprintf("refreshes %d", i.Refreshes))
	}
	if i.Resets > 0 {
		parts = append(parts, fmt.Sprintf("resets %d: %s", i.Resets, Some(i.ResetASNs, mostNamed, " ")))
	}
	if i.Unchanged > 0 {
		parts = append(parts, fmt.Sprintf("edits %d without disruption", i.Unchanged))
	}
	if n := len(i.ImportASNs); n > 0 {
		parts = append(parts, fmt.Sprintf("changes imports of %d %s: %s", n, plural(n, "session"), Some(i.ImportASNs, mostNamed, " ")))
	}
	if n := len(i.EndsASNs); n > 0 {
		parts = append(parts, fmt.Sprintf("accepts nothing any more from %d: %s", n, Some(i.EndsASNs, mostNamed, " ")))
	}
	if i.Filters.Added+i.Filters.Removed > 0 {
		parts = append(parts, fmt.Sprintf("prefix lists +%d/−%d", i.Filters.Added, i.Filters.Removed))
	}
	if i.Announces != nil {
		parts = append(parts, fmt.Sprintf("announces %d %s", *i.Announces, plural(int(*i.Announces), "prefix")))
	} else {
		parts = append(parts, "expected announcements not known")
	}
	if len(i.Pending) > 0 {
		parts = append(parts, "carries pending edits: "+Some(i.Pending, mostNamed, ", "))
	}
	if len(i.Ask) > 0 {
		parts = append(parts, "look first: "+Some(i.Ask, mostNamed, ", "))
	}
	if i.Stale != nil {
		parts = append(parts, i.Stale.String())
	}
	if len(i.Pasted) > 0 {
		parts = append(parts, fmt.Sprintf("a person pastes it on %s (mode propose)", Some(i.Pasted, mostNamed, ", ")))
	}
	if len(i.Warnings) > 0 {
		parts = append(parts, "warning: "+Some(i.Warnings, 3, "; "))
	}
	return strings.Join(parts, "; ")
}

func plural(n int, word string) string {
	switch {
	case n == 1:
		return word
	case strings.HasSuffix(word, "x"):
		return word + "es"
	}
	return word + "s"
}

// NewImpact counts what a plan's routers say.
func NewImpact(routers []RouterPlan, pending []string) Impact {
	impact := Impact{Routers: len(routers), Pending: pending, Disruption: DisruptsNone, Filters: FilterChange{Only: len(routers) > 0}}
	var announces int64
	known := true
	for _, r := range routers {
		impact.Filters = impact.Filters.And(r.Filters)
		if r.Mode == Propose {
			impact.Pasted = append(impact.Pasted, r.Router)
		}
		impact.Warnings = append(impact.Warnings, r.Warnings...)
		for _, t := range r.Touched {
			impact.count(t)
			for _, e := range t.Expect {
				if t.Removed {
					continue
				}
				if e.Count == nil {
					known = false
					continue
				}
				announces += *e.Count
			}
		}
	}
	if known {
		impact.Announces = &announces
	}
	return impact
}

func (i *Impact) count(t TouchedSession) {
	switch {
	case t.Added:
		i.Adds++
	case t.Removed:
		i.Removes++
		i.Disruption = i.Disruption.Worse(DisruptsReset)
	case t.Disruption == DisruptsRefresh:
		i.Refreshes++
	case t.Disruption == DisruptsNone:
		i.Unchanged++
	default:
		i.Resets++
		i.ResetASNs = append(i.ResetASNs, t.PeerAS.String())
	}
	if !t.Added && !t.Removed {
		i.Disruption = i.Disruption.Worse(t.Disruption)
		if t.ImportMoves {
			i.ImportASNs = append(i.ImportASNs, t.PeerAS.String())
		}
		if t.ImportMoves && len(t.TakesNothing) > 0 {
			i.EndsASNs = append(i.EndsASNs, t.PeerAS.String())
		}
	}
	if t.Protected != "" {
		i.Protected = append(i.Protected, fmt.Sprintf("%s %s (%s)", t.PeerAS, t.Neighbor, t.Protected))
	}
}

// PlanHash is the SHA-256 over the sorted moves and references of all routers.
// It depends on nothing else: the same plan has the same hash in any process.
func PlanHash(routers []RouterPlan) string {
	var lines []string
	for _, r := range routers {
		for _, m := range r.Moves {
			lines = append(lines, fmt.Sprintf("move %d %q %s %s", r.RouterID, m.Key, m.Before, m.After))
		}
		for _, m := range r.Refers {
			lines = append(lines, fmt.Sprintf("refer %d %q %s", r.RouterID, m.Key, m.Before))
		}
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:])
}

// MovedSince names what differs between an earlier plan and this one, as
// "stanza on router", sorted: what its votes no longer stand for.
func MovedSince(earlier, now []RouterPlan) []string {
	was, is := moveSet(earlier), moveSet(now)
	var moved []string
	for at, m := range is {
		if was[at] != m {
			moved = append(moved, at)
		}
	}
	for at := range was {
		if _, still := is[at]; !still {
			moved = append(moved, at)
		}
	}
	slices.Sort(moved)
	return moved
}

func moveSet(routers []RouterPlan) map[string]Move {
	set := map[string]Move{}
	for _, r := range routers {
		for _, m := range slices.Concat(r.Moves, r.Refers) {
			set[m.Key+" on "+r.Router] = m
		}
	}
	return set
}

// References lists the stanzas that the moves lead to but don't move themselves,
// through any number of steps, as the composed configuration has them.
func References(composed map[string]Stanza, moves []Move) []Move {
	moved := map[string]bool{}
	var queue []string
	for _, m := range moves {
		moved[m.Key] = true
		queue = append(queue, composed[m.Key].Refs...)
	}
	seen := map[string]bool{}
	var refs []Move
	for len(queue) > 0 {
		key := queue[0]
		queue = queue[1:]
		s, ok := composed[key]
		if seen[key] || !ok {
			continue
		}
		seen[key] = true
		queue = append(queue, s.Refs...)
		if !moved[key] {
			refs = append(refs, Move{Key: key, Before: s.Hash(), After: s.Hash()})
		}
	}
	slices.SortFunc(refs, func(a, b Move) int { return cmp.Compare(a.Key, b.Key) })
	return refs
}

// Touch lists the sessions that the moves reach: those whose own stanza moves,
// and those that refer to a moved one, with the worst disruption on the way.
func Touch(syntax Syntax, before, after map[string]Stanza, moves []Move) []TouchedSession {
	worst := map[string]Disruption{}
	for _, m := range moves {
		worst[m.Key] = syntax.Disruption(at(before, m.Key), at(after, m.Key))
	}
	var touched []TouchedSession
	for _, key := range unionKeys(before, after) {
		old, now := at(before, key), at(after, key)
		if !isSession(old) && !isSession(now) {
			continue
		}
		d, reached := reach(key, before, after, worst, map[string]bool{})
		if !reached {
			continue
		}
		t := TouchedSession{Disruption: d, Added: old == nil, Removed: now == nil}
		if now != nil {
			t.Neighbor = now.Neighbor
			if old != nil && old.Neighbor != now.Neighbor {
				t.From = old.Neighbor
			}
		} else {
			t.Neighbor = old.Neighbor
		}
		touched = append(touched, t)
	}
	return touched
}

// Reached lists the stanzas that move, or that refer to one that does through any
// number of steps.
func Reached(before, after map[string]Stanza, moves []Move) map[string]bool {
	worst := map[string]Disruption{}
	for _, m := range moves {
		worst[m.Key] = DisruptsNone
	}
	reached := map[string]bool{}
	for _, key := range unionKeys(before, after) {
		_, reached[key] = reach(key, before, after, worst, map[string]bool{})
	}
	return reached
}

func at(m map[string]Stanza, key string) *Stanza {
	s, ok := m[key]
	if !ok {
		return nil
	}
	return &s
}

func isSession(s *Stanza) bool { return s != nil && s.Neighbor.IsValid() }

// reach follows references from key; false when no moved stanza lies on the way.
func reach(key string, before, after map[string]Stanza, worst map[string]Disruption, seen map[string]bool) (Disruption, bool) {
	if seen[key] {
		return DisruptsNone, false
	}
	seen[key] = true
	d, hit := worst[key]
	if !hit {
		d = DisruptsNone
	}
	for _, ref := range append(slices.Clone(before[key].Refs), after[key].Refs...) {
		if r, ok := reach(ref, before, after, worst, seen); ok {
			d, hit = d.Worse(r), true
		}
	}
	return d, hit
}

// Loosened reports that a plan reaches further than an earlier one with the same
// hash: another session, a worse disruption, or an export guard that lets more
// pass. Votes on the earlier one don't count for it.
func Loosened(earlier, now Plan) bool {
	was := map[string]TouchedSession{}
	for _, r := range earlier.Routers {
		for _, t := range r.Touched {
			was[fmt.Sprint(r.RouterID, t.VRF, t.Neighbor)] = t
		}
	}
	for _, r := range now.Routers {
		pasted := slices.ContainsFunc(earlier.Routers, func(o RouterPlan) bool { return o.RouterID == r.RouterID && o.Mode == Propose })
		if pasted && r.Mode != Propose { // people approved that a person pastes it
			return true
		}
		for _, t := range r.Touched {
			old, known := was[fmt.Sprint(r.RouterID, t.VRF, t.Neighbor)]
			if !known || rank[t.Disruption] > rank[old.Disruption] || importsLoosened(old, t) || guardLoosened(old.Expect, t.Expect) {
				return true
			}
		}
	}
	return false
}

func importsLoosened(old, now TouchedSession) bool {
	return now.ImportMoves && !old.ImportMoves ||
		slices.ContainsFunc(now.TakesNothing, func(f bgp.Family) bool { return !slices.Contains(old.TakesNothing, f) })
}

func guardLoosened(old, now []ExpectedExport) bool {
	for _, e := range now {
		i := slices.IndexFunc(old, func(o ExpectedExport) bool { return o.Family == e.Family })
		switch {
		case i < 0:
			return true
		case e.AllowDefault && !old[i].AllowDefault, e.AllowLong && !old[i].AllowLong:
			return true
		case e.Count == nil && old[i].Count != nil:
			return true
		case e.Count != nil && old[i].Count != nil && *e.Count > *old[i].Count:
			return true
		}
	}
	return false
}
