package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"peerflow/internal/peering"
)

// Templates tries templates without saving them.
type Templates interface {
	// Preview renders a template for a router; nil is the router's own. What the
	// template leaves out (engine, mode) is the router's own template's, if it has one.
	Preview(ctx context.Context, routerID int64, t *peering.Template) (peering.Preview, error)
	// Provenance says where the lines of a text come from: of a stored artifact by
	// its hash, or of what was deployed to the router last when that is "".
	Provenance(ctx context.Context, routerID int64, artifact string) ([]peering.LineWhy, error)
	// Check looks for what is wrong with a template, on the routers of the ids or,
	// without any, on those whose recorded template has its name.
	Check(ctx context.Context, t peering.Template, routerIDs []int64) (peering.TemplateCheck, error)
	// Mail renders a mail to a network, by its id, from one of ours: 0 is the first. A
	// template with an id is the recorded one.
	Mail(ctx context.Context, t peering.Template, to, from int64) (peering.MailPreview, error)
	// Export renders an export over all records of its dataset; likewise.
	Export(ctx context.Context, t peering.Template) (peering.ExportRun, error)
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
	Mode         peering.TemplateMode   `json:"mode,omitempty" enum:"stanza,whole,merge" doc:"when left out, a preview has that of the router's own template, and a check stanza; merge is checked for what it never takes away"`
	Engine       peering.TemplateEngine `json:"engine,omitempty" enum:"jinja2,pongo2" doc:"when left out, a preview has that of the router's own template, and a check jinja2"`
	Lenient      bool                   `json:"lenient,omitempty" doc:"what doesn't exist prints as nothing, instead of failing the rendering"`
	TrimBlocks   bool                   `json:"trim_blocks,omitempty" doc:"drop the newline after a block"`
	LstripBlocks bool                   `json:"lstrip_blocks,omitempty" doc:"drop blanks before a block at the start of a line"`
}

type checkInput struct {
	Body TemplateTrial
}

// TemplateTrial is a template that is to be checked, and where.
type TemplateTrial struct {
	TemplateText
	Kind      peering.TemplateKind `json:"kind,omitempty" enum:"router,mail,export" doc:"router when left out; mails and exports are looked at by their text, and tried on no router"`
	Subject   string               `json:"subject,omitempty" maxLength:"512" doc:"of a mail: checked as its text is"`
	RouterIDs []int64              `json:"router_ids,omitempty" maxItems:"50" doc:"routers to try it on; those that use the recorded template of this name when left out"`
}

func (t *TemplateText) template() *peering.Template {
	if t == nil {
		return nil
	}
	made := peering.Template{Name: t.Name, Mode: t.Mode, Engine: t.Engine, Body: t.Body, Lenient: t.Lenient, TrimBlocks: t.TrimBlocks, LstripBlocks: t.LstripBlocks}
	if made.Name == "" {
		made.Name = "preview"
	}
	return &made
}

// LinesOf chooses lines of a router's text.
type LinesOf struct {
	ByID
	Line     int    `query:"line" minimum:"0" doc:"only this line; 0 is all"`
	Contains string `query:"contains" maxLength:"200" doc:"only lines that hold this text"`
}

type artifactInput struct {
	LinesOf
	Hash string `path:"hash" pattern:"^[0-9a-f]{64}$" doc:"of the artifact: a plan's artifact_hash, or a deployment's"`
}

func (s *server) provenance(ctx context.Context, in LinesOf, artifact string) (*answer[listed[peering.LineWhy]], error) {
	lines, err := s.Templates.Provenance(ctx, in.ID, artifact)
	lines = slices.DeleteFunc(lines, func(l peering.LineWhy) bool {
		return in.Line != 0 && l.Line != in.Line || !strings.Contains(l.Text, in.Contains)
	})
	return sayAll(lines, err)
}

func (s *server) registerTemplates() {
	why := "Each line with the template lines that wrote it and the fields of records that were printed or decided on for it, as of the planning that rendered it. " +
		"A line without places was put there before that was kept, or by another template's hand."
	add(s, operation{method: http.MethodGet, path: "/api/v1/routers/{id}/artifacts/{hash}/provenance", role: peering.Viewer, tag: "templates",
		summary: "Where an artifact's lines come from", description: why},
		func(ctx context.Context, in *artifactInput) (*answer[listed[peering.LineWhy]], error) {
			return s.provenance(ctx, in.LinesOf, in.Hash)
		})
	add(s, operation{method: http.MethodGet, path: "/api/v1/routers/{id}/provenance", role: peering.Viewer, tag: "templates",
		summary: "Where what was deployed to a router comes from", description: "Of what the last confirmed deployments left there. " + why},
		func(ctx context.Context, in *LinesOf) (*answer[listed[peering.LineWhy]], error) {
			return s.provenance(ctx, *in, "")
		})
	add(s, operation{method: http.MethodPost, path: "/api/v1/routers/{id}/preview", role: peering.Operator, tag: "templates", summary: "Preview a template on a router",
		description: "Renders a template for a router as it is recorded now, and compares it with what was deployed there last. Nothing is saved, and the router isn't asked. " +
			"Without a body it is the router's own template. A template that fails is an error (422) with its line."},
		func(ctx context.Context, in *previewInput) (*answer[peering.Preview], error) {
			return say(s.Templates.Preview(ctx, in.ID, in.Body.template()))
		})
	add(s, operation{method: http.MethodPost, path: "/api/v1/templates/check", role: peering.Operator, tag: "templates", summary: "Check a template",
		description: "Looks for what is wrong with a template, in its text and in what it renders for routers, and says of each finding what to do about it. " +
			"Nothing is saved, and no router is asked. A template that fails is a finding, not an error."},
		func(ctx context.Context, in *checkInput) (*answer[peering.TemplateCheck], error) {
			t := in.Body.template().Or(peering.Template{})
			t.Kind, t.Subject = in.Body.Kind, in.Body.Subject
			return say(s.Templates.Check(ctx, t, in.Body.RouterIDs))
		})
	s.registerTemplateRuns()
	add(s, operation{method: http.MethodGet, path: "/api/v1/template-starters", role: peering.Viewer, tag: "templates", summary: "Templates to begin with",
		description: "One per platform, each as its author would record it: take the one that fits as a template of your own, and go on from there."},
		func(context.Context, *struct{}) (*answer[listed[peering.Starter]], error) {
			return sayAll(s.Templates.Starters(), nil)
		})
}
