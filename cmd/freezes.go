package cmd

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"peerflow/internal/peering"
)

func (a *app) freezeCommands() *cobra.Command {
	c := group("freeze", "Halt changes before their next commit", a.freezeOn(), a.freezeOff(), a.freezeList())
	c.Long = `A freeze halts changes before their next commit, never between commit and
confirm. Freezing needs the role operator or emergency, lifting operator.`
	return c
}

func (a *app) freezeOn() *cobra.Command {
	var reason, router, site string
	c := &cobra.Command{Use: "on", Short: "Halt everything, or one router's or site's changes", Args: takes()}
	c.Flags().StringVar(&reason, "reason", "", "why (required)")
	c.Flags().StringVar(&router, "router", "", "only this router (name or id)")
	c.Flags().StringVar(&site, "site", "", "only this site (slug or id)")
	c.RunE = func(cc *cobra.Command, _ []string) error {
		if reason == "" || router != "" && site != "" {
			return usage("give --reason, and at most one of --router and --site")
		}
		c, err := a.client()
		if err != nil {
			return err
		}
		body := map[string]any{"scope": peering.FreezeAll, "reason": reason}
		switch {
		case router != "":
			r, err := only[peering.Router](cc.Context(), c, "router "+router, "/api/v1/routers"+byNameOrID("name", router))
			if err != nil {
				return err
			}
			body["scope"], body["router_id"] = peering.FreezeRouter, r.ID
		case site != "":
			at, err := only[peering.Site](cc.Context(), c, "site "+site, "/api/v1/sites"+byNameOrID("slug", site))
			if err != nil {
				return err
			}
			body["scope"], body["site_id"] = peering.FreezeSite, at.ID
		}
		var made peering.Freeze
		err = c.call(cc.Context(), http.MethodPost, "/api/v1/freezes", body, &made)
		return a.say(made, err, fmt.Sprintf("freeze/%d: lift it with peerflow freeze off %d", made.ID, made.ID))
	}
	return c
}

func (a *app) freezeOff() *cobra.Command {
	return &cobra.Command{Use: "off FREEZE", Short: "Lift a freeze", Args: takes("a freeze"), RunE: func(cc *cobra.Command, args []string) error {
		id, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return usage("%q is no freeze: give its number", args[0])
		}
		c, err := a.client()
		if err != nil {
			return err
		}
		var lifted peering.Freeze
		err = c.call(cc.Context(), http.MethodPost, fmt.Sprintf("/api/v1/freezes/%d/lift", id), nil, &lifted)
		return a.say(lifted, err, fmt.Sprintf("freeze/%d lifted", id))
	}}
}

func (a *app) freezeList() *cobra.Command {
	return tableOf(a, "List freezes in force", "/api/v1/freezes", []string{"FREEZE", "HALTS", "AUTHOR", "SINCE", "REASON"}, func(f peering.Freeze) []string {
		return []string{fmt.Sprint(f.ID), halts(f), f.Author, f.CreatedAt.Format("2006-01-02 15:04"), f.Reason}
	})
}
