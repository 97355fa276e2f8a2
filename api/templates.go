package api

import (
	"context"
	"net/http"

	"peerflow/internal/peering"
)

// Templates tries templates without saving them.
type Templates interface {
	// Preview renders a template for a router; nil is the router's own. What the
	// template leaves out (engine, mode) is the router's own template's, if it has one.
	Preview(ctx context.Context, routerID int64, t *peering.Template) (peering.Preview, error)
	// Starters are templates to begin with, by platform.
	Starters() []peering.Starter
}

type previewInput struct {
	ByID
	Body *TemplateText `required:"false"`
}

// TemplateText is a template that isn't saved.
type TemplateText struct {
	Body         string                 `json:"body" minLength:"1" maxLength:"1048576" doc:"the template's text"`
	Name         string                 `json:"name,omitempty" maxLength:"100" doc:"what errors call it; \"preview\" when left out"`
	Engine       peering.TemplateEngine `json:"engine,omitempty" enum:"jinja2,pongo2" doc:"jinja2 when left out"`
	Lenient      bool                   `json:"lenient,omitempty" doc:"what doesn't exist prints as nothing, instead of failing the rendering"`
	TrimBlocks   bool                   `json:"trim_blocks,omitempty" doc:"drop the newline after a block"`
	LstripBlocks bool                   `json:"lstrip_blocks,omitempty" doc:"drop blanks before a block at the start of a line"`
}

func (t *TemplateText) template() *peering.Template {
	if t == nil {
		return nil
	}
	made := peering.Template{Name: t.Name, Mode: peering.ModeStanza, Engine: t.Engine, Body: t.Body, Lenient: t.Lenient, TrimBlocks: t.TrimBlocks, LstripBlocks: t.LstripBlocks}
	if made.Name == "" {
		made.Name = "preview"
	}
	if made.Engine == "" {
		made.Engine = peering.EngineJinja2
	}
	return &made
}

func (s *server) registerTemplates() {
	add(s, operation{method: http.MethodPost, path: "/api/v1/routers/{id}/preview", role: peering.Operator, tag: "templates", summary: "Preview a template on a router",
		description: "Renders a template for a router as it is recorded now, and compares it with what was deployed there last. Nothing is saved, and the router isn't asked. " +
			"Without a body it is the router's own template. A template that fails is an error (422) with its line."},
		func(ctx context.Context, in *previewInput) (*answer[peering.Preview], error) {
			return say(s.Templates.Preview(ctx, in.ID, in.Body.template()))
		})
	add(s, operation{method: http.MethodGet, path: "/api/v1/template-starters", role: peering.Viewer, tag: "templates", summary: "Templates to begin with",
		description: "One per platform, each as its author would record it: take the one that fits as a template of your own, and go on from there."},
		func(context.Context, *struct{}) (*answer[listed[peering.Starter]], error) {
			return sayAll(s.Templates.Starters(), nil)
		})
}
