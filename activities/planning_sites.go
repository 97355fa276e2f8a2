package activities

import (
	"context"
	"fmt"
	"slices"

	"go.temporal.io/sdk/activity"

	"peerflow/internal/peering"
)

// ScopeResult says whether a change may be planned, and at which sites its
// routers are read, by slug.
type ScopeResult struct {
	BlockedBy int64    `json:"blocked_by,omitempty"` // an earlier open change touches the same object
	Sites     []string `json:"sites,omitempty"`
}

// ScopeChange begins a planning: what an earlier one found is forgotten.
func (p *Planning) ScopeChange(ctx context.Context, changeID int64) (ScopeResult, error) {
	blocker, err := p.Changes.ConflictingChange(ctx, changeID)
	if err != nil || blocker != 0 {
		return ScopeResult{BlockedBy: blocker}, fail(err)
	}
	r, err := p.reach(ctx, changeID)
	if err != nil {
		return ScopeResult{}, fail(err)
	}
	sites := slices.Compact(slices.Sorted(slices.Values(r.sites)))
	if len(sites) > 1 {
		err = p.Plans.DropParts(ctx, changeID)
	}
	return ScopeResult{Sites: sites}, fail(err)
}

// PlanInput names a change, and the site whose routers are read. The last of a
// change's sites puts the plan together.
type PlanInput struct {
	Change int64  `json:"change"`
	Site   string `json:"site"`
	Last   bool   `json:"last"`
}

// reached is a change with the routers that it may reach.
type reached struct {
	change  peering.Change
	ops     []peering.Operation
	routers []peering.Router
	sites   []string // of the routers, by slug
}

func (p *Planning) reach(ctx context.Context, changeID int64) (r reached, err error) {
	if r.change, err = p.Changes.Change(ctx, changeID); err != nil {
		return r, err
	}
	if r.ops, err = p.Changes.Overlay(ctx, changeID); err != nil {
		return r, err
	}
	if r.change.Kind == peering.KindProvision && len(r.ops) == 0 {
		if err = peering.ForeignLeft(r.change.Omissions); err != nil {
			return r, err
		}
	}
	if r.routers, err = p.affected(ctx, r.change, r.ops); err != nil {
		return r, err
	}
	for _, router := range r.routers {
		site, err := p.Intent.SiteOf(ctx, router.ID)
		if err != nil {
			return r, err
		}
		r.sites = append(r.sites, site)
	}
	return r, nil
}

// planSite plans the routers of one site, and gives the texts that the plan names.
// Sessions that a router has by somebody else's hand leave the change.
func (p *Planning) planSite(ctx context.Context, r *reached, site string) (parts []peering.PlanPart, texts []string, err error) {
	for i, router := range r.routers {
		if r.sites[i] != site {
			continue
		}
		activity.RecordHeartbeat(ctx, router.Name)
		one, more, pending, err := p.planWithoutForeign(ctx, r, router)
		if err != nil {
			return nil, nil, fmt.Errorf("plan router %s: %w", router.Name, err)
		}
		one.RouterID = router.ID
		parts, texts = append(parts, peering.PlanPart{RouterPlan: one, Pending: pending}), append(texts, more...)
	}
	return parts, texts, nil
}

// together adds what other sites found, in the order of the routers. One that
// nobody has planned is left out.
func (p *Planning) together(ctx context.Context, r reached, here []peering.PlanPart) ([]peering.PlanPart, error) {
	if len(here) == len(r.routers) {
		return here, nil
	}
	stored, err := p.Plans.Parts(ctx, r.change.ID)
	if err != nil {
		return nil, err
	}
	var all []peering.PlanPart
	for _, router := range r.routers {
		of := func(part peering.PlanPart) bool { return part.RouterID == router.ID }
		for _, parts := range [][]peering.PlanPart{here, stored} {
			if i := slices.IndexFunc(parts, of); i >= 0 {
				all = append(all, parts[i])
				break
			}
		}
	}
	return all, nil
}
