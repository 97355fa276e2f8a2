// Package render turns what is recorded for a router into its configuration
// text: it offers the desired state to the router's template as plain values
// and runs the template engine over them.
//
// It reads no database, opens no network and starts no process. Secrets appear
// as placeholders only. Start with model.go for what a template sees, and
// project.go for what becomes of a router's records there; each noun's file lists
// the fields that it offers, filters.go the filters. starter/ holds templates to
// begin with.
package render

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// limit is the longest that one router's template may run.
const limit = 30 * time.Second

// Router renders the text of what peerflow owns on a router. A failing template
// gives an error that names template and line, and never a text.
func Router(ctx context.Context, d peering.Desired) (string, error) {
	return router(ctx, d, plain)
}

// renderer runs a parsed template.
type renderer func(*jinja.Template, context.Context, *jinja.Dict) (string, error)

func plain(tmpl *jinja.Template, ctx context.Context, vars *jinja.Dict) (string, error) {
	return tmpl.Render(ctx, vars)
}

func router(ctx context.Context, d peering.Desired, r renderer) (string, error) {
	if d.Template.ID == 0 {
		return "", peering.Errorf(peering.Invalid, "router %s has no template: give it one", d.Router.Name)
	}
	if err := d.CheckLimits(); err != nil {
		return "", err
	}
	text, err := run(ctx, d, r)
	if err != nil {
		return "", err
	}
	if err := heeded(ctx, d, text); err != nil {
		return "", err
	}
	return checked(d, text)
}

// run renders, and makes sure of every secret in the text.
func run(ctx context.Context, d peering.Desired, r renderer) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	secrets := &printing{}
	text, err := once(ctx, d, secrets, r)
	if err == nil && !secrets.accountFor(text) {
		err = proof(ctx, d, text)
	}
	if err != nil {
		return "", err
	}
	return text, nil
}

// once renders, with secrets in the form that is given.
func once(ctx context.Context, d peering.Desired, secrets *printing, r renderer) (string, error) {
	if d.Template.Engine == peering.EnginePongo2 {
		text, err := renderPongo(ctx, d, secrets)
		if err != nil {
			return "", invalid(d.Template.Name, err)
		}
		return text, nil
	}
	network, router := project(d)
	around := surroundingsOf(d)
	around.secrets = secrets
	return renderText(around.in(ctx), d.Template, variables(d, network, router), r)
}

// renderText runs a template, within its time.
func renderText(ctx context.Context, t peering.Template, vars *jinja.Dict, r renderer) (string, error) {
	tmpl, err := environment(t).Parse(t.Name, t.Body)
	if err != nil {
		return "", invalid(t.Name, err)
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	text, err := r(tmpl, limited, vars)
	if err != nil {
		return "", invalid(t.Name, err)
	}
	return text, nil
}

// variables are what a router's template is given: Peering Manager's, and the sessions and policies that our own go by.
func variables(d peering.Desired, network *Network, router *RouterRecord) *jinja.Dict {
	root := network.configuration(router)
	byRecord := slices.Clone(network.Sessions)
	slices.SortFunc(byRecord, func(a, b *Session) int { return byID(a, b) })
	root.SetStr("sessions", listOf(byRecord))
	root.SetStr("policies", lazy("RoutingPolicy", func() *querySet { return usedPolicies(d, network) }))
	return root
}

// usedPolicies are those that take effect on a session, by slug.
func usedPolicies(d peering.Desired, network *Network) *querySet {
	used := map[int64]bool{}
	for _, s := range d.SessionsInOrder() {
		for _, dir := range []peering.Direction{peering.Import, peering.Export} {
			for _, e := range d.PolicyOf(s, dir, s.Families...) {
				used[e.Value.ID] = true
			}
		}
	}
	list := only(network.Policies, func(p *RoutingPolicy) bool { return used[p.ID] })
	slices.SortFunc(list, func(a, b *RoutingPolicy) int { return cmp.Or(cmp.Compare(a.Slug, b.Slug), byID(a, b)) })
	return rows("RoutingPolicy", list)
}

// checked refuses an empty rendering where sessions are wanted, and one that forgets a VRF.
func checked(d peering.Desired, text string) (string, error) {
	if strings.TrimSpace(text) == "" && len(d.SessionsInOrder()) > 0 {
		return "", peering.Errorf(peering.Invalid, "template %s renders nothing for %d sessions: is it for another platform?", d.Template.Name, len(d.SessionsInOrder()))
	}
	for _, s := range d.SessionsInOrder() {
		if s.VRF != "" && !strings.Contains(text, s.VRF) {
			return "", peering.Errorf(peering.Unsupported, "template %s doesn't name VRF %s of session %d with %s: it would configure the session in the global table", d.Template.Name, s.VRF, s.ID, s.PeerAS)
		}
	}
	return text, nil
}

// invalid makes a template's failure an invalid input, unless the context ended it.
func invalid(template string, err error) error {
	var failed *jinja.Error
	if errors.As(err, &failed) && failed.Class == jinja.CancelledErr {
		return peering.Errorf(peering.Unavailable, "template %s: %w", template, err)
	}
	if failed != nil && failed.Template == template { // which the error begins with
		return peering.Errorf(peering.Invalid, "template %w", err)
	}
	return peering.Errorf(peering.Invalid, "template %s: %w", template, err)
}

// environments are few: one per combination of a template's switches. Each
// keeps its parsed templates by content.
var environments sync.Map

type switches struct {
	trim, lstrip bool
	undefined    jinja.UndefinedPolicy
}

func environment(t peering.Template) *jinja.Environment {
	if t.Lenient {
		return environmentWith(t, jinja.UndefinedDefault)
	}
	return environmentWith(t, jinja.UndefinedStrict)
}

// forgiving renders as much of a template as can be.
func forgiving(t peering.Template) *jinja.Environment {
	return environmentWith(t, jinja.UndefinedChainable)
}

func environmentWith(t peering.Template, policy jinja.UndefinedPolicy) *jinja.Environment {
	key := switches{t.TrimBlocks, t.LstripBlocks, policy}
	if env, ok := environments.Load(key); ok {
		return env.(*jinja.Environment)
	}
	env, _ := environments.LoadOrStore(key, jinja.NewEnvironment(jinja.Options{
		TrimBlocks: t.TrimBlocks, LstripBlocks: t.LstripBlocks, Undefined: policy,
		Loader: loader{}, Filters: filters, Globals: globals, Tags: includeTags, Chance: chance,
	}))
	return env.(*jinja.Environment)
}
