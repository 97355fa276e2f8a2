package activities

import (
	"cmp"
	"context"
	"maps"
	"net/netip"
	"slices"

	"peerflow/internal/peering"
	"peerflow/internal/render"
)

// PlanResult is a plan in figures; its texts stay in the database.
type PlanResult struct {
	PlanID      int64  `json:"plan_id"`
	Hash        string `json:"hash"`
	Empty       bool   `json:"empty"`           // the routers run it already
	Again       bool   `json:"again,omitempty"` // routers moved between sites meanwhile: scope and plan again
	VotesNeeded int    `json:"votes_needed"`
	Routers     int    `json:"routers"`
	Impact      string `json:"impact"`
	Rule        string `json:"rule,omitempty"`  // that says how many votes are needed
	Moved       string `json:"moved,omitempty"` // what differs from the plan that was in force; "" when nothing does
}

// PlanChange renders each affected router of a site without and with the
// change's overlay and takes what differs. On the last site it stores all of it
// as the plan in force. A plan that didn't change keeps its votes. A provisioning
// goes on without sessions whose neighbors somebody else configured. Idempotent:
// the same state gives the same hash.
func (p *Planning) PlanChange(ctx context.Context, in PlanInput) (PlanResult, error) {
	r, err := p.reach(ctx, in.Change)
	if err != nil {
		return PlanResult{}, fail(err)
	}
	parts, texts, err := p.planSite(ctx, &r, in.Site)
	if err != nil {
		return PlanResult{}, fail(err)
	}
	if !in.Last {
		return PlanResult{}, fail(p.Plans.StoreParts(ctx, in.Change, parts, texts))
	}
	if parts, err = p.together(ctx, r, parts); err != nil {
		return PlanResult{}, fail(err)
	}
	if len(parts) < len(r.routers) {
		return PlanResult{Again: true}, nil
	}
	return p.put(ctx, r, parts, texts)
}

// put stores a plan in force.
func (p *Planning) put(ctx context.Context, r reached, parts []peering.PlanPart, texts []string) (PlanResult, error) {
	change := r.change
	plan, err := assemble(change, r.ops, parts)
	if err != nil {
		return PlanResult{}, fail(err)
	}
	if len(plan.Routers) == 0 {
		return PlanResult{Empty: true, Impact: "nothing to change: the routers run it already"}, fail(p.Plans.NoteUnmoved(ctx, change.ID))
	}
	moved, err := p.moved(ctx, change, plan)
	if err != nil {
		return PlanResult{}, fail(err)
	}
	why := moved + " moved"
	if moved == "" {
		why = "it was planned again"
	}
	stored, err := p.Plans.StorePlan(ctx, plan, texts, why)
	if err != nil {
		return PlanResult{}, fail(err)
	}
	return PlanResult{PlanID: stored.ID, Hash: stored.Hash, VotesNeeded: stored.VotesNeeded, Routers: len(stored.Routers),
		Impact: stored.Impact.Line(), Rule: stored.Rule, Moved: moved}, nil
}

// moved names what differs between the plan in force and a new one.
func (p *Planning) moved(ctx context.Context, change peering.Change, now peering.Plan) (string, error) {
	if change.PlanID == 0 || change.PlanHash == now.Hash {
		return "", nil
	}
	earlier, err := p.Plans.Plan(ctx, change.PlanID)
	return peering.Some(peering.MovedSince(earlier.Routers, now.Routers), named, ", "), err
}

// assemble makes one plan of what was found on each router.
func assemble(change peering.Change, ops []peering.Operation, parts []peering.PlanPart) (peering.Plan, error) {
	plan := peering.Plan{ChangeID: change.ID}
	var pending []string
	for _, part := range parts {
		if len(part.Moves) > 0 {
			plan.Routers, pending = append(plan.Routers, part.RouterPlan), append(pending, part.Pending...)
		}
	}
	plan.Impact = peering.NewImpact(plan.Routers, pending)
	plan.Impact.Ask, plan.Impact.Stale = change.Ask, change.Stale
	if err := refuseProtected(change.Kind, plan, ops); err != nil {
		return peering.Plan{}, err
	}
	plan.Hash = peering.PlanHash(plan.Routers)
	return plan, nil
}

// affected lists the routers that a change may reach: those its operations
// name, and for a shared object every router that is managed.
func (p *Planning) affected(ctx context.Context, change peering.Change, ops []peering.Operation) ([]peering.Router, error) {
	all, err := p.Intent.AllRouters(ctx)
	if err != nil {
		return nil, err
	}
	named := map[int64]bool{}
	shared := false
	for _, id := range change.Request.Routers {
		named[id] = true
	}
	for _, op := range ops {
		named[op.RouterID] = true
		shared = shared || op.RouterID == 0
	}
	var reached []peering.Router
	for _, r := range all {
		if named[r.ID] && r.TemplateID == 0 {
			return nil, peering.Errorf(peering.Invalid, "router %s has no template: give it one, nothing can be rendered for it", r.Name)
		}
		if r.TemplateID != 0 && (named[r.ID] || shared && r.Mode != peering.Observe) {
			reached = append(reached, r)
		}
	}
	return reached, nil
}

// planRouter is one router's part of the plan, with the texts to keep and the
// labels of pending edits that ride along.
func (p *Planning) planRouter(ctx context.Context, change peering.Change, r peering.Router, ops []peering.Operation) (peering.RouterPlan, []string, []string, error) {
	if r.Mode == peering.Observe {
		return peering.RouterPlan{}, nil, nil, peering.Errorf(peering.Denied, "the router is in mode observe: set it to mode propose (a person pastes) or manage before changes are planned there: peerflow router mode %s propose", r.Name)
	}
	desired, err := p.Intent.Desired(ctx, r.ID)
	if err != nil {
		return peering.RouterPlan{}, nil, nil, err
	}
	dev, err := p.Access.open(ctx, r)
	if err != nil {
		return peering.RouterPlan{}, nil, nil, err
	}
	defer dev.close()
	if err := dev.plannable(); err != nil {
		return peering.RouterPlan{}, nil, nil, err
	}
	c, err := compare(ctx, dev, desired, ops, !p.NoProvenance)
	if err != nil {
		return peering.RouterPlan{}, nil, nil, err
	}
	moves, labels, err := p.moves(ctx, change, c)
	if err != nil || len(moves) == 0 {
		return peering.RouterPlan{}, nil, nil, err
	}
	if err := p.Plans.StoreOrigins(ctx, c.origins(moves)); err != nil {
		return peering.RouterPlan{}, nil, nil, err
	}
	return p.describe(ctx, dev, desired, ops, c, moves, labels)
}

// comparison is one router's owned stanzas three times.
type comparison struct {
	router                 peering.Router
	without, with, running map[string]peering.Stanza
	lines                  map[string][]peering.LineOrigin // of with: where its lines come from, by key
	held                   map[string]string               // stanzas that run more open than the record, which holds them shut: key to reason
}

// compare says where the lines come from if it is to trace them.
func compare(ctx context.Context, dev device, desired peering.Desired, ops []peering.Operation, trace bool) (comparison, error) {
	without, err := stanzas(ctx, dev, desired)
	if err != nil {
		return comparison{}, err
	}
	changed, err := desired.Apply(ops)
	if err != nil {
		return comparison{}, err
	}
	var with map[string]peering.Stanza
	var lines map[string][]peering.LineOrigin
	if trace {
		with, lines, err = stanzasWithOrigins(ctx, dev, changed)
	} else {
		with, err = stanzas(ctx, dev, changed)
	}
	if err != nil {
		return comparison{}, err
	}
	now, err := dev.owned(ctx, slices.Concat(secretsOf(without), secretsOf(with)))
	if err != nil {
		return comparison{}, err
	}
	running, err := peering.StanzaMap(now.Stanzas)
	return comparison{router: dev.router, without: without, with: with, lines: lines, running: running, held: held(changed, with, running)}, err
}

// held finds the sessions that a person or the export guard shut on the router,
// and that its configuration would open again: a router may have a session closed
// without its configuration saying so. Any artifact has to close them.
func held(d peering.Desired, with, running map[string]peering.Stanza) map[string]string {
	keys := map[string]string{}
	for _, s := range d.Held() {
		for key, now := range running {
			if want, renders := with[key]; now.Neighbor == s.PeerAddress && renders && want.Text != now.Text {
				keys[key] = cmp.Or(s.HeldReason, "shut down by hand")
			}
		}
	}
	return keys
}

func stanzas(ctx context.Context, dev device, d peering.Desired) (map[string]peering.Stanza, error) {
	text, err := render.Router(ctx, d)
	if err != nil {
		return nil, err
	}
	return peering.CutTemplate(dev.platform.Syntax(), dev.platform.Name(), d.Template, text)
}

// stanzasWithOrigins is stanzas, with where their lines come from.
func stanzasWithOrigins(ctx context.Context, dev device, d peering.Desired) (map[string]peering.Stanza, map[string][]peering.LineOrigin, error) {
	text, lines, err := render.RouterWithOrigins(ctx, d)
	if err != nil {
		return nil, nil, err
	}
	cut, err := peering.CutTemplate(dev.platform.Syntax(), dev.platform.Name(), d.Template, text)
	return cut, peering.Origins(text, lines, slices.Collect(maps.Values(cut))), err
}

// origins are where the lines of the moved stanzas come from, by the hash of their text.
func (c comparison) origins(moves []peering.Move) map[string][]peering.LineOrigin {
	known := map[string][]peering.LineOrigin{}
	for _, m := range moves {
		if lines, ok := c.lines[m.Key]; ok && c.with[m.Key].Hash() == m.After {
			known[m.After] = lines
		}
	}
	return known
}

func secretsOf(m map[string]peering.Stanza) []peering.SecretRef {
	var refs []peering.SecretRef
	for _, s := range m {
		found, err := peering.SecretRefs(s.Text)
		if err == nil {
			refs = append(refs, found...)
		}
	}
	return refs
}

func (p *Planning) describe(ctx context.Context, dev device, desired peering.Desired, ops []peering.Operation, c comparison, moves []peering.Move, labels []string) (peering.RouterPlan, []string, []string, error) {
	composed, err := peering.Compose(c.running, moves, c.with)
	if err != nil {
		return peering.RouterPlan{}, nil, nil, err
	}
	base, err := dev.text(slices.Collect(maps.Values(c.running)))
	if err != nil {
		return peering.RouterPlan{}, nil, nil, err
	}
	artifact, err := dev.text(composed)
	if err != nil {
		return peering.RouterPlan{}, nil, nil, err
	}
	after, err := peering.StanzaMap(composed)
	if err != nil {
		return peering.RouterPlan{}, nil, nil, err
	}
	neighbors, err := dev.neighbors(ctx)
	if err != nil {
		return peering.RouterPlan{}, nil, nil, err
	}
	changed, err := desired.Apply(ops)
	if err != nil {
		return peering.RouterPlan{}, nil, nil, err
	}
	deployed, err := p.Intent.DeployedSessions(ctx, dev.router.ID)
	if err != nil {
		return peering.RouterPlan{}, nil, nil, err
	}
	touched := peering.Touch(dev.platform.Syntax(), c.running, after, moves)
	t := toucher{desired: changed, before: desired, neighbors: neighbors, stanzas: c.running, reached: peering.Reached(c.running, after, moves), own: map[netip.Addr]bool{}, deployed: deployed}
	for _, m := range moves {
		t.own[after[m.Key].Neighbor] = true
	}
	for i := range touched {
		touched[i] = t.fill(touched[i])
	}
	if err := foreign(dev.router.Name, changed, touched, peering.TakenOver(touched, c.running, neighbors)); err != nil {
		return peering.RouterPlan{}, nil, nil, err
	}
	if err := proposable(dev, base, artifact); err != nil {
		return peering.RouterPlan{}, nil, nil, err
	}
	one := peering.RouterPlan{
		RouterID: dev.router.ID, Router: dev.router.Name, Mode: dev.router.Mode, BaseHash: peering.HashText(base), ArtifactHash: peering.HashText(artifact),
		Diff: peering.HideSecrets(peering.Diff(c.running, composed)), Moves: moves, Refers: peering.References(after, moves), Touched: touched,
		Filters: peering.Filters(c.running, after, moves), Warnings: dev.warnings(ctx, artifact),
	}
	texts := []string{artifact, base}
	for _, m := range moves {
		if m.After != "" {
			texts = append(texts, c.with[m.Key].Text)
		}
	}
	return one, texts, labels, nil
}

// WaitingChanges lists the open changes that a deployment on a router may have
// overtaken: they look at their plans again.
func (p *Planning) WaitingChanges(ctx context.Context, changeID int64) ([]int64, error) {
	change, err := p.Changes.Change(ctx, changeID)
	if err != nil || change.PlanID == 0 {
		return nil, fail(err)
	}
	plan, err := p.Plans.Plan(ctx, change.PlanID)
	if err != nil {
		return nil, fail(err)
	}
	var waiting []int64
	for _, r := range plan.Routers {
		ids, err := p.Changes.WaitingChanges(ctx, r.RouterID, changeID)
		if err != nil {
			return nil, fail(err)
		}
		waiting = append(waiting, ids...)
	}
	slices.Sort(waiting)
	return slices.Compact(waiting), nil
}
