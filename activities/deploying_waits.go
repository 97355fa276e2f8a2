package activities

import (
	"context"

	"peerflow/internal/peering"
)

// WaitInput names a deployment that can't go on, and what it waits for; a Text of
// "" takes that back.
type WaitInput struct {
	Deployment int64  `json:"deployment"`
	Text       string `json:"text,omitempty"`
}

// WaitResult is what may have moved meanwhile.
type WaitResult struct {
	Site      string `json:"site"`                // where the router stands now
	Cancelled string `json:"cancelled,omitempty"` // by whom, and why; only before anything was written
}

// NoteWait tells people what a deployment waits for. One whose commit was sent
// becomes unknown: nobody reads its router. Idempotent.
func (d *Deploying) NoteWait(ctx context.Context, in WaitInput) (WaitResult, error) {
	dep, err := d.Deployments.Deployment(ctx, in.Deployment)
	if err != nil {
		return WaitResult{}, fail(err)
	}
	site, err := d.Intent.SiteOf(ctx, dep.RouterID)
	if err != nil || dep.State.Ended() {
		return WaitResult{Site: site}, fail(err)
	}
	result := WaitResult{Site: site}
	if dep.State == peering.DeploymentQueued || dep.State == peering.DeploymentProposed {
		if result.Cancelled, err = d.cancelled(ctx, dep.ChangeID); err != nil || result.Cancelled != "" {
			return result, fail(err)
		}
	}
	step := in.Text
	if step == "" {
		step = "goes on with router " + dep.Router
	}
	if in.Text != "" && !dep.CommitSentAt.IsZero() && dep.State != peering.DeploymentNeedsOperator {
		if err := d.Deployments.MarkUnknown(ctx, dep.ID, in.Text); err != nil {
			return WaitResult{}, fail(err)
		}
	}
	if err := d.Changes.MoveChange(ctx, dep.ChangeID, peering.ChangeDeploying, step, ""); err != nil {
		return WaitResult{}, fail(err)
	}
	return result, nil
}

func (d *Deploying) cancelled(ctx context.Context, changeID int64) (string, error) {
	commands, err := d.Votes.LatestCommands(ctx, changeID)
	if err != nil {
		return "", err
	}
	return cancelIn(commands), nil
}

// cancelIn is who cancelled, and why; "" when nobody did.
func cancelIn(commands []Command) (text string) {
	for _, c := range commands {
		if c.Kind != peering.CommandCancel {
			continue
		}
		text = "cancelled by " + c.User
		if c.Reason != "" {
			text += ": " + c.Reason
		}
	}
	return text
}
