package cmd

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/spf13/cobra"

	"peerflow/internal/peering"
)

// routerModes are from the most careful to the one that writes.
var routerModes = []peering.RouterMode{peering.Observe, peering.Propose, peering.Manage}

// modeMeans is what a mode means for a router, in the words that a person agrees to.
func modeMeans(router string, m peering.RouterMode) string {
	switch m {
	case peering.Propose:
		return fmt.Sprintf("peerflow reads %s, plans changes for it and shows what to paste. It is unable to write there: a person does, and peerflow verifies it.", router)
	case peering.Manage:
		return fmt.Sprintf("peerflow writes to %s: what is approved is committed there, with the router's own rollback timer running,\n"+
			"and taken back unless it is verified. It owns its own part of the configuration and touches nothing else.", router)
	}
	return fmt.Sprintf("peerflow reads %s and is unable to write there. Nothing is planned for it.", router)
}

func (a *app) routerMode() *cobra.Command {
	var yes, unproven bool
	c := &cobra.Command{Use: "mode ROUTER observe|propose|manage", Short: "Say how far peerflow may go on a router", Args: takes("a router", "a mode"),
		Long: `Needs the role that edits routers. Says what the mode means, and asks before
peerflow may do more there than it does now; without a terminal --yes answers.
While a change is being deployed to the router, its mode stays.`,
		RunE: func(cc *cobra.Command, args []string) error {
			mode := peering.RouterMode(args[1])
			if !slices.Contains(routerModes, mode) {
				return usage("%q is no mode: observe, propose or manage", args[1])
			}
			c, r, err := a.router(cc.Context(), args[0])
			if err != nil {
				return err
			}
			if r.Mode == mode {
				return a.say(r, nil, fmt.Sprintf("%s is in mode %s already", r.Name, mode))
			}
			s := a.screen()
			if a.json {
				s = Screen{Out: a.errOut}
			}
			s.line("%s", modeMeans(r.Name, mode))
			if more := slices.Index(routerModes, mode) > slices.Index(routerModes, r.Mode); more && !yes {
				if asked, agreed := a.ask(fmt.Sprintf("set %s from %s to %s?", r.Name, r.Mode, mode)); !asked {
					return usage("%s stays in mode %s: say --yes to set it to %s without being asked", r.Name, r.Mode, mode)
				} else if !agreed {
					return peering.Errorf(peering.Denied, "%s stays in mode %s", r.Name, r.Mode)
				}
			}
			was := r.Mode
			edit := map[string]any{"mode": mode}
			if unproven {
				edit["accept_unproven"] = true
			}
			err = c.call(cc.Context(), http.MethodPatch, fmt.Sprintf("/api/v1/routers/%d", r.ID), edit, &r,
				"If-Match", fmt.Sprintf(`"%d"`, r.Version))
			return a.say(r, err, fmt.Sprintf("%s: %s, was %s", r.Name, r.Mode, was))
		}}
	c.Flags().BoolVar(&unproven, "unproven", false, "manage it though its driver was never tried on anything; the record keeps that")
	c.Flags().BoolVar(&yes, "yes", false, "without asking")
	return c
}
