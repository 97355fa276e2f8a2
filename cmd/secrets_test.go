package cmd

import (
	"encoding/json"
	"strings"
	"testing"

	"peerflow/db"
	"peerflow/internal/peering"
)

func TestASecretIsDeletedOnceNothingNamesIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	const at = "/api/v1/secrets/AS64501%20password"
	b.wants(b.do("admin", "PUT", at, `{"value": "c4nary"}`), 200, `"version":1`)
	b.wants(b.do("admin", "PUT", at, `{"value": "c4nary-2"}`), 200, `"used_by":[]`)
	b.wants(b.do("admin", "PUT", "/api/v1/secrets/other", `{"value": "c4nary"}`), 200, `"name":"other"`)
	refused := func(by string) {
		t.Helper()
		b.wants(b.do("admin", "DELETE", at, ""), 409, by)
		if code, _, stderr := b.cli("admin", "", "secret", "delete", "AS64501 password"); code != exitRefused || !strings.Contains(stderr, by) {
			t.Errorf("exit %d, %q: want %q", code, stderr, by)
		}
	}

	b.wants(b.edit("sessions/1", `{"password": {"id": 1, "version": 1}}`), 200, `"version":1`)
	refused("session 1 (AS64501 198.51.100.2 on edge1)")
	b.wants(b.edit("routers/1", `{"login": {"id": 1, "version": 2}}`), 200, "")
	list := b.wants(b.do("admin", "GET", "/api/v1/secrets?name__isw=AS", ""), 200, `"object":"router","id":1,"name":"edge1","version":2`)
	if strings.Contains(list.text, "c4nary") || strings.Contains(list.text, `"other"`) || !strings.Contains(list.text, `"set_by":"admin"`) {
		t.Errorf("%s", list.text)
	}
	code, stdout, stderr := b.cli("admin", "", "secret", "list")
	for _, want := range []string{"AS64501 password", "session 1 (AS64501 198.51.100.2 on edge1) with version 1", "router 1 (edge1) with version 2", "other"} {
		if code != exitOK || !strings.Contains(stdout, want) || strings.Contains(stdout, "c4nary") {
			t.Errorf("exit %d, want %q:\n%s%s", code, want, stdout, stderr)
		}
	}
	b.wants(b.edit("routers/1", `{"login": null}`), 200, "")
	b.wants(b.edit("sessions/1", `{"password": null}`), 200, "")

	var c peering.Change
	b.wants(b.do("admin", "POST", "/api/v1/changes", `{"kind": "rotate_secret", "operations": [{"router_id": 1, "object": "session", "object_id": 1, "action": "update",
		"patch": {"password": {"id": 1, "version": 2}}}]}`, "Idempotency-Key", "rotate-it"), 202, "").into(t, &c)
	refused("change 1 (session 1)")
	b.must(b.db.MoveChange(t.Context(), c.ID, peering.ChangeCancelled, "", "a test"))

	planned := b.planned() // its text holds secret 1
	b.run(`INSERT INTO deployment (change_id, plan_id, router_id, state, artifact_hash, confirmed_at, ended_at)
		SELECT $1, p.plan_id, 1, 'confirmed', p.artifact_hash, now(), now() FROM plan_router p WHERE p.plan_id = $2`, planned.ID, planned.PlanID)
	refused("runs on edge1")
	b.run(`UPDATE deployment SET state = 'soaking', ended_at = NULL`)
	refused("on its way there")
	b.run(`UPDATE deployment SET base_hash = artifact_hash, artifact_hash = NULL`)
	refused("on its way there")
	b.run(`UPDATE deployment SET base_hash = NULL`) // what it read and carries is without the secret, unlike what its plan shows
	refused("stands in the plan of change 2: wait until it ends, or cancel it first (peerflow change cancel 2)")
	b.run(`UPDATE change SET ended_at = now() WHERE id = $1`, planned.ID)
	refused("stands in the plan of change 2") // its deployment is open
	b.run(`UPDATE deployment SET state = 'failed', ended_at = now()`)
	b.run(`UPDATE change SET ended_at = NULL WHERE id = $1`, planned.ID)
	refused("stands in the plan of change 2")
	b.run(`UPDATE plan_router SET base_hash = artifact_hash, artifact_hash = base_hash`)
	refused("stands in the plan of change 2")
	b.must(b.db.MoveChange(t.Context(), planned.ID, peering.ChangeCancelled, "", "a test"))

	if code, stdout, stderr := b.cli("admin", "", "secret", "delete", "AS64501 password"); code != exitOK || !strings.Contains(stdout, "AS64501 password deleted") {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
	b.wants(b.do("admin", "GET", at, ""), 404, "AS64501 password")
	b.wants(b.do("admin", "DELETE", at, ""), 404, "AS64501 password")
	b.wants(b.do("admin", "GET", "/api/v1/change-log?object=secret&object_id=1", ""), 200, `"action":"delete"`)
	b.wants(b.do("admin", "GET", "/api/v1/secrets", ""), 200, `"name":"other"`)
}

func TestAnOpenChangeThatNamesHalfOfASecretIsAUse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	for _, name := range []string{"old", "new"} {
		b.wants(b.do("admin", "PUT", "/api/v1/secrets/"+name, `{"value": "c4nary"}`), 200, `"version":1`)
	}
	b.wants(b.edit("sessions/1", `{"password": {"id": 1, "version": 1}}`), 200, "")
	rotate := func(patch string) peering.Change {
		t.Helper()
		c, _, err := b.db.CreateChange(t.Context(), b.actor("admin"), db.NewChange{Kind: peering.KindRotateSecret, Reason: "a test", Request: peering.ChangeRequest{
			Operations: []peering.Operation{{RouterID: 1, Object: peering.ObjectSession, ObjectID: 1, Action: peering.Update, Patch: json.RawMessage(patch)}}}})
		b.must(err)
		return c
	}
	usedBy := func(name, uses string) {
		t.Helper()
		b.wants(b.do("admin", "GET", "/api/v1/secrets/"+name, ""), 200, `"used_by":[`+uses+`]`)
		b.wants(b.do("admin", "GET", "/api/v1/secrets?name="+name, ""), 200, `"used_by":[`+uses+`]`)
	}
	const session = `{"object":"session","id":1,"name":"AS64501 198.51.100.2 on edge1","version":1}`

	done := rotate(`{"password": {"id": 2, "version": 1}}`)
	b.must(b.db.NoteUnmoved(t.Context(), done.ID))
	b.must(b.db.MoveChange(t.Context(), done.ID, peering.ChangeCompleted, "", "the routers run it already"))
	b.wants(b.do("admin", "POST", "/api/v1/changes/1/roll-back", `{"reason": "it was wrong"}`), 202, `"change_id":2`) // its patch names the id alone
	usedBy("old", `{"object":"change","id":2,"name":"session 1","version":1}`)
	usedBy("new", session)
	b.wants(b.do("admin", "DELETE", "/api/v1/secrets/old", ""), 409, "change 2 (session 1)")
	b.wants(b.do("admin", "PUT", "/api/v1/secrets/new", `{"value": "c4nary-2"}`), 200, `"version":2`)
	b.must(b.db.MoveChange(t.Context(), 2, peering.ChangeCancelled, "", "a test"))

	version := rotate(`{"password": {"version": 2}}`)
	usedBy("new", `{"object":"change","id":3,"name":"session 1","version":2},`+session)
	b.must(b.db.MoveChange(t.Context(), version.ID, peering.ChangeCancelled, "", "a test"))
	none := rotate(`{"password": null}`)
	usedBy("new", session)
	usedBy("old", "")
	b.must(b.db.MoveChange(t.Context(), none.ID, peering.ChangeCancelled, "", "a test"))

	rotate(`{"password": {"id": 1}}`)
	b.wants(b.do("admin", "DELETE", "/api/v1/sessions/1", "", "If-Match", "*"), 204, "")
	usedBy("old", `{"object":"change","id":5,"name":"session 1","version":0}`)
}

func TestADeploymentAndWhatIsOursOnARouterAreShown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	c := b.planned()
	b.run(`INSERT INTO deployment (change_id, plan_id, router_id, state, outcome) VALUES ($1, $2, 1, 'confirmed', 'well')`, c.ID, c.PlanID)
	b.run(`INSERT INTO stanza_ledger (router_id, key, hash, deployment_id) VALUES (1, 'protocol/as64501_1', 'abc', 1), (1, 'protocol/gone', '', 1)`)
	b.run(`INSERT INTO stanza_ledger (router_id, key, hash, deployment_id, absent_at) VALUES (1, 'protocol/absent', '', 1, now())`)
	b.wants(b.do("admin", "GET", "/api/v1/deployments/1", ""), 200, `"id":1,"change_id":1,"router_id":1,"router":"edge1"`)
	b.wants(b.do("admin", "GET", "/api/v1/deployments/9", ""), 404, "deployment 9")
	list := b.wants(b.do("admin", "GET", "/api/v1/routers/1/stanzas", ""), 200, `{"key":"protocol/as64501_1","hash":"abc","deployment_id":1,"change_id":1,"written_at":"`)
	if !strings.Contains(list.text, "protocol/gone") || strings.Contains(list.text, "protocol/absent") {
		t.Errorf("%s: want what isn't proven absent", list.text)
	}
	b.wants(b.do("admin", "GET", "/api/v1/routers/9/stanzas", ""), 404, "router 9")
}

// run writes what a deployment would.
func (b *bench) run(sql string, args ...any) {
	b.Helper()
	_, err := b.db.Pool().Exec(b.Context(), sql, args...)
	b.must(err)
}
