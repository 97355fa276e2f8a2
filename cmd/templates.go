package cmd

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"peerflow/api"
	"peerflow/internal/peering"
)

func (a *app) templateCommands() *cobra.Command {
	return group("template", "Templates, and what they give a router", a.templateList(), a.templateShow(), a.templatePut(), a.templateImport(), a.templatePreview(), a.templateRun(), a.templateCheck(), a.templateStarter())
}

func (a *app) templateList() *cobra.Command {
	return tableOf(a, "List templates", "/api/v1/templates", []string{"TEMPLATE", "NAME", "KIND", "MODE", "ENGINE", "LINES"}, func(t peering.Template) []string {
		return []string{fmt.Sprint(t.ID), t.Name, string(t.Kind), string(t.Mode), string(t.Engine), fmt.Sprint(strings.Count(t.Body, "\n"))}
	})
}

// template finds the template that a person named.
func (a *app) template(ctx context.Context, name string) (*Client, peering.Template, error) {
	c, err := a.client()
	if err != nil {
		return nil, peering.Template{}, err
	}
	t, err := only[peering.Template](ctx, c, "template "+name, "/api/v1/templates"+byNameOrID("name", strings.TrimPrefix(name, "template/")))
	return c, t, err
}

// templateOf finds a template of one kind, whose names are its own.
func (a *app) templateOf(ctx context.Context, name, kind string) (*Client, peering.Template, error) {
	c, err := a.client()
	if err != nil {
		return nil, peering.Template{}, err
	}
	path := "/api/v1/templates" + byNameOrID("name", strings.TrimPrefix(name, "template/")) + "&kind=" + url.QueryEscape(kind)
	t, err := only[peering.Template](ctx, c, kind+" template "+name, path)
	return c, t, err
}

func (a *app) templateShow() *cobra.Command {
	return &cobra.Command{Use: "show TEMPLATE", Short: "Print a template's text", Args: takes("a template"), RunE: func(cc *cobra.Command, args []string) error {
		_, t, err := a.template(cc.Context(), args[0])
		if err != nil {
			return err
		}
		if a.json {
			return printJSON(a.out, t)
		}
		_, err = io.WriteString(a.out, t.Body)
		return err
	}}
}

const modeHelp = "what the text is: stanza (all that we own), whole (the router's file) or merge (an edit script)"

// templateFlags are the switches of a template that isn't recorded yet.
type templateFlags struct {
	engine                string
	lenient, trim, lstrip bool
}

func (f *templateFlags) on(c *cobra.Command) {
	c.Flags().StringVar(&f.engine, "engine", "", "language of the template: jinja2 or pongo2; left out it is the router's own template's in a preview, else jinja2")
	c.Flags().BoolVar(&f.lenient, "lenient", false, "what doesn't exist prints as nothing, instead of failing")
	c.Flags().BoolVar(&f.trim, "trim-blocks", false, "drop the newline after a block")
	c.Flags().BoolVar(&f.lstrip, "lstrip-blocks", false, "drop blanks before a block at the start of a line")
}

func (f *templateFlags) text(name, body string) api.TemplateText {
	return api.TemplateText{Name: name, Body: body, Engine: peering.TemplateEngine(f.engine), Lenient: f.lenient, TrimBlocks: f.trim, LstripBlocks: f.lstrip}
}

// read gives a file's text; "-" is standard input.
func (a *app) read(file string) (string, error) {
	if file == "-" {
		text, err := io.ReadAll(a.in)
		return string(text), err
	}
	text, err := os.ReadFile(file)
	return string(text), err
}

func (a *app) templatePut() *cobra.Command {
	var flags templateFlags
	var kind, mode, subject, dataset string
	c := &cobra.Command{Use: "put NAME FILE", Short: "Record a template from a file, or its new text", Args: takes("a name", "a file"),
		Long: `FILE - is standard input. Of a template that exists only the text changes, and
the switches that are given. It reaches routers with "router deploy":
look at "template preview" first. Mails and exports are kinds of their own, which
routers' templates may include.`}
	flags.on(c)
	c.Flags().StringVar(&kind, "kind", string(peering.RouterTemplate), "what it is for: router, mail or export")
	c.Flags().StringVar(&mode, "mode", "", modeHelp+"; stanza when left out of a new one")
	c.Flags().StringVar(&subject, "subject", "", "of a mail, a template too")
	c.Flags().StringVar(&dataset, "dataset", "", "the records that an export is given: autonomous-systems, exchanges, …")
	c.RunE = func(cc *cobra.Command, args []string) error {
		body, err := a.read(args[1])
		if err != nil {
			return err
		}
		c, t, err := a.templateOf(cc.Context(), args[0], kind)
		switch peering.KindOf(err) {
		case peering.NotFound:
			t = peering.Template{Name: args[0], Kind: peering.TemplateKind(kind), Subject: subject, Dataset: peering.Dataset(dataset), Mode: peering.TemplateMode(mode), Engine: peering.TemplateEngine(flags.engine), Body: body,
				Lenient: flags.lenient, TrimBlocks: flags.trim, LstripBlocks: flags.lstrip}
			t = t.Or(peering.Template{})
			err = c.call(cc.Context(), http.MethodPost, "/api/v1/templates", t, &t)
			return a.say(t, err, fmt.Sprintf("template/%d  %s recorded", t.ID, t.Name))
		default:
			return err
		case "":
		}
		patch := map[string]any{"body": body}
		for flag, field := range map[string]struct {
			name  string
			value any
		}{"mode": {"mode", mode}, "engine": {"engine", flags.engine}, "lenient": {"lenient", flags.lenient}, "trim-blocks": {"trim_blocks", flags.trim}, "lstrip-blocks": {"lstrip_blocks", flags.lstrip}, "subject": {"subject", subject}, "dataset": {"dataset", dataset}} {
			if cc.Flags().Changed(flag) {
				patch[field.name] = field.value
			}
		}
		err = c.call(cc.Context(), http.MethodPatch, fmt.Sprintf("/api/v1/templates/%d", t.ID), patch, &t, "If-Match", fmt.Sprintf(`"%d"`, t.Version))
		return a.say(t, err, fmt.Sprintf("template/%d  %s has a new text", t.ID, t.Name))
	}
	return c
}

func (a *app) templatePreview() *cobra.Command {
	var flags templateFlags
	var mode string
	var whole bool
	var mail mailFlags
	c := &cobra.Command{Use: "preview ROUTER [FILE] | --as AS64501 MAIL", Short: "Show what a template would give a router, or a mail to a network, without saving it", Args: takesFrom(1, "a router", "a file"),
		Long: `Without FILE it is the router's own template; FILE - is standard input. Compares
with what was deployed to the router last: "-" goes, "+" comes. The router isn't
asked, and nothing is saved. Secrets stand as <secret v3>. Of FILE, language and
mode are those of the router's own template unless they are given.

With --as it is a mail, a recorded one or with --subject FILE, as it would be
written to that network now. No mail is sent.`}
	flags.on(c)
	mail.on(c)
	c.Flags().StringVar(&mode, "mode", "", modeHelp)
	c.Flags().BoolVar(&whole, "text", false, "print the whole text instead of the difference")
	c.RunE = func(cc *cobra.Command, args []string) error {
		if mail.to != "" || len(mail.given(cc)) > 0 {
			return a.previewMail(cc, args, &mail, &flags)
		}
		c, r, err := a.router(cc.Context(), args[0])
		if err != nil {
			return err
		}
		var try any
		if len(args) > 1 {
			body, err := a.read(args[1])
			if err != nil {
				return err
			}
			text := flags.text(args[1], body)
			text.Mode = peering.TemplateMode(mode)
			try = text
		}
		var p peering.Preview
		if err := c.call(cc.Context(), http.MethodPost, fmt.Sprintf("/api/v1/routers/%d/preview", r.ID), try, &p); err != nil {
			return err
		}
		if a.json {
			return printJSON(a.out, p)
		}
		if whole {
			_, err := io.WriteString(a.out, p.Text)
			return err
		}
		showPreview(a.screen(), p)
		if len(p.Findings) > 0 {
			s := a.screen()
			s.line("%s: peerflow template check --router %s %s says which, and how to mend them", tallied(s, p.Findings), p.Router, p.Template)
		}
		return nil
	}
	return c
}

func showPreview(s Screen, p peering.Preview) {
	if p.Diff == "" {
		s.line("%s  %s", s.paint(bold, p.Router), s.paint(green, "nothing would change"))
		return
	}
	if p.Mode != peering.ModeStanza {
		s.line("%s  %s of mode %s, which peerflow brings to no router: take it there yourself (--text)", s.paint(bold, p.Router), count(strings.Count(strings.TrimSpace(p.Text), "\n")+1, "line"), p.Mode)
		s.diff(p.Diff)
		return
	}
	s.line("%s  %s added, %d changed, %d removed", s.paint(bold, p.Router), count(p.Adds, "stanza"), p.Edits, p.Removes)
	s.diff(p.Diff)
}

func (a *app) templateStarter() *cobra.Command {
	return &cobra.Command{Use: "starter [PLATFORM]", Short: "List templates to begin with, or print one", Args: takesFrom(0, "a platform"), RunE: func(cc *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		starters, err := first[peering.Starter](cc.Context(), c, 0, "/api/v1/template-starters")
		if err != nil {
			return err
		}
		if len(args) == 0 && a.json {
			return printJSON(a.out, starters)
		}
		rows := [][]string{{"PLATFORM", "WHAT IT IS"}}
		var names []string
		for _, st := range starters {
			if len(args) > 0 && st.Platform == args[0] {
				if a.json {
					return printJSON(a.out, st)
				}
				_, err := io.WriteString(a.out, st.Body)
				return err
			}
			rows, names = append(rows, []string{st.Platform, st.About}), append(names, st.Platform)
		}
		if len(args) > 0 {
			return peering.Errorf(peering.NotFound, "there is no starter for %q: there are %s", args[0], strings.Join(names, ", "))
		}
		a.screen().table(rows)
		return nil
	}}
}
