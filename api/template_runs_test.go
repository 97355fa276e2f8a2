package api

import (
	"testing"

	"peerflow/internal/peering"
)

func TestARunIsOfARecordedTemplateOrOfAText(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text    RunText
		kind    peering.TemplateKind
		subject string
		dataset peering.Dataset
		wrong   bool
	}{
		"a recorded mail":                         {RunText{TemplateID: 2}, peering.MailTemplate, "", "", false},
		"a text, with what goes with it":          {RunText{Body: "x", Lenient: true}, peering.MailTemplate, "s", "", false},
		"an export's text, with its dataset":      {RunText{Body: "x"}, peering.ExportTemplate, "", "routers", false},
		"neither":                                 {RunText{}, peering.MailTemplate, "", "", true},
		"a subject alone":                         {RunText{}, peering.MailTemplate, "s", "", true},
		"both":                                    {RunText{TemplateID: 2, Body: "x"}, peering.MailTemplate, "", "", true},
		"a recorded one with a switch":            {RunText{TemplateID: 2, TrimBlocks: true}, peering.MailTemplate, "", "", true},
		"a recorded one with another's subject":   {RunText{TemplateID: 2}, peering.MailTemplate, "s", "", true},
		"a recorded one with another's dataset":   {RunText{TemplateID: 2}, peering.ExportTemplate, "", "routers", true},
		"a text with a dataset that isn't there":  {RunText{Body: "x"}, peering.ExportTemplate, "", "nosuch", true},
		"a mail with a dataset, which has nobody": {RunText{Body: "x"}, peering.MailTemplate, "", "routers", true},
	} {
		got, err := c.text.template(c.kind, c.subject, c.dataset)
		if (peering.KindOf(err) == peering.Invalid) != c.wrong || err == nil && (got.Kind != c.kind || got.ID != c.text.TemplateID || got.Subject != c.subject || got.Lenient != c.text.Lenient) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
