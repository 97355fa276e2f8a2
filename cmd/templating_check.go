package cmd

import (
	"context"
	"slices"
	"strconv"

	"peerflow/internal/peering"
	"peerflow/internal/render"
)

// mostChecked is how many routers a template is tried on, when nobody names them.
const mostChecked = 20

func (t templating) Check(ctx context.Context, try peering.Template, routerIDs []int64) (checked peering.TemplateCheck, err error) {
	ctx, done, err := t.turn(ctx)
	if err != nil {
		return checked, err
	}
	defer done()
	library, err := t.library(ctx)
	if err != nil {
		return checked, err
	}
	if len(routerIDs) == 0 {
		if routerIDs, err = t.users(ctx, library, try.Name); err != nil {
			return checked, err
		}
	}
	tried := try
	tried.ID = max(try.ID, 1)
	needs := render.Needs(tried, library)
	checked = peering.TemplateCheck{Template: try.Name, Routers: []string{}}
	var routers []peering.Desired
	for _, id := range routerIDs {
		d, err := t.db.DesiredFor(ctx, id, needs)
		if err != nil {
			return checked, err
		}
		routers, checked.Routers = append(routers, d), append(checked.Routers, d.Router.Name)
	}
	checked.Findings = render.Check(ctx, try, library, routers)
	return checked, nil
}

// users are the routers that have the template of a name; none when no such template is recorded.
func (t templating) users(ctx context.Context, library map[int64]peering.Template, name string) (ids []int64, err error) {
	for _, known := range library {
		if known.Name != name || known.Kind != peering.RouterTemplate {
			continue
		}
		used := []peering.Filter{{Field: "template_id", Values: []string{strconv.FormatInt(known.ID, 10)}}}
		routers, err := t.db.Routers().List(ctx, used, peering.Page{Limit: mostChecked})
		if err != nil {
			return nil, err
		}
		for _, r := range routers.Items {
			ids = append(ids, r.ID)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// library are all recorded templates, which another may include.
func (t templating) library(ctx context.Context) (map[int64]peering.Template, error) {
	all := map[int64]peering.Template{}
	for page := (peering.Page{Limit: 1000}); ; {
		list, err := t.db.Templates().List(ctx, nil, page)
		if err != nil {
			return nil, err
		}
		for _, known := range list.Items {
			all[known.ID] = known
		}
		if page.After = list.Next; page.After == "" {
			return all, nil
		}
	}
}
