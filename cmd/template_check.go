package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"peerflow/api"
	"peerflow/internal/peering"
)

func (a *app) templateCheck() *cobra.Command {
	var flags templateFlags
	var mode, kind, subject string
	var routers []string
	c := &cobra.Command{Use: "check FILE|NAME", Short: "Look for what is wrong with a template, with the fix of each finding", Args: takes("a file or a template"),
		Long: `A recorded template is tried on the routers that use it, a file on those that
--router names; without any, only its text is looked at. FILE - is standard
input. Nothing is saved, and no router is asked. The exit code is 0 unless there
is an error among the findings.`}
	flags.on(c)
	c.Flags().StringVar(&mode, "mode", "", modeHelp)
	c.Flags().StringVar(&kind, "kind", "", "what the text is for: router, mail or export; the last two are looked at by their text")
	c.Flags().StringVar(&subject, "subject", "", "of a mail in a file: it is looked at, too")
	c.Flags().StringArrayVar(&routers, "router", nil, "try it on this router; may be given several times")
	c.RunE = func(cc *cobra.Command, args []string) error {
		client, trial, err := a.trial(cc.Context(), args[0], &flags)
		if err != nil {
			return err
		}
		trial.Kind = cmp.Or(peering.TemplateKind(kind), trial.Kind)
		trial.Subject = cmp.Or(subject, trial.Subject)
		trial.Mode = cmp.Or(peering.TemplateMode(mode), trial.Mode)
		for _, name := range routers {
			_, r, err := a.router(cc.Context(), name)
			if err != nil {
				return err
			}
			trial.RouterIDs = append(trial.RouterIDs, r.ID)
		}
		var checked peering.TemplateCheck
		if err := client.call(cc.Context(), http.MethodPost, "/api/v1/templates/check", trial, &checked); err != nil {
			return err
		}
		if a.json {
			err = printJSON(a.out, checked)
		} else {
			showCheck(a.screen(), args[0], checked)
		}
		if err == nil && tally(checked.Findings)[peering.FindingError] > 0 {
			err = ended{code: exitFailure}
		}
		return err
	}
	return c
}

// trial is a file's text with the flags' switches, or a recorded template.
func (a *app) trial(ctx context.Context, arg string, flags *templateFlags) (*Client, api.TemplateTrial, error) {
	_, err := os.Stat(arg)
	if errors.Is(err, fs.ErrNotExist) && arg != "-" {
		client, t, err := a.template(ctx, arg)
		if peering.KindOf(err) == peering.NotFound {
			err = peering.Errorf(peering.NotFound, "there is no file %s, and no template of that name", arg)
		}
		return client, api.TemplateTrial{Kind: t.Kind, Subject: t.Subject, TemplateText: api.TemplateText{Name: t.Name, Body: t.Body, Mode: t.Mode, Engine: t.Engine, Lenient: t.Lenient, TrimBlocks: t.TrimBlocks, LstripBlocks: t.LstripBlocks}}, err
	}
	client, err := a.client()
	if err != nil {
		return nil, api.TemplateTrial{}, err
	}
	body, err := a.read(arg)
	return client, api.TemplateTrial{TemplateText: flags.text(arg, body)}, err
}

var levelColour = map[peering.FindingLevel]string{peering.FindingError: red, peering.FindingWarning: yellow, peering.FindingNote: cyan}

// showCheck prints one line per finding, as compilers do.
func showCheck(s Screen, file string, checked peering.TemplateCheck) {
	for _, f := range checked.Findings {
		at := cmp.Or(f.Template, file)
		if f.Line > 0 {
			at += fmt.Sprintf(":%d", f.Line)
		}
		if f.Column > 0 {
			at += fmt.Sprintf(":%d", f.Column)
		}
		s.line("%s %s %s – %s", s.paint(bold, at), s.paint(levelColour[f.Level], string(f.Level)), f.Text, f.Fix)
	}
	on := "its text alone; --router tries it on a router"
	if len(checked.Routers) > 0 {
		on = "on " + peering.Some(checked.Routers, 5, ", ")
	}
	s.line("%s  %s", tallied(s, checked.Findings), s.paint(dim, on))
}

func tally(findings []peering.Finding) map[peering.FindingLevel]int {
	n := map[peering.FindingLevel]int{}
	for _, f := range findings {
		n[f.Level]++
	}
	return n
}

// tallied says how many findings there are of each level.
func tallied(s Screen, findings []peering.Finding) string {
	var parts []string
	counts := tally(findings)
	for _, level := range []peering.FindingLevel{peering.FindingError, peering.FindingWarning, peering.FindingNote} {
		if n := counts[level]; n > 0 {
			parts = append(parts, s.paint(levelColour[level], count(n, string(level))))
		}
	}
	if len(parts) == 0 {
		return s.paint(green, "nothing found")
	}
	return strings.Join(parts, ", ")
}
