package cmd

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"peerflow/internal/peering"
)

func (a *app) routerDeploy() *cobra.Command {
	p := &peerRun{app: a}
	c := &cobra.Command{Use: "deploy ROUTER...", Short: "Bring what is recorded to routers", Args: func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("give the routers")
		}
		return nil
	},
		Long: `Opens a change of kind deploy: it carries every edit that was recorded for these
routers and isn't there yet, whoever made it, and brings back what somebody else
wrote over. "router diff" shows both. It says what it would do and asks for
approval, then follows the change until it is verified. Without a terminal it
plans and says how to go on, unless --yes approves it.

Exit code 3: refused, or rejected. 5: the change failed or was rolled back.`}
	p.flags(c)
	c.RunE = func(cc *cobra.Command, args []string) (err error) {
		if p.client, err = a.client(); err != nil {
			return err
		}
		var ids []int64
		var names []string
		for _, arg := range args {
			r, err := only[peering.Router](cc.Context(), p.client, "router "+arg, "/api/v1/routers"+byNameOrID("name", arg))
			if err != nil {
				return err
			}
			ids, names = append(ids, r.ID), append(names, r.Name)
		}
		p.title = p.screen().paint(bold, "deploy") + " what is recorded to " + strings.Join(names, ", ")
		p.open = func(ctx context.Context) (peering.Change, error) {
			return p.client.OpenChange(ctx, map[string]any{"kind": peering.KindDeploy, "router_ids": ids, "reason": p.wish.Reason})
		}
		return p.run(cc.Context())
	}
	return c
}
