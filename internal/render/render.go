// Package render turns what is recorded for a router into its configuration
// text: it offers the desired state to the router's template as plain values
// and runs the template engine over them.
//
// It reads no database, opens no network and starts no process. Secrets appear
// as placeholders only. Start with view.go for what a template sees; starter/
// holds templates to begin with.
package render

import (
	"context"
	"errors"
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
	if d.Template.ID == 0 {
		return "", peering.Errorf(peering.Invalid, "router %s has no template: give it one", d.Router.Name)
	}
	if d.Template.Engine == peering.EnginePongo2 {
		return "", peering.Errorf(peering.Unsupported, "template %s: this build renders jinja2 only", d.Template.Name)
	}
	if err := d.CheckLimits(); err != nil {
		return "", err
	}
	text, err := run(ctx, d)
	if err != nil {
		return "", err
	}
	if err := heeded(ctx, d, text); err != nil {
		return "", err
	}
	return checked(d, text)
}

func run(ctx context.Context, d peering.Desired) (string, error) {
	tmpl, err := environment(d.Template).Parse(d.Template.Name, d.Template.Body)
	if err != nil {
		return "", invalid(d.Template.Name, err)
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	text, err := tmpl.Render(limited, newView(d).context())
	if err != nil {
		return "", invalid(d.Template.Name, err)
	}
	return text, nil
}

// checked refuses an empty rendering where sessions are wanted, and text that
// would name a secret in any way but as the secret's own value.
func checked(d peering.Desired, text string) (string, error) {
	if strings.TrimSpace(text) == "" && len(d.SessionsInOrder()) > 0 {
		return "", peering.Errorf(peering.Invalid, "template %s renders nothing for %d sessions: is it for another platform?", d.Template.Name, len(d.SessionsInOrder()))
	}
	refs, err := peering.SecretRefs(text)
	if err != nil {
		return "", peering.Errorf(peering.Invalid, "template %s: %w", d.Template.Name, err)
	}
	offered := secretsOf(d)
	for _, ref := range refs {
		if !offered[peering.SecretRef{ID: ref.ID, Version: ref.Version}] {
			return "", peering.Errorf(peering.Invalid, "template %s prints secret %d version %d, which no session of router %s has", d.Template.Name, ref.ID, ref.Version, d.Router.Name)
		}
	}
	return text, nil
}

func secretsOf(d peering.Desired) map[peering.SecretRef]bool {
	refs := map[peering.SecretRef]bool{}
	for _, s := range d.Sessions {
		if !s.Password.IsZero() {
			refs[peering.SecretRef{ID: s.Password.ID, Version: s.Password.Version}] = true
		}
	}
	return refs
}

// invalid makes a template's failure an invalid input, unless the context ended it.
func invalid(template string, err error) error {
	var failed *jinja.Error
	if errors.As(err, &failed) && failed.Class == jinja.CancelledErr {
		return peering.Errorf(peering.Unavailable, "template %s: %w", template, err)
	}
	return peering.Errorf(peering.Invalid, "template %s: %w", template, err)
}

// environments are few: one per combination of a template's switches. Each
// keeps its parsed templates by content.
var environments sync.Map

type switches struct{ trim, lstrip, lenient bool }

func environment(t peering.Template) *jinja.Environment {
	key := switches{t.TrimBlocks, t.LstripBlocks, t.Lenient}
	if env, ok := environments.Load(key); ok {
		return env.(*jinja.Environment)
	}
	policy := jinja.UndefinedStrict
	if t.Lenient {
		policy = jinja.UndefinedDefault
	}
	env, _ := environments.LoadOrStore(key, jinja.NewEnvironment(jinja.Options{
		TrimBlocks: t.TrimBlocks, LstripBlocks: t.LstripBlocks, Undefined: policy,
	}))
	return env.(*jinja.Environment)
}
