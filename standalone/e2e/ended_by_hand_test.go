package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"peerflow/db"
	"peerflow/internal/peering"
	"peerflow/standalone/demo"
)

// Somebody presses Terminate in Temporal's UI, at one workflow after the other.
// Each is started again by itself while there is something left to do, goes on
// where its change stands, and configures nothing twice. Then the ends of a change
// that nobody else's test comes to.
func TestWorkflowsGoOnAfterAnOperatorEndedThem(t *testing.T) {
	t.Parallel()
	b := setup(t, "bird")
	ctx := context.Background()

	// 1. While it waits for approval: the change's workflow, and then that of its provisioning too.
	c := b.provision(demo.PeerASN)
	change, provision := fmt.Sprintf("change/%d", c.ID), fmt.Sprintf("provision/%d", c.ID)
	b.terminate("awaiting approval", change)
	b.terminate("handed over", provision)
	b.terminate("awaiting approval", provision, change)
	c = b.inState(c.ID, time.Minute, peering.ChangeAwaitingApproval)
	if story := b.story(c.ID); !strings.Contains(story, "its workflow was started again: planning again") {
		t.Errorf("nobody was told:\n%s", story)
	}
	b.approve(c)
	c = b.inState(c.ID, 2*time.Minute, peering.ChangeCompleted)
	if all := b.deployments(c); len(all) != 1 || all[0].State != peering.DeploymentConfirmed {
		t.Errorf("deployments: %+v", all)
	}

	// 2. While it watches for the other side of a change that is completed.
	b.terminate("waiting for them", provision)

	// 3. Between commit and confirm: everything but the deployment itself.
	edit := b.describeSession(c, "soaking when its change was terminated")
	b.approve(edit)
	b.soaking(edit)
	b.terminate("", fmt.Sprintf("change/%d", edit.ID), fmt.Sprintf("router/%d", b.router().ID))
	edit = b.inState(edit.ID, 2*time.Minute, peering.ChangeCompleted)
	if all := b.deployments(edit); len(all) != 1 || all[0].State != peering.DeploymentConfirmed {
		t.Errorf("deployments: %+v", all)
	}

	// 4. A change that ended stays ended.
	b.endsOtherwise(ctx, c)
	for _, id := range []string{change, fmt.Sprintf("change/%d", edit.ID)} {
		if about, err := b.Parts.Temporal.DescribeWorkflowExecution(ctx, id, ""); err != nil || about.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			t.Errorf("%s of a change that ended: %s, %v", id, about.GetWorkflowExecutionInfo().GetStatus(), err)
		}
	}
}

// endsOtherwise brings changes to the ends cancelled, expired and interfered.
func (b *bed) endsOtherwise(ctx context.Context, c peering.Change) {
	b.t.Helper()
	cancelled := b.describeSession(c, "cancelled")
	b.cli("change", "cancel", fmt.Sprint(cancelled.ID))
	b.inState(cancelled.ID, time.Minute, peering.ChangeCancelled)

	expired := b.describeSession(c, "expired")
	_, err := b.Parts.DB.Pool().Exec(ctx, `UPDATE change SET expires_at = now() WHERE id = $1`, expired.ID)
	b.must(err)
	b.must(b.Parts.Workflows.LookAgain(ctx, expired.ID, "its time is over"))
	b.inState(expired.ID, time.Minute, peering.ChangeExpired)

	interfered := b.describeSession(c, "interfered")
	b.approve(interfered)
	b.soaking(interfered)
	_, err = b.net.Edge.Birdc(ctx, "configure")
	b.must(err)
	b.inState(interfered.ID, 2*time.Minute, peering.ChangeInterfered)
}

// terminate ends workflows as Temporal's UI does, and waits until each runs again
// and its screen has this heading; "" waits for none.
func (b *bed) terminate(heading string, ids ...string) {
	b.t.Helper()
	before := map[string]string{}
	for _, id := range ids {
		about, err := b.Parts.Temporal.DescribeWorkflowExecution(context.Background(), id, "")
		b.must(err)
		before[id] = about.GetWorkflowExecutionInfo().GetExecution().GetRunId()
		b.must(b.Parts.Temporal.TerminateWorkflow(context.Background(), id, "", "pressed in the UI"))
	}
	if heading == "" {
		return
	}
	last := ids[len(ids)-1]
	for _, id := range ids {
		b.await(id+" runs again", 90*time.Second, func(ctx context.Context) bool {
			about, err := b.Parts.Temporal.DescribeWorkflowExecution(ctx, id, "")
			info := about.GetWorkflowExecutionInfo()
			return err == nil && info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING && info.GetExecution().GetRunId() != before[id]
		})
	}
	b.await(last+" says "+heading, time.Minute, func(ctx context.Context) bool { return strings.Contains(b.details(ctx, last), "### "+heading) })
}

func (b *bed) deployments(c peering.Change) []peering.Deployment {
	b.t.Helper()
	all, err := b.Parts.DB.Deployments(context.Background(), c.ID)
	b.must(err)
	return all
}

// describeSession opens a change that describes the session that another one made.
func (b *bed) describeSession(made peering.Change, text string) peering.Change {
	b.t.Helper()
	up, waiting, err := b.Parts.DB.SessionsUp(context.Background(), made.ID)
	b.must(err)
	op := update(b.router().ID, peering.ObjectSession, append(up, waiting...)[0], `{"description": %q}`, text)
	c := b.change(db.NewChange{Kind: peering.KindPolicy, Reason: text, Key: text, BodyHash: text,
		Request: peering.ChangeRequest{Operations: []peering.Operation{op}}})
	return b.inState(c.ID, time.Minute, peering.ChangeAwaitingApproval)
}
