package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// readGrace is how long after its deadline a deployment may stay in doubt while
// the router answers: some tries more, and well within the minute in which a
// person must be asked.
const readGrace = 20 * time.Second

// unread notes that the router's state isn't known, and keeps the error
// retryable: nothing is claimed before the router was read. Past the deadline a
// router that answers and can't be read is a person's; one that doesn't answer
// stays unknown. What was never sent needs no read: it ends.
func (d *Deploying) unread(ctx context.Context, dep peering.Deployment, err error) (peering.Next, error) {
	if dep.CommitSentAt.IsZero() {
		if d.late(ctx, dep) {
			return ended(peering.DeploymentFailed, peering.Clip(err.Error(), textSize/2)+"; nothing was written"), nil
		}
		return peering.Next{}, fail(peering.Errorf(peering.Unavailable, "%w", err))
	}
	if d.hopeless(ctx, dep, err) {
		return d.giveUp(ctx, dep, fmt.Errorf("it answers and can't be read: %w", err))
	}
	text := peering.Clip(err.Error(), textSize/2)
	if d.late(ctx, dep) {
		text = fmt.Sprintf("past its deadline %s the router still can't be reached: %s", dep.Deadline.UTC().Format(time.RFC3339), text)
	}
	if noted := d.Deployments.MarkUnknown(ctx, dep.ID, text); noted != nil {
		return peering.Next{}, fail(errors.Join(err, noted))
	}
	return peering.Next{}, fail(peering.Errorf(peering.Unavailable, "%w", err))
}

// late reports that the deadline is over, by the database's clock; while that
// can't be asked, nothing is.
func (d *Deploying) late(ctx context.Context, dep peering.Deployment) bool {
	now, err := d.Deployments.DatabaseTime(ctx)
	return err == nil && !dep.Deadline.IsZero() && now.After(dep.Deadline.Add(readGrace))
}

// hopeless reports an error that waiting doesn't mend any more: the deadline is
// over, and it isn't that somebody can't be reached.
func (d *Deploying) hopeless(ctx context.Context, dep peering.Deployment, err error) bool {
	away := peering.KindOf(err) == peering.Unavailable && !errors.Is(err, driver.ErrAnswered)
	return !away && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) && d.late(ctx, dep)
}

// giveUp hands a deployment over to a person, with what stands in the way.
func (d *Deploying) giveUp(ctx context.Context, dep peering.Deployment, why error) (peering.Next, error) {
	words := peering.Clip(why.Error(), textSize/2)
	if err := d.Deployments.MarkUnknown(ctx, dep.ID, words); err != nil {
		return peering.Next{}, fail(err)
	}
	text := fmt.Sprintf("router %s: %s: mend that, then run peerflow change resolve %d", dep.Router, words, dep.ChangeID)
	return d.end(ctx, dep, EndInput{dep.ID, peering.DeploymentNeedsOperator, text}, nil)
}

// Unresolved lists a change's deployments that need an operator.
func (d *Deploying) Unresolved(ctx context.Context, changeID int64) ([]QueuedDeployment, error) {
	all, err := d.Deployments.Deployments(ctx, changeID)
	if err != nil {
		return nil, fail(err)
	}
	var open []QueuedDeployment
	for _, dep := range all {
		if dep.State != peering.DeploymentNeedsOperator {
			continue
		}
		site, err := d.Intent.SiteOf(ctx, dep.RouterID)
		if err != nil {
			return nil, fail(err)
		}
		open = append(open, QueuedDeployment{ID: dep.ID, Site: site, InFlight: true, NeedsOperator: true})
	}
	return open, nil
}

// ResolveDeployment reads the router of a deployment that needs an operator, and
// writes what it says, or why that can't be said yet: the command is answered
// either way. Idempotent: what ended stays.
func (d *Deploying) ResolveDeployment(ctx context.Context, id int64) error {
	dep, err := d.Deployments.Deployment(ctx, id)
	if err != nil || dep.State != peering.DeploymentNeedsOperator {
		return fail(err)
	}
	if why := d.resolve(ctx, dep); why != nil {
		text := fmt.Sprintf("not resolved: router %s: %v: once that is mended, run peerflow change resolve %d", dep.Router, why, dep.ChangeID)
		return fail(d.Deployments.NoteOperator(ctx, id, text))
	}
	return nil
}

// ResolveHandled closes a person's command to resolve.
func (d *Deploying) ResolveHandled(ctx context.Context, command int64) error {
	return fail(d.Votes.CommandHandled(ctx, command))
}

func (d *Deploying) resolve(ctx context.Context, dep peering.Deployment) error {
	a, err := d.open(ctx, dep.ID)
	if err != nil {
		return err
	}
	defer a.close()
	read, running, err := a.locate(ctx, dep, a.known)
	if err != nil {
		return err
	}
	if read.Where == peering.AtArtifact && !read.Booting && dep.Mode == peering.Propose {
		return errors.New("a restart would return to what it ran before: save its configuration there")
	}
	if read.Where == peering.AtArtifact && !read.Booting {
		if read, running, err = d.installResolved(ctx, a, dep); err != nil {
			return err
		}
	}
	next := peering.Resolved(read)
	if next.Step != peering.StepEnd {
		return errors.New(next.Text)
	}
	if dep.Mode != peering.Propose { // a worker that was taken for dead may write yet, until the router knows a newer token
		if err = d.shutOut(ctx, a, next.State); err != nil {
			return err
		}
		if read, running, err = a.locate(ctx, dep, a.known); err != nil {
			return err
		}
		if next = peering.Resolved(read); next.Step != peering.StepEnd {
			return errors.New(next.Text)
		}
	}
	_, err = d.end(ctx, dep, EndInput{dep.ID, next.State, next.Text}, &running)
	return err
}

// installResolved makes a restart boot what a person left running.
func (d *Deploying) installResolved(ctx context.Context, a at, dep peering.Deployment) (peering.Read, peering.Running, error) {
	committer, err := a.committer()
	if err != nil {
		return peering.Read{}, peering.Running{}, err
	}
	commit, err := d.commit(ctx, a)
	if err != nil {
		return peering.Read{}, peering.Running{}, err
	}
	if err := committer.Install(ctx, commit); err != nil {
		return peering.Read{}, peering.Running{}, fmt.Errorf("install on router %s: %w", a.router.Name, err)
	}
	return a.locate(ctx, dep, a.known)
}
