package cmd

import (
	"context"
	"fmt"

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
		case a.json:
			return printJSON(a.out, all)
		case text && len(all) > 1:
			return usage("change/%d is to be pasted on %d routers: leave --text out", id, len(all))
		}
		for _, v := range all {
			if p := pick(v, earlier); text {
				_, err = fmt.Fprint(a.out, p.Text)
			} else {
				showProposal(a.screen(), v, p)
			}
		}
		return err
	})
	c.Long = `peerflow is unable to write to a router in mode propose: a person pastes what was
approved. It looks at the router every minute, verifies what was pasted by the
same checks as its own commits, and records it. Secrets stand as <secret v3>:
fill them in.`
	c.Flags().BoolVar(&text, "text", false, "the text alone, for a file")
	c.Flags().BoolVar(&earlier, "earlier", false, "what puts the earlier text back")
	return c
}

func pick(v api.ProposalView, earlier bool) peering.Proposal {
	if earlier {
		return v.Earlier
	}
	return v.Proposal
}

// nothingToPaste says why.
func (a *app) nothingToPaste(ctx context.Context, c *Client, id int64) error {
	change, err := c.Change(ctx, id)
	if err != nil {
		return err
	}
	return peering.Errorf(peering.NotFound, "change %d has nothing to paste: it is %s, and only what was approved for a router in mode propose is pasted by a person", id, change.State)
}

func showProposal(s Screen, v api.ProposalView, p peering.Proposal) {
	s.line("%s %s  %s  %s", s.paint(bold, "router"), v.Router, s.state(string(v.State)), v.Outcome)
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
