package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"peerflow/internal/peering"
)

// How long each part stays away: long enough that what waits for it tries again.
const away = time.Minute

// without takes PostgreSQL away while one change awaits approval and another one
// is being planned, and then Temporal, while people go on deciding: nothing hangs,
// nothing gets lost, and what was asked for goes on by itself.
func (i *installation) without(t *testing.T, edge *edge) {
	i = i.in(t)
	limit := i.open("sessions", "session", 1, `{"prefix_limits": {"ipv4": 250}}`)
	i.state(limit.ID, peering.ChangeAwaitingApproval)

	// PostgreSQL.
	policy := i.open("a policy", "routing_policy", 1, `{"context": {"local_pref": 300}}`)
	must(t, i.postgres.Stop(context.Background()))
	for _, path := range []string{fmt.Sprintf("changes/%d", limit.ID), "sessions", "status"} {
		i.refused(http.MethodGet, path, nil)
	}
	i.refused(http.MethodPost, fmt.Sprintf("changes/%d/approve", limit.ID), object{"plan": limit.PlanHash})
	if code, said := i.command(t.Context(), "", "change", "list"); code != 7 {
		t.Errorf("peerflow change list: exit %d, %s", code, said)
	}
	<-time.After(away)
	i.refused(http.MethodGet, "status", nil)
	i.startPostgres()
	eventually(t, 2*time.Minute, "the API answers", func() bool { return i.request(http.MethodGet, "status", nil, &object{}) == http.StatusOK })
	policy = i.state(policy.ID, peering.ChangeAwaitingApproval)
	if now := i.state(limit.ID, peering.ChangeAwaitingApproval); now.PlanHash == "" {
		t.Errorf("change %d lost its plan", limit.ID)
	}
	i.approve(limit.ID)
	i.ranOnce(limit.ID, edge, "import limit 250")

	// Temporal. The change that waits has nothing left to do by itself: only being told makes it look again.
	i.rests(changeRunOf(policy.ID))
	must(t, i.server.Stop())
	port, err := net.ListenPacket("udp", i.server.HostPort()) // keeps other tests' servers from it
	must(t, err)
	defer port.Close()
	i.approve(policy.ID)
	late := i.open("another policy", "routing_policy", 2, `{"context": {"announce": ["192.0.2.0/24", "203.0.113.0/24"]}}`)
	i.withoutTemporal()
	<-time.After(away)
	i.withoutTemporal()
	if now := i.change(policy.ID); now.State != peering.ChangeAwaitingApproval {
		t.Errorf("change %d is %s without Temporal", policy.ID, now.State)
	}
	i.startTemporal()
	i.ranOnce(policy.ID, edge, "bgp_local_pref = 300")
	i.state(late.ID, peering.ChangeAwaitingApproval)
}

// withoutTemporal: the API says that it is away.
func (i *installation) withoutTemporal() {
	i.t.Helper()
	status := object{}
	if code := i.request(http.MethodGet, "status", nil, &status); code != http.StatusOK || !strings.Contains(fmt.Sprint(status["temporal"]), "doesn't answer") {
		i.t.Errorf("status: %d %v", code, status)
	}
}

// open opens a change with one edit.
func (i *installation) open(reason, noun string, id int64, patch string) (c peering.Change) {
	i.t.Helper()
	op := object{"object": noun, "object_id": id, "action": "update", "patch": jsonText(patch)}
	if noun == "session" {
		op["router_id"] = 1
	}
	if status := i.request(http.MethodPost, "changes", object{"kind": "maintenance", "reason": reason, "operations": []object{op}}, &c); status != http.StatusAccepted {
		i.t.Fatalf("POST changes: %d", status)
	}
	return c
}

// rests waits until a workflow does nothing, on several looks.
func (i *installation) rests(workflow string) {
	i.t.Helper()
	quiet := 0
	eventually(i.t, time.Minute, workflow+" rests", func() bool {
		about, err := i.temporal.DescribeWorkflowExecution(i.t.Context(), workflow, "")
		if quiet++; err != nil || len(about.GetPendingActivities()) > 0 || about.GetPendingWorkflowTask() != nil {
			quiet = 0
		}
		return quiet == 10
	})
}

type jsonText string

func (j jsonText) MarshalJSON() ([]byte, error) { return []byte(j), nil }

func (i *installation) change(id int64) (c peering.Change) {
	i.t.Helper()
	i.request(http.MethodGet, fmt.Sprintf("changes/%d", id), nil, &c)
	return c
}

// state waits until a change is in it.
func (i *installation) state(id int64, want peering.ChangeState) (c peering.Change) {
	i.t.Helper()
	eventually(i.t, 4*time.Minute, fmt.Sprintf("change %d is %s", id, want), func() bool {
		c = i.change(id)
		if c.State.Ended() && c.State != want {
			i.t.Fatalf("change %d ended %s: %s", id, c.State, c.Outcome)
		}
		return c.State == want
	})
	return c
}

func (i *installation) approve(id int64) {
	i.t.Helper()
	result := object{}
	if status := i.request(http.MethodPost, fmt.Sprintf("changes/%d/approve", id), object{"plan": i.change(id).PlanHash}, &result); status != http.StatusOK {
		i.t.Fatalf("approve change %d: %d %v", id, status, result)
	}
}

// ranOnce waits until a change completed: one deployment, one vote, and the router runs and boots it.
func (i *installation) ranOnce(id int64, edge *edge, what string) {
	i.t.Helper()
	i.state(id, peering.ChangeCompleted)
	var deployments, votes struct{ Items []object }
	i.request(http.MethodGet, fmt.Sprintf("changes/%d/deployments", id), nil, &deployments)
	i.request(http.MethodGet, fmt.Sprintf("changes/%d/votes", id), nil, &votes)
	if len(deployments.Items) != 1 || len(votes.Items) != 1 {
		i.t.Errorf("change %d has %d deployments and %d votes", id, len(deployments.Items), len(votes.Items))
	}
	now := edge.photo(i.t)
	if now.pending || !strings.Contains(now.boots, what) || !slices.ContainsFunc(deployments.Items, func(d object) bool { return d["artifact_hash"] == now.identity }) {
		i.t.Errorf("change %d is recorded as %v, and the router runs %s (pending %t) and boots\n%s", id, deployments.Items, now.identity, now.pending, now.boots)
	}
}

// refused: without its database the API says so, soon.
func (i *installation) refused(method, path string, body any) {
	i.t.Helper()
	problem := struct{ Kind, Detail string }{}
	if status := i.request(method, path, body, &problem); status != http.StatusServiceUnavailable || problem.Kind != "unavailable" || !strings.Contains(problem.Detail, "database") {
		i.t.Errorf("%s %s without PostgreSQL: %d %+v", method, path, status, problem)
	}
}
