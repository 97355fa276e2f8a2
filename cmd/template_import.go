package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"peerflow/internal/peering"
)

// foreignTemplate is a template as Peering Manager's API lists it: a configuration, an email, which has a subject, or an export
// template, which has a content type.
type foreignTemplate struct {
	ID          int64   `json:"id"`
	Name        string  `json:"name"`
	Template    string  `json:"template"`
	Subject     *string `json:"subject"`
	ContentType string  `json:"content_type"`
	Trim        bool    `json:"jinja2_trim"`
	Lstrip      bool    `json:"jinja2_lstrip"`
}

// foreignDatasets are the names here of what exports are made of there.
var foreignDatasets = map[string]peering.Dataset{
	"peering.autonomoussystem": "autonomous-systems", "peering.internetexchange": "exchanges", "peering.bgpgroup": "bgp-groups", "net.connection": "connections",
	"peering.directpeeringsession": "direct-sessions", "peering.internetexchangepeeringsession": "exchange-sessions", "peering.routingpolicy": "routing-policies",
	"bgp.community": "communities", "devices.router": "routers",
}

func (a *app) templateImport() *cobra.Command {
	return &cobra.Command{Use: "import FILE...", Short: "Record the templates of a Peering Manager",
		Long: `FILE is what its API answers, and - is standard input:

  for kind in devices/configurations messaging/emails extras/export-templates; do
    curl -s -H "Authorization: Token $TOKEN" "$PEERING_MANAGER/api/$kind/?limit=0" > ${kind##*/}.json
  done
  peerflow template import configurations.json emails.json export-templates.json

Texts stay as they are, but for includes by a number, which is another one here:
they include by name. What doesn't exist prints as nothing, as it does there
(lenient). A router's template gets the mode merge, an edit script: see what it
gives with "template preview", and what to mend with "template check". A template
that is here already is left alone.`,
		RunE: func(cc *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("%s takes files: none was given (see %[1]s --help)", cc.CommandPath())
			}
			var all []foreignTemplate
			for _, file := range args {
				listed, err := a.foreignTemplates(file)
				if err != nil {
					return fmt.Errorf("%s: %w", file, err)
				}
				all = append(all, listed...)
			}
			return a.importTemplates(cc.Context(), all)
		}}
}

// foreignTemplates reads a list of Peering Manager's API.
func (a *app) foreignTemplates(file string) ([]foreignTemplate, error) {
	text, err := a.read(file)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Next    *string            `json:"next"`
		Results *[]foreignTemplate `json:"results"`
	}
	switch err := json.Unmarshal([]byte(text), &answer); {
	case err != nil:
		return nil, usage("it isn't what Peering Manager's API answers: %v", err)
	case answer.Results == nil:
		return nil, usage(`it isn't a list of Peering Manager's API: "results" is missing`)
	case answer.Next != nil:
		return nil, usage("it is a part of the list, which goes on at %s: ask for all of it with ?limit=0", *answer.Next)
	}
	return *answer.Results, nil
}

// importTemplates records those that aren't here yet, and says of each what became of it. One that is refused doesn't keep the others from it.
func (a *app) importTemplates(ctx context.Context, all []foreignTemplate) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	names, namesakes := map[string]string{}, map[string]int{} // by "kind id", by "kind name"
	for _, f := range all {
		names[fmt.Sprintf("%s %d", f.kind(), f.ID)] = f.Name
		namesakes[fmt.Sprintf("%s %s", f.kind(), f.Name)]++
	}
	recorded, left := []peering.Template{}, 0
	for _, f := range all {
		t, err := f.here(names)
		words := ""
		switch {
		case err != nil:
		case namesakes[fmt.Sprintf("%s %s", f.kind(), f.Name)] > 1:
			err = peering.Errorf(peering.Conflict, "there are several of this name, and a name is one template's here: rename them there, or take them out of the file")
		default:
			t, words, err = importTemplate(ctx, c, t)
		}
		switch {
		case err != nil:
			left++
			fmt.Fprintf(a.errOut, "%s template %s is left out: %v\n", f.kind(), f.Name, err)
		case a.json:
			recorded = append(recorded, t)
		default:
			fmt.Fprintln(a.out, words)
		}
	}
	if a.json {
		if err := printJSON(a.out, recorded); err != nil {
			return err
		}
	}
	if left > 0 {
		return fmt.Errorf("%d of %s left out", left, count(len(all), "template"))
	}
	return nil
}

func importTemplate(ctx context.Context, c *Client, t peering.Template) (peering.Template, string, error) {
	known, err := only[peering.Template](ctx, c, "template "+t.Name, "/api/v1/templates?name="+url.QueryEscape(t.Name)+"&kind="+string(t.Kind))
	switch peering.KindOf(err) {
	case peering.NotFound:
		err = c.call(ctx, http.MethodPost, "/api/v1/templates", t, &t)
		return t, fmt.Sprintf("template/%d  %s recorded", t.ID, t.Name), err
	case "":
		return known, fmt.Sprintf("template/%d  %s is here already, and is left as it is", known.ID, known.Name), nil
	}
	return t, "", err
}

func (f foreignTemplate) kind() peering.TemplateKind {
	switch {
	case f.ContentType != "":
		return peering.ExportTemplate
	case f.Subject != nil:
		return peering.MailTemplate
	}
	return peering.RouterTemplate
}

// here is the template as it is recorded here.
func (f foreignTemplate) here(names map[string]string) (peering.Template, error) {
	t := peering.Template{Kind: f.kind(), Name: f.Name, Engine: peering.EngineJinja2, Mode: peering.ModeStanza, Lenient: true, TrimBlocks: f.Trim, LstripBlocks: f.Lstrip}
	switch t.Kind {
	case peering.RouterTemplate:
		t.Mode = peering.ModeMerge
	case peering.MailTemplate:
		t.Subject = *f.Subject
	case peering.ExportTemplate: // there the switches are stored, and not heeded
		t.TrimBlocks, t.LstripBlocks = false, false
		dataset, ok := foreignDatasets[strings.ToLower(f.ContentType)]
		if !ok {
			return t, peering.Errorf(peering.Unsupported, "exports here aren't given %s", f.ContentType)
		}
		t.Dataset = dataset
	}
	var unknown error
	t.Body = includedByNumber.ReplaceAllStringFunc(f.Template, func(tag string) string {
		part := includedByNumber.FindStringSubmatch(tag)
		name, ok := names[foreignKinds[part[2]]+" "+part[3]]
		if !ok {
			unknown = peering.Errorf(peering.Invalid, "it includes %s %s, which isn't in these files: give the file of those, too", part[2], part[3])
		}
		return part[1] + strconv.Quote(name) + part[4]
	})
	return t, unknown
}

// includedByNumber is an include of Peering Manager's by id.
var includedByNumber = regexp.MustCompile(`(\{%[-+]?\s*include_(configuration|email|exporttemplate)\s+)0*([1-9][0-9]*)(\s*[-+]?%\})`)

var foreignKinds = map[string]string{"configuration": string(peering.RouterTemplate), "email": string(peering.MailTemplate), "exporttemplate": string(peering.ExportTemplate)}
