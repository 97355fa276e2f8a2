package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	sdkpb "go.temporal.io/api/sdk/v1"

	"peerflow/db"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/standalone/up"
)

// quick shortens the numbers of verification to what daemons on loopback need
// that have a hold time of 9 s. The rollback timer leaves a busy machine its time:
// nobody waits for its end but who has it shortened.
func quick(o *up.Options) {
	o.Profile = func(peering.Router) peering.Profile {
		p := peering.LabProfile
		p.Commit, p.Settle, p.Soak, p.Stable = 2*time.Second, 2*time.Second, 2*time.Second, 2*time.Second
		p.Margin, p.MinTimer = 5*time.Second, time.Minute
		return p
	}
}

// rollbackAfter gives quick another rollback timer.
func rollbackAfter(d time.Duration) func(*up.Options) {
	return func(o *up.Options) {
		of := o.Profile
		o.Profile = func(r peering.Router) peering.Profile {
			p := of(r)
			p.MinTimer = d
			return p
		}
	}
}

// in is the same bed for a part of the test.
func (b *bed) in(t *testing.T) *bed {
	part := *b
	part.t = t
	return &part
}

// edit opens a change that carries operations, and waits until it can be approved.
func (b *bed) edit(reason string, ops ...peering.Operation) peering.Change {
	b.t.Helper()
	return b.inState(b.open(reason, ops...).ID, time.Minute, peering.ChangeAwaitingApproval)
}

// open opens a change that carries operations.
func (b *bed) open(reason string, ops ...peering.Operation) peering.Change {
	b.t.Helper()
	return b.change(db.NewChange{Kind: peering.KindMaintenance, Reason: reason, Request: peering.ChangeRequest{Operations: ops}})
}

// update is an operation on a session of the router, or on a shared object (router 0).
func update(router int64, object peering.ObjectKind, id int64, patch string, args ...any) peering.Operation {
	return peering.Operation{RouterID: router, Object: object, ObjectID: id, Action: peering.Update, Patch: json.RawMessage(fmt.Sprintf(patch, args...))}
}

// deploy approves a change and waits until it completed.
func (b *bed) deploy(c peering.Change) peering.Change {
	b.t.Helper()
	b.approve(c)
	return b.inState(c.ID, 4*time.Minute, peering.ChangeCompleted)
}

// ends waits until a change ended, however.
func (b *bed) ends(id int64) peering.Change {
	b.t.Helper()
	var c peering.Change
	b.await(fmt.Sprintf("the end of change %d", id), 4*time.Minute, func(ctx context.Context) bool {
		var err error
		c, err = b.Parts.DB.Change(ctx, id)
		return err == nil && c.State.Ended()
	})
	return c
}

// cancel withdraws a change that wasn't deployed.
func (b *bed) cancel(c peering.Change) {
	b.t.Helper()
	ctx := context.Background()
	_, err := b.Parts.DB.AddCommand(ctx, b.admin, c.ID, peering.CommandCancel, "not needed")
	b.must(err)
	b.must(b.Parts.Workflows.LookAgain(ctx, c.ID, "cancel"))
	if c = b.ends(c.ID); c.State != peering.ChangeCancelled {
		b.t.Fatalf("change %d ended %s, and was cancelled", c.ID, c.State)
	}
}

// plan is the plan in force.
func (b *bed) plan(c peering.Change) peering.Plan {
	b.t.Helper()
	p, err := b.Parts.DB.Plan(context.Background(), c.PlanID)
	b.must(err)
	return p
}

// deployment is the newest deployment of a change.
func (b *bed) deployment(c peering.Change) peering.Deployment {
	b.t.Helper()
	all, err := b.Parts.DB.Deployments(context.Background(), c.ID)
	b.must(err)
	if len(all) == 0 {
		b.t.Fatalf("change %d has no deployment", c.ID)
	}
	return all[len(all)-1]
}

// soaking waits until a change's commit is pending on the router.
func (b *bed) soaking(c peering.Change) peering.Deployment {
	b.t.Helper()
	var d peering.Deployment
	b.await(fmt.Sprintf("the commit of change %d", c.ID), 2*time.Minute, func(ctx context.Context) bool {
		all, err := b.Parts.DB.Deployments(ctx, c.ID)
		if err != nil || len(all) == 0 {
			return false
		}
		if d = all[len(all)-1]; d.State.Ended() {
			b.t.Fatalf("the deployment ended %s: %s", d.State, d.Outcome)
		}
		return d.State == peering.DeploymentSoaking
	})
	return d
}

// check finds a check of a verdict whose text holds words.
func check(v *peering.Verdict, name string, s peering.CheckState, words string) bool {
	if v == nil {
		return false
	}
	for _, c := range v.Checks {
		if c.Name == name && c.State == s && strings.Contains(c.Subject+" "+c.Text, words) {
			return true
		}
	}
	return false
}

// session is our record of the session with an AS.
func (b *bed) session(asn bgp.ASN) peering.Session {
	b.t.Helper()
	list, err := b.Parts.DB.Sessions().List(context.Background(), []peering.Filter{{Field: "peer_asn", Values: []string{fmt.Sprint(uint32(asn))}}}, peering.Page{Limit: 2})
	b.must(err)
	if len(list.Items) != 1 {
		b.t.Fatalf("%d sessions with %s, want 1", len(list.Items), asn)
	}
	return list.Items[0]
}

// policy is a routing policy by its slug.
func (b *bed) policy(slug string) peering.RoutingPolicy {
	b.t.Helper()
	list, err := b.Parts.DB.RoutingPolicies().List(context.Background(), []peering.Filter{{Field: "slug", Values: []string{slug}}}, peering.Page{Limit: 2})
	b.must(err)
	if len(list.Items) != 1 {
		b.t.Fatalf("%d policies %s, want 1", len(list.Items), slug)
	}
	return list.Items[0]
}

// router is the only router.
func (b *bed) router() peering.Router {
	b.t.Helper()
	all, err := b.Parts.DB.AllRouters(context.Background())
	b.must(err)
	return all[0]
}

// user is somebody who came in through the API.
func (b *bed) user(name string, roles ...peering.Role) peering.Actor {
	b.t.Helper()
	ctx := context.Background()
	u, err := b.Parts.DB.CreateUser(ctx, b.admin, name, roles)
	b.must(err)
	token, _, err := b.Parts.DB.MintToken(ctx, b.admin, u.ID, "test", roles, time.Time{})
	b.must(err)
	actor, err := b.Parts.DB.Authenticate(ctx, token)
	b.must(err)
	return actor
}

// vote casts a vote as somebody and wakes the change.
func (b *bed) vote(who peering.Actor, c peering.Change, planHash string) peering.VoteResult {
	b.t.Helper()
	ctx := context.Background()
	result, err := b.Parts.DB.CastVote(ctx, who, c.ID, planHash, peering.Approve, "looks right")
	b.must(err)
	b.must(b.Parts.Workflows.LookAgain(ctx, c.ID, "vote"))
	return result
}

// story is everything that a change told: its events and its change log, oldest first.
func (b *bed) story(id int64) string {
	b.t.Helper()
	log, err := b.Parts.DB.ChangeLog(context.Background(), []peering.Filter{{Field: "change_id", Values: []string{fmt.Sprint(id)}}}, peering.Page{Limit: 500})
	b.must(err)
	text := ""
	for _, e := range log.Items {
		text = fmt.Sprintf("%s %s %s\n", e.Object, e.Action, e.After) + text
	}
	events, _, err := b.Parts.DB.Events(context.Background(), db.Position{}, id, 500)
	b.must(err)
	for _, e := range events {
		text += fmt.Sprintf("%s %s %s\n", e.Topic, e.Event, e.Body)
	}
	return text
}

// details is what the Temporal UI shows of a running workflow.
func (b *bed) details(ctx context.Context, workflowID string) string {
	answer, err := b.Parts.Temporal.QueryWorkflow(ctx, workflowID, "", "__temporal_workflow_metadata")
	if err != nil {
		return ""
	}
	var metadata sdkpb.WorkflowMetadata
	if err := answer.Get(&metadata); err != nil {
		return ""
	}
	return metadata.GetCurrentDetails()
}

// needTwo makes changes of one kind need two votes.
func (b *bed) needTwo(kind peering.ChangeKind) {
	b.t.Helper()
	system := peering.Actor{Kind: peering.ActorSystem, Name: "test"}
	_, err := b.Parts.DB.ApprovalRules().Create(context.Background(), system,
		peering.ApprovalRule{Name: "two-people", Kinds: []peering.ChangeKind{kind}, Terms: peering.Terms{VotesNeeded: 2}})
	b.must(err)
}
