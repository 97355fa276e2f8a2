package activities_test

import (
	"strings"
	"testing"

	"peerflow/internal/peering"
)

// ventures is a change that peers with AS64501, whose peering at the exchange stands as given.
func (x exchange) ventures(policy, rule, peeringSQL string) int64 {
	x.Helper()
	x.run(`UPDATE pdb_net SET policy_general = $1`, policy)
	x.run(`UPDATE ixp SET agreement = $1::text::agreement_rule`, rule)
	x.run(`INSERT INTO autonomous_system (asn) VALUES (64501)`)
	x.run(`INSERT INTO peering (local_as_id, peer_as_id, ixp_id, state, evidence, via, reason, ignored_until)
		SELECT x.local_as_id, a.id, x.id, ` + peeringSQL + ` FROM ixp x, autonomous_system a WHERE a.asn = 64501`)
	return x.one(`INSERT INTO change (kind, author_id, request) SELECT 'provision', min(id), '{"asn": 64501}' FROM app_user RETURNING id`)
}

func TestAPeerIsAskedOnlyWhereItsAnswerHelps(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy, rule, peering    string
		agreed, waiting, refused int
		state                    peering.PeeringState
		code                     string // of what is left out
		says                     string
	}{
		"nothing yet":                 {"Open", "ask_first", `'none', 'none', 'bilateral', '', NULL`, 0, 1, 0, peering.RequestedByUs, "not_agreed", ""},
		"nothing yet, agrees by rule": {"Open", "configure_then_ask", `'none', 'none', 'bilateral', '', NULL`, 1, 0, 0, peering.Agreed, "", ""},
		"they asked":                  {"No", "ask_first", `'requested_by_them', 'none', 'bilateral', '', NULL`, 0, 1, 0, peering.RequestedByThem, "not_agreed", ""},
		"it didn't answer in time":    {"Open", "ask_first", `'lapsed', 'none', 'bilateral', '', NULL`, 0, 1, 0, peering.RequestedByUs, "not_agreed", ""},
		"ignored until yesterday":     {"Open", "ask_first", `'ignored', 'none', 'bilateral', '', now() - interval '1 day'`, 0, 1, 0, peering.RequestedByUs, "not_agreed", ""},
		"ignored":                     {"Open", "configure_then_ask", `'ignored', 'none', 'bilateral', 'spam', NULL`, 0, 0, 1, peering.Ignored, "ignored", "ignored: spam"},
		"policy No":                   {"No", "ask_first", `'none', 'none', 'bilateral', '', NULL`, 0, 0, 1, peering.PeeringNone, "policy_no", "policy is No"},
		"suspended":                   {"Open", "configure_then_ask", `'suspended', 'mail', 'bilateral', 'abuse', NULL`, 0, 0, 1, peering.Suspended, "not_agreed", "suspended (abuse)"},
		"ended":                       {"Open", "configure_then_ask", `'ended', 'mail', 'bilateral', '', NULL`, 0, 0, 1, peering.Ended, "not_agreed", "ended"},
		"ending":                      {"Open", "ask_first", `'ending', 'mail', 'bilateral', '', NULL`, 0, 0, 1, peering.Ending, "not_agreed", "it ends first"},
		"by the route servers":        {"Open", "ask_first", `'agreed', 'mail', 'route_server', '', NULL`, 0, 0, 1, peering.Agreed, "rs_only", "route servers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newExchange(t)
			change := x.ventures(c.policy, c.rule, c.peering)
			r, err := x.AssessAgreement(t.Context(), change)
			check(t, err)
			if r.Agreed != c.agreed || r.Waiting != c.waiting || r.Refused != c.refused || !strings.Contains(r.Text, c.says) {
				t.Errorf("%+v, want %d agreed, %d waiting, %d refused with %q", r, c.agreed, c.waiting, c.refused, c.says)
			}
			if asks := strings.Contains(r.Ask, "198.51.100.1              198.51.100.9"); asks != (c.waiting > 0) {
				t.Errorf("what to send is %q", r.Ask)
			}
			if n := x.one(`SELECT count(*) FROM peering WHERE state = $1::text::peering_state`, string(c.state)); n != 1 {
				t.Errorf("the peering isn't %s", c.state)
			}
			planned, err := x.PlanSessions(t.Context(), change)
			check(t, err)
			if got := strings.TrimSpace(x.omissions(change)); got != c.code || (planned.Sessions > 0) != (c.code == "") {
				t.Errorf("%d sessions, left out %q; want %q", planned.Sessions, got, c.code)
			}
			if !strings.Contains(planned.Text, c.says) {
				t.Errorf("%q doesn't say %q", planned.Text, c.says)
			}
		})
	}
}
