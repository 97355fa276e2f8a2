package workflows

import "go.temporal.io/sdk/workflow"

// temporalCancel is the outcome of a change that Temporal's own Cancel ended.
// Temporal doesn't say who asked: the identity is the client's word.
const temporalCancel = "cancelled in Temporal, outside of peerflow"

// cancellation is Temporal's own Cancel of a workflow. It interrupts nothing: a
// workflow that stopped in the middle would leave a router to its timer and a
// record to nobody. The workflow looks at it where it may still end.
type cancellation struct {
	asked bool
	seen  bool // by a wait that it woke
}

// detach gives a context that Temporal's Cancel doesn't reach, and what tells of it.
func detach(ctx workflow.Context) (workflow.Context, *cancellation) {
	c := &cancellation{}
	free, _ := workflow.NewDisconnectedContext(ctx)
	workflow.Go(ctx, func(inner workflow.Context) {
		ctx.Done().Receive(inner, nil)
		c.asked = true
	})
	return free, c
}

// news reports a Cancel that hasn't woken anybody yet.
func (c *cancellation) news() bool { return c.asked && !c.seen }
