package cmd

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"peerflow/api"
	"peerflow/internal/peering"
)

// mailFlags say to whom a mail is previewed.
type mailFlags struct{ to, from, subject string }

func (f *mailFlags) on(c *cobra.Command) {
	c.Flags().StringVar(&f.to, "as", "", "preview a mail to this network")
	c.Flags().StringVar(&f.from, "local-as", "", "with --as: which of our networks it comes from; the first when left out")
	c.Flags().StringVar(&f.subject, "subject", "", "with --as: the mail is a file, and this its subject, a template too")
}

// given are the flags that only a mail has.
func (f *mailFlags) given(c *cobra.Command) (names []string) {
	for _, name := range []string{"local-as", "subject"} {
		if c.Flags().Changed(name) {
			names = append(names, name)
		}
	}
	return names
}

func (a *app) previewMail(cc *cobra.Command, args []string, mail *mailFlags, flags *templateFlags) error {
	ctx := cc.Context()
	switch {
	case mail.to == "":
		return usage("--%s is for mails: --as says to which network", mail.given(cc)[0])
	case len(args) > 1:
		return usage("--as takes one mail, and no router: %q is too much", args[1])
	case cc.Flags().Changed("mode"), cc.Flags().Changed("text"):
		return usage("--mode and --text are for routers' templates, and --as for mails")
	}
	c, to, err := a.network(ctx, mail.to)
	if err != nil {
		return err
	}
	try := api.MailTrial{Subject: mail.subject}
	if mail.from != "" {
		_, ours, err := a.network(ctx, mail.from)
		if err != nil {
			return err
		}
		try.LocalASID = ours.ID
	}
	if try.RunText, err = a.runText(ctx, args[0], peering.MailTemplate, cc.Flags().Changed("subject"), flags); err != nil {
		return err
	}
	var p peering.MailPreview
	if err := c.call(ctx, http.MethodPost, networkPath(to, "/mail-preview"), try, &p); err != nil {
		return err
	}
	if a.json {
		return printJSON(a.out, p)
	}
	_, err = fmt.Fprintf(a.out, "To: %s\nSubject: %s\n\n%s\n", p.To, p.Subject, strings.TrimSuffix(p.Body, "\n"))
	return err
}

// runText is a file's text with the flags' switches, or a recorded template of a kind.
func (a *app) runText(ctx context.Context, arg string, kind peering.TemplateKind, file bool, flags *templateFlags) (api.RunText, error) {
	if flags.engine != "" && flags.engine != string(peering.EngineJinja2) {
		return api.RunText{}, usage("a template of kind %s is in jinja2", kind)
	}
	if file {
		body, err := a.read(arg)
		return api.RunText{Name: arg, Body: body, Lenient: flags.lenient, TrimBlocks: flags.trim, LstripBlocks: flags.lstrip}, err
	}
	if flags.lenient || flags.trim || flags.lstrip {
		return api.RunText{}, usage("a recorded template has its own switches: template put changes them")
	}
	_, t, err := a.templateOf(ctx, arg, string(kind))
	if peering.KindOf(err) == peering.NotFound {
		if _, other, otherErr := a.template(ctx, arg); otherErr == nil {
			return api.RunText{TemplateID: other.ID}, nil // the API says what it is, and how that is tried
		}
	}
	return api.RunText{TemplateID: t.ID}, err
}

func (a *app) templateRun() *cobra.Command {
	var flags templateFlags
	var dataset string
	c := &cobra.Command{Use: "run EXPORT | --dataset DATASET FILE", Short: "Run an export over all records of its dataset", Args: takes("an export or a file"),
		Long: `Prints what the export renders to, over what is recorded now of all routers, and
saves nothing. With --dataset it is FILE ("-" is standard input), and a recorded
export otherwise:

  peerflow template run peers > peers.csv
  peerflow template run draft.j2 --dataset autonomous-systems

Secrets stand as <secret v3>.`}
	flags.on(c)
	c.Flags().StringVar(&dataset, "dataset", "", fmt.Sprintf("the records that a file is given, one of %s", peering.Datasets))
	c.RunE = func(cc *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		try := api.ExportTrial{Dataset: peering.Dataset(dataset)}
		if try.RunText, err = a.runText(cc.Context(), args[0], peering.ExportTemplate, dataset != "", &flags); err != nil {
			return err
		}
		var run peering.ExportRun
		if err := c.call(cc.Context(), http.MethodPost, "/api/v1/templates/run", try, &run); err != nil {
			return err
		}
		if a.json {
			return printJSON(a.out, run)
		}
		_, err = io.WriteString(a.out, run.Text)
		return err
	}
	return c
}
