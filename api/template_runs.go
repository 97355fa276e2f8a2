package api

import (
	"context"
	"net/http"

	"peerflow/internal/peering"
)

// RunText is a recorded template, or one that isn't saved.
type RunText struct {
	TemplateID   int64  `json:"template_id,omitempty" minimum:"1" doc:"the recorded template; without it, body is one that isn't saved"`
	Name         string `json:"name,omitempty" maxLength:"100" doc:"what errors call a body; \"preview\" when left out"`
	Body         string `json:"body,omitempty" maxLength:"1048576" doc:"the template's text"`
	Lenient      bool   `json:"lenient,omitempty" doc:"what doesn't exist prints as nothing, instead of failing the rendering"`
	TrimBlocks   bool   `json:"trim_blocks,omitempty" doc:"drop the newline after a block"`
	LstripBlocks bool   `json:"lstrip_blocks,omitempty" doc:"drop blanks before a block at the start of a line"`
}

// template is the template that is meant, of a kind; subject and dataset are an unsaved one's.
func (r RunText) template(kind peering.TemplateKind, subject string, dataset peering.Dataset) (peering.Template, error) {
	unsaved := r
	unsaved.TemplateID = 0
	switch {
	case r.TemplateID == 0 && r.Body == "":
		return peering.Template{}, peering.NewError(peering.Invalid, "the request has neither template_id nor body: name a recorded template, or send a text")
	case r.TemplateID != 0 && (unsaved != RunText{} || subject != "" || dataset != ""):
		return peering.Template{}, peering.NewError(peering.Invalid, "the request has a template_id and fields of a text: a recorded template is run as it is recorded")
	case r.TemplateID != 0:
		return peering.Template{Meta: peering.Meta{ID: r.TemplateID}, Kind: kind}, nil
	}
	text := TemplateText{Body: r.Body, Name: r.Name, Lenient: r.Lenient, TrimBlocks: r.TrimBlocks, LstripBlocks: r.LstripBlocks}
	t := *text.template()
	t.Kind, t.Subject, t.Dataset = kind, subject, dataset
	return t, t.Complete()
}

// MailTrial is a mail that is to be previewed.
type MailTrial struct {
	RunText
	Subject   string `json:"subject,omitempty" maxLength:"512" doc:"of a body; a template, too"`
	LocalASID int64  `json:"local_as_id,omitempty" minimum:"1" doc:"our network that autonomous_systems begins with; the first of ours when left out"`
}

type mailInput struct {
	ByID
	Body MailTrial
}

// ExportTrial is an export that is to be run.
type ExportTrial struct {
	RunText
	Dataset peering.Dataset `json:"dataset,omitempty" doc:"of a body: the records that it is given" enum:"autonomous-systems,exchanges,bgp-groups,connections,direct-sessions,exchange-sessions,routing-policies,communities,routers"`
}

type exportInput struct {
	Body ExportTrial
}

func (s *server) registerTemplateRuns() {
	limits := " Nothing is saved. Its limits are those of a router's template, secrets stand as <secret v3>, and one that fails is an error (422) with its line."
	add(s, operation{method: http.MethodPost, path: "/api/v1/autonomous-systems/{id}/mail-preview", role: peering.Operator, tag: "templates", summary: "Preview a mail to a network",
		description: "Renders subject and text of a mail to a network, over what is recorded now: autonomous_system is the network, affiliated_autonomous_systems are all of ours, " +
			"and autonomous_systems are one of ours and the network. No mail is sent." + limits},
		func(ctx context.Context, in *mailInput) (*answer[peering.MailPreview], error) {
			t, err := in.Body.template(peering.MailTemplate, in.Body.Subject, "")
			if err != nil {
				return nil, err
			}
			return say(s.Templates.Mail(ctx, t, in.ID, in.Body.LocalASID))
		})
	add(s, operation{method: http.MethodPost, path: "/api/v1/templates/run", role: peering.Operator, tag: "templates", summary: "Run an export",
		description: "Renders an export over all records of its dataset, of all routers, as they are recorded now." + limits},
		func(ctx context.Context, in *exportInput) (*answer[peering.ExportRun], error) {
			t, err := in.Body.template(peering.ExportTemplate, "", in.Body.Dataset)
			if err != nil {
				return nil, err
			}
			return say(s.Templates.Export(ctx, t))
		})
}
