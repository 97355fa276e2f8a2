package cmd

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"peerflow/internal/peering"
)

// workflow does to the change that a command opens what its workflows would:
// plan it, and, once it was decided, lead it to an end. The returned channel is
// closed when it did.
func (b *bench) workflow(end peering.ChangeState, outcome string) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		c := b.first(func(c peering.Change) bool { return true })
		if end == peering.ChangeDraft {
			b.check(b.db.MoveChange(b.Context(), c.ID, peering.ChangeDraft, outcome, ""))
			return
		}
		b.plan(c)
		b.voted(c.ID)
		b.check(b.db.MoveChange(b.Context(), c.ID, peering.ChangeApproved, "approved", ""))
		b.check(b.db.MoveChange(b.Context(), c.ID, peering.ChangeDeploying, "deploys to edge1", ""))
		b.check(b.db.MoveChange(b.Context(), c.ID, end, "", outcome))
	}()
	return done
}

// check is must for goroutines, which may not end the test.
func (b *bench) check(err error) {
	if err != nil {
		b.Error(err)
	}
}

func (b *bench) first(fits func(peering.Change) bool) (found peering.Change) {
	b.poll(func() bool {
		l, err := b.db.ListChanges(b.Context(), nil, peering.Page{})
		if err != nil || len(l.Items) == 0 || !fits(l.Items[0]) {
			return false
		}
		found = l.Items[0]
		return true
	})
	return found
}

func (b *bench) voted(id int64) {
	b.poll(func() bool {
		votes, err := b.db.Votes(b.Context(), id)
		return err == nil && len(votes) > 0
	})
}

func (b *bench) poll(holds func() bool) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !holds() {
		select {
		case <-deadline:
			b.Error("it didn't come true within a minute")
			return
		case <-tick.C:
		}
	}
}

func TestPeerLeadsAChangeToItsEnd(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		end     peering.ChangeState
		outcome string
		flags   string
		code    int
		says    []string
	}{
		"confirmed, and the other side isn't there: not a failure": {peering.ChangeCompleted, "confirmed on 1 router", "--yes", exitOK,
			[]string{"looked up AS64501  Example", "adds 1 session; announces 3 prefixes", "limit 13, from policy", "approved by admin: 1 of 1", "confirmed on 1 router", "session/1"}},
		"confirmed, and asked to wait for the other side": {peering.ChangeCompleted, "confirmed on 1 router", "--yes --wait=up --patience 1ms", exitWaiting, []string{"session/1"}},
		"rolled back by itself":                           {peering.ChangeRolledBack, "announced 900 prefixes, expected 3", "--yes", exitNotDeployed, []string{"rolled back", "announced 900"}},
		"the peer has to agree first":                     {peering.ChangeDraft, "waits for the peer", "--yes", exitWaiting, []string{"waits for the peer", "peering agree AS64501 --evidence"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.network()
			done := b.workflow(tt.end, tt.outcome)
			code, stdout, stderr := b.cli("admin", "", append([]string{"peer", "64501", "--exchange", "ams-ix"}, strings.Fields(tt.flags)...)...)
			<-done
			if code != tt.code {
				t.Errorf("exit %d, want %d: %s", code, tt.code, stderr)
			}
			for _, want := range tt.says {
				if !strings.Contains(stdout, want) {
					t.Errorf("%q isn't in\n%s", want, stdout)
				}
			}
			if strings.Contains(stdout, "\x1b") || strings.Contains(stdout, "\r") {
				t.Error("colours or rewritten lines without a terminal")
			}
		})
	}
}

func TestPeerWithoutATerminalPlansAndSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	planned := make(chan struct{})
	go func() {
		defer close(planned)
		b.plan(b.first(func(peering.Change) bool { return true }))
	}()
	code, stdout, stderr := b.cli("admin", "", "peer", "AS64501")
	<-planned
	if code != exitOK || !strings.Contains(stdout, "peerflow change approve 1 --plan ") {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
	if votes, err := b.db.Votes(t.Context(), 1); err != nil || len(votes) != 0 {
		t.Errorf("votes %v, %v: nobody decided", votes, err)
	}
}

// What planning found reaches whoever approves, and --yes doesn't stand for a person who looks.
func TestWhatAPersonShouldLookAtIsNotApprovedUnseen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	planned := make(chan struct{})
	found := peering.Findings{Ask: []string{"AS64501 has 6 ports at ams-ix"},
		Stale: &peering.StaleView{ASN: 64501, AsOf: time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC), Why: "PeeringDB couldn't be asked since (HTTP 502)"}}
	go func() {
		defer close(planned)
		c := b.first(func(peering.Change) bool { return true })
		_, err := b.db.RecordOverlay(b.Context(), c.ID, nil, found)
		b.check(err)
		c, err = b.db.Change(b.Context(), c.ID)
		b.check(err)
		b.plan(c)
	}()
	code, stdout, stderr := b.cli("admin", "", "peer", "AS64501", "--yes")
	<-planned
	if code != exitRefused || !strings.Contains(stderr, "AS64501 has 6 ports at ams-ix") || !strings.Contains(stderr, "peerflow change approve 1 --plan ") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	if votes, err := b.db.Votes(t.Context(), 1); err != nil || len(votes) != 0 {
		t.Errorf("votes %v, %v: nobody looked", votes, err)
	}
	_, shown, _ := b.cli("admin", "", "change", "show", "1")
	for place, text := range map[string]string{"peer": stdout, "change show": shown, "the plan": b.do("admin", "GET", "/api/v1/changes/1/plan", "").text} {
		for _, want := range []string{"look first: AS64501 has 6 ports at ams-ix", "PeeringDB's data on AS64501 is from 2026-05-03 12:00 UTC: PeeringDB couldn't be asked since (HTTP 502)"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q isn't in %s:\n%s", want, place, text)
			}
		}
	}
	b.wants(b.do("admin", "GET", "/api/v1/changes/1", ""), 200, `"stale_view":{"asn":64501,"as_of":"2026-05-03T12:00:00Z","why":"PeeringDB couldn't`)
}

func TestPeerPrintsOneJSONDocument(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	done := b.workflow(peering.ChangeCompleted, "confirmed on 1 router")
	code, stdout, stderr := b.cli("admin", "", "peer", "AS64501", "--yes", "--json")
	<-done
	var r peerReport
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != exitOK {
		t.Fatalf("exit %d, %v: %s%s", code, err, stdout, stderr)
	}
	if r.Change.State != peering.ChangeCompleted || r.Plan == nil || len(r.Sessions) != 1 || !strings.Contains(stderr, "confirmed on 1 router") {
		t.Errorf("%+v; progress goes to standard error: %s", r, stderr)
	}
}

func TestColoursAreForTerminalsAlone(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	for colour, want := range map[bool]string{true: "\x1b[32m+ a\x1b[0m", false: "  + a\n"} {
		out.Reset()
		Screen{Out: &out, Colour: colour}.diff("+ a\n- b\n  c\n")
		if !strings.Contains(out.String(), want) {
			t.Errorf("colour %v: %q", colour, out.String())
		}
	}
	if s := NewScreen(&out, func(string) string { return "" }); s.Colour || s.Live {
		t.Error(fmt.Sprint("no terminal: ", s))
	}
}

// Our own AS number is refused before anything is recorded or looked up.
func TestPeeringWithOurselvesIsRefusedAtTheDoor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	const words = "AS64500 is one of our own AS numbers: a network doesn't peer with itself; give the peer's"
	if code, stdout, stderr := b.cli("admin", "", "peer", "AS64500", "--yes"); code != exitUsage || !strings.Contains(stderr, words) {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	if l, err := b.db.ListChanges(b.Context(), nil, peering.Page{}); err != nil || len(l.Items) != 0 {
		t.Errorf("recorded: %+v, %v", l.Items, err)
	}
}
