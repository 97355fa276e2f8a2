package cmd

import (
	"context"
	"maps"
	"slices"
	"time"

	"peerflow/db"
	"peerflow/internal/peering"
	"peerflow/internal/render"
)

// templating tries templates over what is recorded, a few at a time: one may take
// half a gigabyte.
type templating struct {
	db    *db.DB
	slots chan struct{}
}

// patience is how long a template that is tried may run, and wait for its turn.
const patience = 20 * time.Second

func newTemplating(d *db.DB) templating {
	return templating{d, make(chan struct{}, 2)}
}

func (t templating) Starters() []peering.Starter { return render.Starters() }

func (t templating) Preview(ctx context.Context, routerID int64, try *peering.Template) (peering.Preview, error) {
	ctx, done, err := t.turn(ctx)
	if err != nil {
		return peering.Preview{}, err
	}
	defer done()
	desired, err := t.tried(ctx, routerID, try)
	if err != nil {
		return peering.Preview{}, err
	}
	text, err := render.Router(ctx, desired)
	if err != nil {
		return peering.Preview{}, err
	}
	p, err := t.compared(ctx, desired, text)
	if err != nil {
		return peering.Preview{}, err
	}
	p.Template, p.Findings = desired.Template.Name, render.Check(ctx, desired.Template, desired.Templates, []peering.Desired{desired})
	return p, nil
}

// compared is a text beside what was deployed last. One that peerflow can't deploy is shown all the same: people take it to routers.
func (t templating) compared(ctx context.Context, desired peering.Desired, text string) (peering.Preview, error) {
	if mode := desired.Template.Mode; mode != peering.ModeStanza {
		return peering.PreviewOfMode(desired.Router, mode, text), nil
	}
	platform, syntax, err := t.syntax(ctx, desired.Router)
	if err != nil {
		return peering.Preview{}, err
	}
	rendered, err := peering.CutTemplate(syntax, platform, desired.Template, text)
	if err != nil {
		return peering.Preview{}, err
	}
	deployed, err := t.deployed(ctx, desired.Router.ID, syntax)
	if err != nil {
		return peering.Preview{}, err
	}
	return peering.PreviewOf(desired.Router, text, deployed, rendered), nil
}

// tried is what a router is rendered from, with a template in the place of its own; nil: with its own.
func (t templating) tried(ctx context.Context, routerID int64, try *peering.Template) (peering.Desired, error) {
	if try == nil {
		return t.db.Desired(ctx, routerID)
	}
	desired, err := t.db.DesiredFor(ctx, routerID, peering.AllNeeds)
	if err != nil {
		return desired, err
	}
	tried := try.Or(desired.Template)
	tried.ID = max(desired.Template.ID, 1)
	desired.Template = tried
	return desired, nil
}

// turn waits for the turn of a template, and gives it the time that it has; done ends both.
func (t templating) turn(ctx context.Context) (limited context.Context, done func(), err error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	select {
	case t.slots <- struct{}{}:
		return limited, func() { <-t.slots; cancel() }, nil
	case <-limited.Done():
		cancel()
		return nil, nil, peering.Errorf(peering.Unavailable, "other templates are being tried: try again in a moment")
	}
}

// syntax is that of a router's platform, and the platform's name.
func (t templating) syntax(ctx context.Context, r peering.Router) (string, peering.Syntax, error) {
	platform, err := t.db.Driver(ctx, r.PlatformID)
	if err != nil {
		return "", nil, err
	}
	syntax, err := syntaxOf(platform)
	return platform, syntax, err
}

func (t templating) Provenance(ctx context.Context, routerID int64, artifact string) ([]peering.LineWhy, error) {
	router, err := t.db.Routers().Get(ctx, routerID)
	if err != nil {
		return nil, err
	}
	_, syntax, err := t.syntax(ctx, router)
	if err != nil {
		return nil, err
	}
	stanzas, err := t.stanzasOf(ctx, router.ID, artifact, syntax)
	if err != nil {
		return nil, err
	}
	hashes := make([]string, len(stanzas))
	for i, s := range stanzas {
		hashes[i] = s.Hash()
	}
	known, err := t.db.Origins(ctx, hashes)
	return peering.WhyLines(stanzas, known), err
}

// stanzasOf cuts an artifact, or what was deployed last put together.
func (t templating) stanzasOf(ctx context.Context, routerID int64, artifact string, syntax peering.Syntax) ([]peering.Stanza, error) {
	if artifact != "" {
		texts, err := t.db.Texts(ctx, []string{artifact})
		if err != nil {
			return nil, err
		}
		return syntax.Split(texts[artifact])
	}
	deployed, err := t.deployed(ctx, routerID, syntax)
	if err != nil {
		return nil, err
	}
	text, err := syntax.Join(slices.Collect(maps.Values(deployed)))
	if err != nil {
		return nil, err
	}
	return syntax.Split(text)
}

// deployed are the stanzas that the last confirmed deployments left on a router.
func (t templating) deployed(ctx context.Context, routerID int64, syntax peering.Syntax) (map[string]peering.Stanza, error) {
	ledger, err := t.db.Ledger(ctx, routerID)
	if err != nil {
		return nil, err
	}
	var hashes []string
	for _, hash := range ledger {
		if hash != "" {
			hashes = append(hashes, hash)
		}
	}
	texts, err := t.db.Texts(ctx, hashes)
	if err != nil {
		return nil, err
	}
	var stanzas []peering.Stanza
	for _, text := range texts {
		cut, err := syntax.Split(text)
		if err != nil {
			return nil, err
		}
		stanzas = append(stanzas, cut...)
	}
	return peering.StanzaMap(stanzas)
}
