package cmd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"peerflow/db"
	"peerflow/internal/peering"
	"peerflow/workflows"
)

const (
	relayEvery = time.Second
	sweepEvery = 20 * time.Second
)

// Relay starts the workflows that the database has promised, and those that
// should run and don't, and wakes those that weren't told of a decision or a
// command, until ctx ends. The API starts and wakes workflows at once; the relay
// is for the times when Temporal was away, and for workflows that somebody
// terminated or that were lost with Temporal's store. Any number of relays may run.
func (p *Parts) Relay(ctx context.Context) {
	tick := time.NewTicker(relayEvery)
	defer tick.Stop()
	var swept time.Time
	owing := false
	for {
		if !owing {
			owing = p.oweOpen(ctx) == nil
		}
		err := errors.Join(p.startPending(ctx), p.wakeOwed(ctx))
		if time.Since(swept) >= sweepEvery {
			err = errors.Join(err, p.Sweep(ctx), p.sweepWatches(ctx))
			swept = time.Now()
		}
		if err != nil && ctx.Err() == nil {
			p.Log.Warn("start workflows", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// owed are the changes that have to look again and weren't told, with the reason.
type owed struct {
	mu      sync.Mutex
	changes map[int64]string
}

func (o *owed) add(change int64, why string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changes == nil {
		o.changes = map[int64]string{}
	}
	o.changes[change] = why
}

func (o *owed) take() map[int64]string {
	o.mu.Lock()
	defer o.mu.Unlock()
	taken := o.changes
	o.changes = nil
	return taken
}

// oweOpen makes every open change look again: this process doesn't know what an
// earlier one had recorded and couldn't tell.
func (p *Parts) oweOpen(ctx context.Context) error {
	starts, err := p.DB.OpenStarts(ctx)
	for _, s := range starts {
		p.owed.add(s.SubjectID, "peerflow was started")
	}
	return err
}

// wakeOwed tells what it can; after the first failure the rest stays owed.
func (p *Parts) wakeOwed(ctx context.Context) (failed error) {
	for change, why := range p.owed.take() {
		if failed == nil {
			failed = p.Workflows.LookAgain(ctx, change, why)
		}
		if failed != nil {
			p.owed.add(change, why)
		}
	}
	return failed
}

func (p *Parts) startPending(ctx context.Context) error {
	starts, err := p.DB.PendingStarts(ctx, 20)
	if err != nil {
		return err
	}
	for _, s := range starts {
		if err := p.startOne(ctx, s); err != nil {
			return fmt.Errorf("start %s: %w", s.WorkflowID, err)
		}
	}
	return nil
}

func (p *Parts) startOne(ctx context.Context, s db.Start) error {
	change, err := p.DB.Change(ctx, s.SubjectID)
	if err != nil {
		return err
	}
	if err := p.Workflows.StartChange(ctx, s.Workflow, change); err != nil {
		return err
	}
	return p.DB.MarkStarted(ctx, s.WorkflowID)
}

// Sweep starts what should run and doesn't: the workflows of open changes, the
// queues of routers with open deployments, and the workflows of open proposals. One that runs is left alone, and
// the workflow of a change that ended is never started again.
func (p *Parts) Sweep(ctx context.Context) error {
	starts, err := p.DB.OpenStarts(ctx)
	if err != nil {
		return err
	}
	routers, err := p.DB.BusyRouters(ctx)
	if err != nil {
		return err
	}
	proposals, err := p.DB.OpenProposals(ctx, 0)
	if err != nil || len(starts)+len(routers)+len(proposals) == 0 {
		return err
	}
	runs, err := p.Workflows.Running(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range starts {
		if !runs[s.WorkflowID] {
			errs = append(errs, p.resume(ctx, s))
		}
	}
	for _, r := range routers {
		errs = append(errs, p.Workflows.ResumeRouter(ctx, r))
	}
	for _, dep := range proposals {
		errs = append(errs, p.propose(ctx, dep))
	}
	return errors.Join(errs...)
}

// sweepWatches starts those again that were cut short while they watched for the
// other side of a completed provisioning: nobody else would remind or report.
func (p *Parts) sweepWatches(ctx context.Context) error {
	since := time.Now().Add(-workflows.WatchPatience)
	cut, err := p.Workflows.CutShort(ctx, since)
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range cut {
		change, err := p.DB.Change(ctx, id)
		if peering.KindOf(err) == peering.NotFound || err == nil && (change.State != peering.ChangeCompleted || change.EndedAt.Before(since)) {
			continue
		}
		if err == nil {
			err = p.Workflows.ResumeWatch(ctx, change)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// propose starts the workflow that waits for a person to paste a deployment.
func (p *Parts) propose(ctx context.Context, dep peering.Deployment) error {
	change, err := p.DB.Change(ctx, dep.ChangeID)
	if err != nil {
		return err
	}
	return p.Workflows.Propose(ctx, change, dep)
}

func (p *Parts) resume(ctx context.Context, s db.Start) error {
	change, err := p.DB.Change(ctx, s.SubjectID)
	if err != nil || change.State.Ended() {
		return err
	}
	if err := p.Workflows.Resume(ctx, s.Workflow, change); err != nil {
		return fmt.Errorf("start %s again: %w", s.WorkflowID, err)
	}
	return nil
}
