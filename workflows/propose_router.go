package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"peerflow/activities"
	"peerflow/internal/peering"
)

// ProposeRouterInput names a deployment to a router in mode propose, and the site
// whose workers read that router. Everything else is in the database.
type ProposeRouterInput struct {
	Deployment int64  `json:"deployment"`
	Site       string `json:"site,omitempty"` // by slug; "" is this workflow's own queue
}

// Pauses between two looks at a router where a person pastes. They grow: a person
// who was just told pastes soon, and the baseline is at most the longest one old.
const (
	lookPause    = 10 * time.Second
	maxLookPause = time.Minute
)

// looksPerRun is how many steps one run takes before it starts afresh, so that a
// wait of days leaves short histories.
const looksPerRun = 300

// ProposeRouter waits until a person has pasted what was approved on a router that
// peerflow is unable to write to, has it verified, and records how it ended. Like
// DeployRouter it remembers nothing but the next step, which each activity decides
// from the record and a read of the router; Temporal's own Cancel doesn't end it. A
// deployment that isn't there, or that peerflow writes itself, ends it in an error
// and is left as it is.
func ProposeRouter(ctx workflow.Context, in ProposeRouterInput) (DeployRouterResult, error) {
	ctx, _ = detach(ctx)
	p := proposalRun{deployRun: deployRun{id: in.Deployment, site: in.Site, woken: signals(ctx, SignalLookAgain, wakes)}}
	next := peering.Next{Step: peering.StepLook}
	for range looksPerRun {
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			break
		}
		p.show(ctx, next)
		done, err := p.step(ctx, next)
		if err == nil && next.Step == peering.StepEnd && done.Step == peering.StepEnd {
			tell(ctx, p.id)
			return DeployRouterResult{State: done.State, Text: done.Text}, nil
		}
		if notOurs(err) {
			return DeployRouterResult{}, err
		}
		if next = done; err != nil {
			p.failed(ctx, err)
			next = peering.Next{Step: peering.StepLook}
		}
	}
	drain(p.woken)
	return DeployRouterResult{}, workflow.NewContinueAsNewError(ctx, ProposeRouter, ProposeRouterInput{Deployment: p.id, Site: p.site})
}

type proposalRun struct {
	deployRun
	said  string        // what people were told last that it waits for
	pause time.Duration // of the last wait
}

func (p *proposalRun) step(ctx workflow.Context, next peering.Next) (done peering.Next, err error) {
	var a *activities.Deploying
	switch next.Step {
	case peering.StepPrepare:
		done, err = p.atRouter(device(ctx), a.PrepareDeployment, p.id)
		return p.givingUp(done, err)
	case peering.StepBegin:
		return p.begin(ctx, a.ProposeDeployment)
	case peering.StepSoak:
		p.pause = 0
		return p.atRouter(soak(ctx), a.VerifyProposal, p.id)
	case peering.StepWait:
		return peering.Next{Step: peering.StepLook}, p.wait(ctx, next)
	case peering.StepEnd:
		return p.end(ctx, next)
	default:
		return p.atRouter(device(ctx), a.LookAtProposal, p.id)
	}
}

// wait tells people what is waited for, once, and rests until somebody says that
// something may have happened, or for a while.
func (p *proposalRun) wait(ctx workflow.Context, next peering.Next) error {
	if next.Text != p.said {
		if seen, err := p.note(ctx, next.Text); err != nil || seen.Cancelled != "" {
			return err
		}
		p.said, p.pause = next.Text, 0
	}
	p.pause = min(max(p.pause*3/2, lookPause), maxLookPause)
	rest(ctx, p.pause, "look at the router again", func() bool { return p.woken.Len() > 0 })
	drain(p.woken)
	return nil
}

// failed rests after a step that failed, before the router and the record are looked at again.
func (p *proposalRun) failed(ctx workflow.Context, err error) {
	p.failure = min(max(p.failure*3/2, lookPause), maxLookPause)
	rest(ctx, p.failure, "look again: "+reason(err), func() bool { return p.woken.Len() > 0 })
	drain(p.woken)
}

// end writes the end. What people took back doesn't wait for a worker of the site.
func (p *proposalRun) end(ctx workflow.Context, next peering.Next) (done peering.Next, err error) {
	var a *activities.Deploying
	in := activities.EndInput{Deployment: p.id, State: next.State, Text: next.Text}
	err = workflow.ExecuteActivity(onSite(device(ctx), p.site, servedWithin), a.EndProposal, in).Get(ctx, &done)
	if unserved(err) {
		err = workflow.ExecuteActivity(device(ctx), a.EndProposal, in).Get(ctx, &done)
	}
	return done, err
}

// show is the screen of a step that is about to be taken.
func (p *proposalRun) show(ctx workflow.Context, next peering.Next) {
	known := labelsOf(ctx)
	s := screen{state: string(peering.DeploymentProposed)}
	switch next.Step {
	case peering.StepPrepare, peering.StepBegin:
		s.state, s.doing = string(peering.DeploymentQueued), stepScreens[next.Step].doing
	case peering.StepWait:
		s.turn, s.waits, s.until, s.then = peering.TurnUs, next.Text, next.Until, "it ends, and nothing is claimed"
	case peering.StepSoak:
		s.doing = "Pasted by a person: watches what BGP does."
	case peering.StepEnd:
		s.state, s.doing = string(next.State), next.Text
		if next.State == peering.DeploymentNeedsOperator {
			s.turn = peering.TurnUs
		}
	default:
		s.state, s.doing = known.state, "Reads the router."
	}
	s.can = onDeployment(peering.DeploymentState(s.state), known)
	s.show(ctx, labels{})
}
