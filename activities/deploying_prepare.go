package activities

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"peerflow/internal/peering"
)

// PrepareDeployment checks that the plan still fits what the router runs,
// composes the artifact, takes the baseline and stores all of it before
// anything is written. Idempotent: until the commit is sent it may run again.
func (d *Deploying) PrepareDeployment(ctx context.Context, id int64) (peering.Next, error) {
	a, err := d.open(ctx, id)
	if err != nil {
		return peering.Next{}, fail(err)
	}
	defer a.close()
	clock, err := d.clock(ctx)
	if err != nil {
		return peering.Next{}, fail(err)
	}
	running, err := a.owned(ctx, a.known)
	if err != nil {
		return peering.Next{}, fail(err)
	}
	running.ReadAt = clock.at(running.ReadAt)
	if running.Pending != nil {
		return ended(peering.DeploymentFailed, "another commit waits for its confirmation on the router: nothing was written"), nil
	}
	next, err := d.prepare(ctx, a, running)
	return next, fail(err)
}

// prepare is that for a router that was just read, at a time of the database.
func (d *Deploying) prepare(ctx context.Context, a at, running peering.Running) (peering.Next, error) {
	record, err := d.compose(ctx, a, running)
	var moved *peering.StanzaMovedError
	if errors.As(err, &moved) {
		return ended(peering.DeploymentStale, moved.Error()), nil
	}
	if err != nil {
		return peering.Next{}, err
	}
	desired, err := d.Intent.Desired(ctx, a.router.ID)
	if err != nil {
		return peering.Next{}, err
	}
	ops, err := d.Changes.Overlay(ctx, a.dep.ChangeID)
	if err != nil {
		return peering.Next{}, err
	}
	if _, err := desired.Apply(ops); err != nil { // the records moved since the plan was made: planning again refuses it
		return ended(peering.DeploymentStale, "what the change does can't be recorded any more: "+err.Error()), nil //nolint:nilerr // it is the end's text
	}
	if text, err := a.reopens(ctx, record.Artifact); err != nil || text != "" {
		if a.dep.ProposedAt.IsZero() {
			text += "; then ask for the change again; nothing was written"
		}
		return ended(peering.DeploymentFailed, text), err
	}
	var taken error
	if record.Baseline, taken, err = d.baseline(ctx, a, running); err != nil {
		return peering.Next{}, err
	}
	if taken != nil { // since the plan was made: planning again refuses it
		return ended(peering.DeploymentStale, taken.Error()), nil
	}
	if !a.dep.ProposedAt.IsZero() { // a person may have pasted while the baseline was taken: then the one before is the baseline
		if same, err := a.stillRuns(ctx, running); err != nil || !same {
			return peering.Next{Step: peering.StepBegin}, err
		}
	}
	return peering.Next{Step: peering.StepBegin}, d.Deployments.StoreBaseline(ctx, a.dep.ID, record)
}

// stillRuns reads the router again and tells whether it runs what it ran, loaded as it was.
func (a at) stillRuns(ctx context.Context, before peering.Running) (bool, error) {
	now, err := a.owned(ctx, a.known)
	if err != nil {
		return false, err
	}
	was, err := a.text(before.Stanzas)
	if err != nil {
		return false, err
	}
	is, err := a.text(now.Stanzas)
	return is == was && now.Generation == before.Generation, err
}

func ended(s peering.DeploymentState, text string) peering.Next {
	return peering.Next{Step: peering.StepEnd, State: s, Text: peering.Clip(text, textSize)}
}

// compose puts the plan's stanzas in place of what runs now; its hash may
// differ from the one shown, the plan's may not.
func (d *Deploying) compose(ctx context.Context, a at, running peering.Running) (BaselineRecord, error) {
	now, err := peering.StanzaMap(running.Stanzas)
	if err != nil {
		return BaselineRecord{}, err
	}
	after, err := d.planned(ctx, a)
	if err != nil {
		return BaselineRecord{}, err
	}
	composed, err := peering.Compose(now, a.plan.Moves, after)
	if err != nil {
		return BaselineRecord{}, err
	}
	if key := movedReference(composed, a.plan); key != "" {
		return BaselineRecord{}, &peering.StanzaMovedError{Key: key}
	}
	key, err := d.opens(ctx, a, now)
	if err != nil {
		return BaselineRecord{}, err
	}
	if key != "" {
		return BaselineRecord{}, &peering.StanzaMovedError{Key: key}
	}
	base, err := a.text(running.Stanzas)
	if err != nil {
		return BaselineRecord{}, err
	}
	artifact, err := a.text(composed)
	return BaselineRecord{Base: base, Artifact: artifact, Identity: running.Identity, Generation: running.Generation,
		Incarnation: running.Incarnation, ReadAt: running.ReadAt}, err
}

// opens names a session that is held shut and that the artifact would open: it
// was shut after the plan was made, and the router's configuration doesn't say so.
func (d *Deploying) opens(ctx context.Context, a at, running map[string]peering.Stanza) (string, error) {
	desired, err := d.Intent.Desired(ctx, a.router.ID)
	if err != nil || len(desired.Held()) == 0 {
		return "", err
	}
	rendered, err := stanzas(ctx, a.device, desired)
	if err != nil {
		return "", err
	}
	for _, key := range slices.Sorted(maps.Keys(held(desired, rendered, running))) {
		closes := slices.ContainsFunc(a.plan.Touched, func(t peering.TouchedSession) bool {
			return t.Shut && t.Neighbor == running[key].Neighbor
		})
		if !closes {
			return key, nil
		}
	}
	return "", nil
}

// planned gives the stored text of each stanza that the plan writes.
func (d *Deploying) planned(ctx context.Context, a at) (map[string]peering.Stanza, error) {
	var hashes []string
	for _, m := range a.plan.Moves {
		if m.After != "" {
			hashes = append(hashes, m.After)
		}
	}
	texts, err := d.Plans.Texts(ctx, append(hashes, a.plan.ArtifactHash))
	if err != nil {
		return nil, err
	}
	shown, err := a.platform.Syntax().Split(texts[a.plan.ArtifactHash])
	if err != nil {
		return nil, err
	}
	return peering.StanzaMap(shown)
}

func movedReference(composed []peering.Stanza, plan peering.RouterPlan) string {
	now, err := peering.StanzaMap(composed)
	if err != nil {
		return ""
	}
	want := peering.References(now, plan.Moves)
	if slices.Equal(want, plan.Refers) {
		return ""
	}
	for _, r := range plan.Refers {
		if s, ok := now[r.Key]; !ok || s.Hash() != r.Before {
			return r.Key
		}
	}
	return want[0].Key
}

// baseline is how the neighbors stand before the commit, and why it may not be
// sent: a neighbor that the plan adds is there by somebody else's hand.
func (d *Deploying) baseline(ctx context.Context, a at, running peering.Running) (b peering.Baseline, taken, err error) {
	first, err := a.neighbors(ctx)
	if err != nil {
		return b, nil, err
	}
	if err := pause(ctx, a.profile.Sample); err != nil {
		return b, nil, err
	}
	second, err := a.neighbors(ctx)
	if err != nil {
		return b, nil, err
	}
	at := d.Now()
	ours, err := peering.StanzaMap(running.Stanzas)
	if err != nil {
		return b, nil, err
	}
	if taken = peering.TakeOverError(peering.TakenOver(a.plan.Touched, ours, second)); taken != nil {
		return b, taken, nil
	}
	flapped, err := d.Observed.Flapped(ctx, a.router.ID, d.Now().Add(-24*time.Hour))
	if err != nil {
		return b, nil, err
	}
	protected, err := d.protected(ctx, a, second)
	if err != nil {
		return b, nil, err
	}
	return peering.NewBaseline(first, second, flapped, protected, at), nil, nil
}

// protected names the neighbors that no change may drop.
func (d *Deploying) protected(ctx context.Context, a at, neighbors []peering.Neighbor) (map[peering.NeighborKey]string, error) {
	desired, err := d.Intent.Desired(ctx, a.router.ID)
	if err != nil {
		return nil, err
	}
	deployed, err := d.Intent.DeployedSessions(ctx, a.router.ID)
	if err != nil {
		return nil, err
	}
	protected := map[peering.NeighborKey]string{}
	for _, n := range neighbors {
		if why := desired.ProtectedNeighbor(n, deployed); why != "" {
			protected[n.Key()] = why
		}
	}
	return protected, nil
}
