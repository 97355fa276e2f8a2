package cmd

import (
	"context"
	"time"

	"peerflow/internal/peering"
	"peerflow/internal/render"
)

func (t templating) Mail(ctx context.Context, mail peering.Template, to, from int64) (peering.MailPreview, error) {
	return runOver(ctx, t, mail, func(ctx context.Context, mail peering.Template, all peering.Inventory) (peering.MailPreview, error) {
		return render.Mail(ctx, mail, all, to, from, time.Now())
	})
}

func (t templating) Export(ctx context.Context, export peering.Template) (peering.ExportRun, error) {
	return runOver(ctx, t, export, func(ctx context.Context, export peering.Template, all peering.Inventory) (peering.ExportRun, error) {
		return render.Export(ctx, export, all, time.Now())
	})
}

// runOver runs a template over everything that is recorded, in its turn. One with an id is the recorded one, which has to be of its kind.
func runOver[T any](ctx context.Context, t templating, tried peering.Template, run func(context.Context, peering.Template, peering.Inventory) (T, error)) (none T, err error) {
	ctx, done, err := t.turn(ctx)
	if err != nil {
		return none, err
	}
	defer done()
	if tried.ID != 0 {
		recorded, err := t.db.Templates().Get(ctx, tried.ID)
		if err != nil {
			return none, err
		}
		if recorded.Kind != tried.Kind {
			return none, peering.Errorf(peering.Invalid, "template %s is of kind %s, and not %s: %s", recorded.Name, recorded.Kind, tried.Kind, triedBy[recorded.Kind])
		}
		tried = recorded
	}
	library, err := t.library(ctx)
	if err != nil {
		return none, err
	}
	all, err := t.db.Inventory(ctx, needsOf(tried, library))
	if err != nil {
		return none, err
	}
	return run(ctx, tried, all)
}

// triedBy is how templates of each kind are tried.
var triedBy = map[peering.TemplateKind]string{
	peering.RouterTemplate: "peerflow template preview ROUTER shows what a router's gives",
	peering.MailTemplate:   "peerflow template preview --as AS64501 shows a mail",
	peering.ExportTemplate: "peerflow template run runs an export",
}

// needsOf is what a template and its subject may ask for of what is large.
func needsOf(t peering.Template, library map[int64]peering.Template) peering.Needs {
	t.ID = max(t.ID, 1)
	subject := t
	subject.Body = t.Subject
	return render.Needs(t, library).Or(render.Needs(subject, library))
}
