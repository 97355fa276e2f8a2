package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"peerflow/api"
	"peerflow/internal/peering"
)

// Proposals reads what a person pastes for a change, router by router.
func (c *Client) Proposals(ctx context.Context, id int64) ([]api.ProposalView, error) {
	return list[api.ProposalView](ctx, c, changePath(id, "/proposals"))
}

func (a *app) changePaste() *cobra.Command {
	var text, earlier bool
	c := a.onChange("paste", "Show what to paste on routers in mode propose, and where", func(ctx context.Context, c *Client, id int64) error {
		all, err := c.Proposals(ctx, id)
		if err == nil && len(all) == 0 {
			err = a.nothingToPaste(ctx, c, id)
		}
		switch {
		case err != nil:
			return err
		case text:
			return a.pasteText(all, id, earlier)
		case a.json:
			return printJSON(a.out, all)
		}
		for _, v := range all {
			showProposal(a.screen(), v, pick(v, earlier), earlier)
		}
		return nil
	})
	c.Long = `peerflow is unable to write to a router in mode propose: a person pastes what was
approved. It looks at the router every minute, verifies what was pasted by the
same checks as its own commits, and records it. Secrets stand as <secret v3>:
fill them in. What is held, taken back, stale, over or hindered by what stands on
the router has no text to paste: it says why, and --text fails with that.`
	c.Flags().BoolVar(&text, "text", false, "the text alone, for a file")
	c.Flags().BoolVar(&earlier, "earlier", false, "what puts the earlier text back")
	return c
}

// pasteText prints the one text there is, for a file: nothing but that, or why not.
func (a *app) pasteText(all []api.ProposalView, id int64, earlier bool) error {
	var found []*peering.Proposal
	var why []string
	for _, v := range all {
		if p := pick(v, earlier); p != nil {
			found = append(found, p)
		} else {
			why = append(why, fmt.Sprintf("router %s: %s", v.Router, notShown(v, earlier)))
		}
	}
	switch {
	case len(found) > 1:
		return usage("change/%d is to be pasted on %d routers: leave --text out", id, len(found))
	case len(found) == 0:
		return peering.Errorf(peering.Conflict, "change %d isn't to be pasted: %s", id, strings.Join(why, "; "))
	case a.json:
		return printJSON(a.out, found[0])
	}
	_, err := fmt.Fprint(a.out, found[0].Text)
	return err
}

// pick is the text to show, nil where there is none.
func pick(v api.ProposalView, earlier bool) *peering.Proposal {
	if earlier {
		return v.Earlier
	}
	return v.Proposal
}

func notShown(v api.ProposalView, earlier bool) string {
	if earlier {
		return "what it ran before isn't what to go back to any more: peerflow router diff " + v.Router + " says what it runs"
	}
	return v.NotToPaste
}

// nothingToPaste says why.
func (a *app) nothingToPaste(ctx context.Context, c *Client, id int64) error {
	change, err := c.Change(ctx, id)
	if err != nil {
		return err
	}
	return peering.Errorf(peering.NotFound, "change %d has nothing to paste: it is %s (%s), and only what was approved for a router in mode propose is pasted by a person",
		id, change.State, orDefault(change.Outcome, change.Step))
}

func showProposal(s Screen, v api.ProposalView, p *peering.Proposal, earlier bool) {
	s.line("%s %s  %s  %s", s.paint(bold, "router"), v.Router, s.state(string(v.State)), v.Outcome)
	if p == nil {
		s.line("%s %s", s.paint(bold, "don't paste it:"), notShown(v, earlier))
		return
	}
	if v.State == peering.DeploymentProposed {
		s.line("waits until %s", v.Until.Format("2006-01-02 15:04 MST"))
	}
	s.line("%s %s", s.paint(bold, "paste"), p.Where)
	for _, secret := range v.Secrets {
		s.line("  %s: fill it in", secret)
	}
	s.line("%s", p.Text)
	for _, c := range p.Commands {
		s.line("%s %s", s.paint(bold, "type"), c)
	}
}
