package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"peerflow/cmd"
	"peerflow/internal/peering"
)

// anotherMachine lets another machine answer at the router's address from the soak
// until past the rollback timer: nothing of the router can be told, and a person is
// asked. What the person finds done on the router, once the way to it is mended, is
// what resolving records; the router's other changes wait for that.
func anotherMachine(done func(device, context.Context) error, want peering.DeploymentState) func(*testing.T, *wish) bool {
	return func(t *testing.T, w *wish) bool {
		ctx := t.Context()
		peerflow := w.b.door(t)
		other, err := startDevice(ctx, w.edge.driver, filepath.Join(w.b.dir, w.edge.name+"-other"), w.edge.address.Next(), w.b.foreign)
		must(t, err)
		defer other.close()
		next := w.b.another(t, w.edge)
		h, reached := w.reach(t, "after verdict pending")
		if !reached {
			return false
		}
		elsewhere, _ := other.record()
		router := w.edge.way.lead(elsewhere.Address)
		if done != nil {
			must(t, done(w.edge.device, ctx))
		}
		h.answer <- goOn
		next.approve(t)
		w.outlast(t)
		<-time.After(time.Until(w.dep.Deadline))
		if d := w.deployment(t); d.State != peering.DeploymentUnknown {
			t.Errorf("at its deadline it is %s (%s): nothing was read yet", d.State, d.Outcome)
		}
		w.b.settles(t, w.edge.name+" needs an operator", func() bool { return w.deployment(t).State == peering.DeploymentNeedsOperator })
		eventually(t, time.Minute, w.edge.name+": its change says so too", func() bool {
			c, err := w.b.parts.DB.Change(ctx, w.change)
			return err == nil && c.State == peering.ChangeNeedsOperator
		})
		id := fmt.Sprint(w.change)
		todo := "peerflow change resolve " + id
		for what, text := range map[string]string{
			"change show": peerflow("change", "show", id), "router show": peerflow("router", "show", w.edge.name),
			"the next change": peerflow("change", "show", fmt.Sprint(next.change)),
		} {
			if !strings.Contains(text, todo) {
				t.Errorf("%s doesn't say %q:\n%s", what, todo, text)
			}
		}
		if said := peerflow("change", "show", id); !strings.Contains(said, "the router's host key or certificate is not the recorded one") {
			t.Errorf("change show doesn't say what stands in the way:\n%s", said)
		}

		// Resolved too early it stays, and says so.
		peerflow("change", "resolve", id)
		eventually(t, time.Minute, "an answer to the first resolve", func() bool { return strings.HasPrefix(w.deployment(t).Outcome, "not resolved: ") })
		if d := next.deployment(t); w.dep.State != peering.DeploymentNeedsOperator || d.State != peering.DeploymentQueued {
			t.Errorf("it is %s (%s), and the next change on the router is %s", w.dep.State, w.dep.Outcome, d.State)
		}

		w.edge.way.lead(router)
		peerflow("change", "resolve", id)
		w.judge(t, want)
		if !strings.HasPrefix(w.dep.Outcome, "resolved: ") {
			t.Errorf("it ended %s: %s", w.dep.State, w.dep.Outcome)
		}
		if want == peering.DeploymentRolledBack { // else the next one's filters are there already, and it is planned again
			eventually(t, 2*time.Minute, "the next change's turn", func() bool { return next.deployment(t).State == peering.DeploymentConfirmed })
			if !strings.Contains(w.edge.photo(t).runs, next.peer) {
				t.Errorf("the next change is confirmed, and the session with %s isn't on the router", next.peer)
			}
		}
		return true
	}
}

// door is peerflow's command line, through an API of this process.
func (b *crashBed) door(t *testing.T) func(args ...string) string {
	t.Helper()
	server := httptest.NewServer(b.parts.API(b.parts.Guard()))
	t.Cleanup(server.Close)
	token, _, err := b.parts.DB.MintToken(t.Context(), b.admin, b.admin.UserID, t.Name(), b.admin.Roles, time.Time{})
	must(t, err)
	env := map[string]string{"PEERFLOW_API": server.URL, "PEERFLOW_TOKEN": token}
	return func(args ...string) string {
		var out bytes.Buffer
		cmd.Run(t.Context(), args, func(k string) string { return env[k] }, strings.NewReader(""), &out, &out)
		return out.String()
	}
}
