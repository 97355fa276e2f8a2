package peering

import (
	"fmt"
	"slices"

	"peerflow/internal/bgp"
)

// bands compares accepted prefixes with the baseline once the soak is over, for
// each session and family as soon as it is stable. Touched sessions are held to
// their forecast, which is the baseline unless their import side moves; even then
// none accepts nothing of what it receives, unless the plan says so.
func (j *judge) bands() {
	if !j.soaked() {
		return
	}
	totals := map[bgp.Family]*total{}
	for _, before := range j.b.Neighbors {
		key := before.Key()
		if j.b.Ignored[key] != "" || !j.now[key].Established() {
			continue
		}
		for _, f := range before.Families {
			if t := j.band(before, f); t != nil {
				sum(totals, f.Family, t)
			}
		}
	}
	for _, f := range bgp.Families {
		if t := totals[f]; t != nil {
			j.routerBand(f, *t)
		}
	}
}

// total is what sessions together accepted before and accept now.
type total struct {
	before, after int64
	moving        bool // one of them isn't stable yet
}

func sum(totals map[bgp.Family]*total, f bgp.Family, t *total) {
	all, ok := totals[f]
	if !ok {
		totals[f] = t
		return
	}
	all.before, all.after, all.moving = all.before+t.before, all.after+t.after, all.moving || t.moving
}

// band judges one session and family. It answers what counts for the router's
// band, nil when nothing does.
func (j *judge) band(before Neighbor, f FamilyState) *total {
	key := before.Key()
	who := fmt.Sprintf("%s %s", before.RemoteAS, key)
	now, _ := j.now[key].Family(f.Family)
	if f.Accepted == nil || now.Accepted == nil {
		j.add("band", who, CheckNotChecked, "%s: accepted prefixes aren't reported", f.Family)
		return nil
	}
	old, fresh := *f.Accepted, *now.Accepted
	touched, isTouched := j.touched.find(key)
	moves := isTouched && (touched.ImportMoves || f.ImportPolicy != now.ImportPolicy)
	switch left, gone := j.watch.Left[key]; {
	case isTouched && refusesAll(f, now, moves) && !slices.Contains(touched.TakesNothing, f.Family):
		j.refused(who, touched, f, now)
		return nil
	case gone && !left.Reason.LocalCause():
		j.add("band", who, CheckRecorded, "%s: accepted prefixes went from %d to %d; the peer restarted the session itself", f.Family, old, fresh)
		return nil
	case moves:
		j.unforeseen(who, key, f.Family, old, fresh)
		return nil
	}
	t := &total{before: old, after: fresh, moving: j.watch.stable(key, f.Family, j.e.Elapsed) < j.p.Stable}
	if old >= j.p.BandFloor {
		j.inBand(who, f.Family, *t)
	}
	if isTouched {
		return nil
	}
	return t
}

// fell names the check of a session that accepts far less than before by an import policy that moves.
const fell = "imports_fell"

// unforeseen tells what a session accepts whose import policy moves: there is no forecast to hold it to. A fall
// out of the band is for people to look at, once it is stable.
func (j *judge) unforeseen(who string, key NeighborKey, f bgp.Family, old, fresh int64) {
	text := fmt.Sprintf("%s: accepted prefixes went from %d to %d; the import policy moves, so there is no forecast", f, old, fresh)
	switch {
	case old < j.p.BandFloor || old-fresh <= j.p.Band(old):
		j.add("band", who, CheckRecorded, "%s", text)
	case j.watch.stable(key, f, j.e.Elapsed) < j.p.Stable && !j.final():
		j.add("band", who, CheckPending, "%s", text)
	default:
		j.add(fell, who, CheckRecorded, "%s: look whether that is meant", text)
	}
}

// Look names the sessions that accept far less than before by an import policy that the deployment moved; "" when none does.
func (v *Verdict) Look() string {
	if v == nil {
		return ""
	}
	var found []string
	for _, c := range v.Checks {
		if c.Name == fell {
			found = append(found, c.Subject+" "+c.Text)
		}
	}
	return Some(found, mostNamed, "; ")
}

// refusesAll reports a session that accepted something, still receives it and
// accepts nothing any more. Where the router doesn't tell what it receives, it is
// taken to receive as long as its import side moves.
func refusesAll(before, now FamilyState, moves bool) bool {
	if *before.Accepted == 0 || *now.Accepted > 0 {
		return false
	}
	if now.Received == nil {
		return moves
	}
	return *now.Received > 0
}

// refused fails a session that refuses all it receives, once that is stable: no
// import policy that is merely edited is forecast to do so.
func (j *judge) refused(who string, t TouchedSession, before, now FamilyState) {
	received := "an unknown number of"
	if now.Received != nil {
		received = fmt.Sprint(*now.Received)
	}
	text := fmt.Sprintf("%s: none of %s prefixes received is accepted (%d before), and the plan doesn't say so. If that is meant, "+
		"set expect_prefixes_%s to 0 on each import policy of the session, or drain it, and plan again",
		before.Family, received, *before.Accepted, before.Family)
	if j.watch.stable(t.Key(), before.Family, j.e.Elapsed) < j.p.Stable && !j.final() {
		j.add("band", who, CheckPending, "%s", text)
		return
	}
	j.add("band", who, CheckFailed, "%s", text)
}

func (j *judge) inBand(who string, f bgp.Family, t total) {
	allowed := j.p.Band(t.before)
	inside := abs(t.after-t.before) <= allowed
	switch {
	case !inside && (!t.moving || j.final()):
		j.add("band", who, CheckFailed, "%s: accepted prefixes went from %d to %d (±%d)", f, t.before, t.after, allowed)
	case t.moving && !j.final():
		j.add("band", who, CheckPending, "%s: accepted prefixes move: %d before, %d now (±%d)", f, t.before, t.after, allowed)
	case t.moving:
		j.add("band", who, CheckNotChecked, "%s: accepted prefixes weren't stable for %s when the soak ended: %d before, %d now (±%d)", f, j.p.Stable, t.before, t.after, allowed)
	}
}

func (j *judge) routerBand(f bgp.Family, t total) {
	outside := abs(t.after-t.before) > t.before*j.p.RouterPercent/100
	switch {
	case t.before < j.p.BandFloor || !outside:
	case t.moving && !j.final():
		j.add("router_band", "", CheckPending, "%s: the router's accepted prefixes move: %d before, %d now", f, t.before, t.after)
	default:
		j.add("router_band", "", CheckFailed, "%s: the router's accepted prefixes went from %d to %d", f, t.before, t.after)
	}
}
