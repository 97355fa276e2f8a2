package render

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// The kinds of templates that a template may include: those of routers, of mails and of exports.
const (
	kindConfiguration  = "configuration"
	kindEmail          = "email"
	kindExportTemplate = "exporttemplate"
)

// surroundings are what a rendering has besides its variables. They travel in the context, as environments are shared.
type surroundings struct {
	library map[string][]inclusion // by kind
	now     time.Time              // zero for a router, whose text is the same at any time
	secrets *printing
	export  bool // what is rendered becomes text of another template
}

// inclusion is a template that others may include, by name or id.
type inclusion struct {
	id   int64
	name string
	body string // as it is recorded
	// made gives what is included in place of body: of an export a template that prints what the export renders to.
	made func(ctx context.Context) (string, error)
}

// source is the template that is included.
func (i inclusion) source(ctx context.Context) (string, error) {
	if i.made != nil {
		return i.made(ctx)
	}
	return i.body, nil
}

type surroundingsKey struct{}

func (s surroundings) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, surroundingsKey{}, s)
}

func surrounding(ctx context.Context) surroundings {
	s, _ := ctx.Value(surroundingsKey{}).(surroundings)
	return s
}

// surroundingsOf are those of a router's template.
func surroundingsOf(d peering.Desired) surroundings {
	given := sync.OnceValue(func() *jinja.Dict { network, router := project(d); return network.configuration(router) })
	return library(d.Templates, func(kind peering.Dataset) *querySet { return dataset(kind, given()) })
}

// library has the templates that another may include, its exports over these records.
func library(templates map[int64]peering.Template, records func(peering.Dataset) *querySet) surroundings {
	library := map[string][]inclusion{}
	for _, t := range templates {
		switch own := (inclusion{t.ID, t.Name, t.Body, nil}); t.Kind {
		case peering.MailTemplate:
			library[kindEmail] = append(library[kindEmail], own)
		case peering.ExportTemplate:
			own.made = func(ctx context.Context) (string, error) {
				text, err := export(ctx, t, records(t.Dataset))
				return verbatim(text), err
			}
			library[kindExportTemplate] = append(library[kindExportTemplate], own)
		default:
			library[kindConfiguration] = append(library[kindConfiguration], own)
		}
	}
	return surroundings{library: library}
}

// export renders an export over the records that its including template is given. It includes no export:
// one in itself would never end.
func export(ctx context.Context, t peering.Template, records *querySet) (string, error) {
	around := surrounding(ctx)
	around.library = maps.Clone(around.library)
	delete(around.library, kindExportTemplate)
	around.export = true
	vars := jinja.NewDict(1)
	vars.SetStr("dataset", records)
	return renderText(around.in(ctx), t, vars, plain)
}

// verbatim is a template that prints the text as it is. What an export prints of records is text that others wrote,
// such as the names of networks, and it is never run.
func verbatim(text string) string {
	return quoting.Replace(text) + "{{ '' }}" // or the engine would drop a last line's end
}

// quoting leaves nothing that begins a tag, nor a line's end that the engine writes in its own way.
var quoting = strings.NewReplacer("{", "{{ '{' }}", "\r", `{{ '\r' }}`)

// dataset are the records of one kind among those that a router's template is given.
func dataset(kind peering.Dataset, given *jinja.Dict) *querySet {
	name := map[peering.Dataset]string{"autonomous-systems": "autonomous_systems", "exchanges": "internet_exchange_points", "bgp-groups": "bgp_groups",
		"routing-policies": "routing_policies", "communities": "communities", "routers": "router"}[kind]
	if records, ok := given.GetStr(name); ok && kind != "routers" {
		return records.(*querySet)
	}
	router, _ := given.GetStr("router")
	r := router.(*RouterRecord)
	switch kind {
	case "connections":
		return rows("Connection", r.connections)
	case "direct-sessions":
		return rows(directClass, r.direct)
	case "exchange-sessions":
		return rows(ixpClass, r.ixp)
	}
	return rows("Router", []*RouterRecord{r})
}

// loader finds what "include" and "import" name: configuration::NAME, email::NAME, exporttemplate::NAME, by id too. A
// name without a kind is a configuration's.
type loader struct{}

func (loader) Load(ctx context.Context, name string) (string, error) {
	found, err := surrounding(ctx).find(kindAndName(name))
	if err != nil {
		return "", err
	}
	return found.source(ctx)
}

// kindAndName reads kind::NAME; a name without a kind is that of a configuration.
func kindAndName(name string) (kind, identifier string) {
	if kind, identifier, ok := strings.Cut(name, "::"); ok {
		return kind, identifier
	}
	return kindConfiguration, name
}

// find looks a template up by id when the identifier is a number, and by name otherwise.
func (s surroundings) find(kind, identifier string) (inclusion, error) {
	wanted, err := strconv.ParseInt(identifier, 10, 64)
	isID := err == nil
	names := make([]string, 0, len(s.library[kind]))
	for _, t := range s.library[kind] {
		if isID && t.id == wanted || !isID && t.name == identifier {
			return t, nil
		}
		names = append(names, t.name)
	}
	text := fmt.Sprintf("no %s template is called %.100q", kind, identifier)
	if isID {
		text = fmt.Sprintf("no %s template has the id %s", kind, identifier)
	}
	if best, near := peering.Nearest(identifier, names); near && !isID {
		text += fmt.Sprintf(": did you mean %q?", best)
	}
	return inclusion{}, fmt.Errorf("%s (%w)", text, jinja.ErrNotFound)
}

var includeTags = map[string]jinja.Tag{
	"include_configuration":  includeTag(kindConfiguration),
	"include_email":          includeTag(kindEmail),
	"include_exporttemplate": includeTag(kindExportTemplate),
}

// includeTag includes a template of a kind with the variables that are visible. A bare word is the name itself.
func includeTag(kind string) jinja.Tag {
	return jinja.Tag{Literal: true, Run: func(s *jinja.State, a jinja.Args) (jinja.Value, error) {
		bound, err := a.Bind("include_"+kind, "template")
		if err != nil {
			return nil, err
		}
		identifier, err := s.Text(bound[0])
		if err != nil {
			return nil, err
		}
		text, err := s.Include(kind + "::" + identifier)
		return jinja.Str(text), err
	}}
}

// globals are the functions of Peering Manager.
var globals = map[string]jinja.Value{"now": &jinja.Func{Name: "now", Fn: now}}

// chance refuses what differs by itself from one rendering of a router's text to the next.
func chance(ctx context.Context) error {
	if surrounding(ctx).now.IsZero() {
		return jinja.Errorf(jinja.ValueErr, "random and lipsum are for mails and exports: what is approved would not be what is pushed. Choose by something recorded, such as a session's id")
	}
	return nil
}

// now prints the time. A router's text must not depend on when it is rendered: what is approved would not be what is pushed.
func now(s *jinja.State, a jinja.Args) (jinja.Value, error) {
	args, err := textArgs(s, a, "now", "format?", "timezone?")
	if err != nil {
		return nil, err
	}
	at := surrounding(s.Context()).now
	if at.IsZero() {
		return nil, jinja.Errorf(jinja.ValueErr, "now() is for mails and exports: a router's text must not differ from one rendering to the next. Leave it out: peerflow records who changed what, and when")
	}
	zone, err := time.LoadLocation(cmp.Or(args[1], "UTC"))
	if err != nil {
		return nil, jinja.Errorf(jinja.ValueErr, "there is no time zone %.60q", args[1])
	}
	text, err := strftime(at.In(zone), cmp.Or(args[0], "%Y-%m-%dT%H:%M:%SZ"))
	return jinja.Str(text), err
}
