package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
	"peerflow/internal/peering"
)

// Decide is the payload of the update `decide`. It names no person: who
// decides is what the approval code says.
type Decide struct {
	Decision peering.Decision `json:"decision"`         // approve or reject
	Code     string           `json:"code,omitempty"`   // approval code, from the API, CLI or console
	Plan     string           `json:"plan,omitempty"`   // first 8 hex digits: embedded single-user default only
	Reason   string           `json:"reason,omitempty"` // for the record
}

const (
	maxDecisions = 200  // presented to one change; a flood ends here
	maxCode      = 64   // bytes
	maxReason    = 1000 // bytes
)

// serveDecisions answers the update `decide`. The validator looks at shape,
// size and flood only: everything else is the database's, and audited there.
func (c *changeRun) serveDecisions(ctx workflow.Context) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, UpdateDecide, c.decide, workflow.UpdateHandlerOptions{
		Validator: c.validate,
		Description: fmt.Sprintf(`Approve or reject the plan, e.g. {"decision":"approve","code":"ABCD-EFGH-…"} or {"decision":"reject","code":"…","reason":"…"}. `+
			`Get the code with: peerflow change approve %d --code`, c.id),
	})
}

func (c *changeRun) validate(_ workflow.Context, d Decide) error {
	switch {
	case c.decided >= maxDecisions:
		return fmt.Errorf("%d decisions were presented to this change: cancel it and make a new one", maxDecisions)
	case d.Decision != peering.Approve && d.Decision != peering.Reject:
		return fmt.Errorf("decision is approve or reject")
	case d.Code == "" && d.Plan == "":
		return fmt.Errorf("give an approval code: peerflow change approve --code")
	case len(d.Code) > maxCode || len(d.Plan) > maxCode || len(d.Reason) > maxReason:
		return fmt.Errorf("code and plan have at most %d bytes, the reason %d", maxCode, maxReason)
	}
	return nil
}

func (c *changeRun) decide(ctx workflow.Context, d Decide) (activities.VoteResult, error) {
	var a *activities.Approving
	var result activities.VoteResult
	err := workflow.ExecuteActivity(record(ctx), a.RecordVote, activities.VoteInput{
		ChangeID: c.id, UpdateID: workflow.GetCurrentUpdateInfo(ctx).ID, Decision: d.Decision, Code: d.Code, Plan: d.Plan, Reason: d.Reason,
	}).Get(ctx, &result)
	c.decided++
	if err == nil && !result.Accepted {
		err = temporal.NewNonRetryableApplicationError(result.Text, string(peering.Denied), nil)
	}
	return result, err
}
