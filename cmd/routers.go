package cmd

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"peerflow/api"
	"peerflow/internal/peering"
)

func (a *app) routerCommands() *cobra.Command {
	return group("router", "Routers and what they say", a.routerList(), a.routerShow())
}

func (a *app) routerList() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List routers", Args: takes(), RunE: func(cc *cobra.Command, _ []string) error {
		return show(cc, a, "/api/v1/routers", func(s Screen, routers []peering.Router) {
			rows := [][]string{{"ROUTER", "NAME", "MODE", "ADDRESS"}}
			for _, r := range routers {
				rows = append(rows, []string{fmt.Sprint(r.ID), r.Name, string(r.Mode), r.Address})
			}
			s.table(rows)
		})
	}}
}

// routerReport is what `router show` prints.
type routerReport struct {
	Router    peering.Router             `json:"router"`
	Poll      *peering.PollStatus        `json:"poll,omitempty"`
	Neighbors []peering.ObservedNeighbor `json:"neighbors"`
}

func (a *app) routerShow() *cobra.Command {
	return &cobra.Command{Use: "show ROUTER", Short: "Show a router and its BGP neighbors, ours or not", Args: takes("a router"), RunE: func(cc *cobra.Command, args []string) error {
		r, err := a.routerReport(cc, args[0])
		if err != nil {
			return err
		}
		if a.json {
			return printJSON(a.out, r)
		}
		s := a.screen()
		s.line("router/%d  %s  %s  %s", r.Router.ID, s.paint(bold, r.Router.Name), r.Router.Mode, r.Router.Address)
		s.line("%s", polled(r.Poll))
		rows := [][]string{{"NEIGHBOR", "ASN", "STATE", "RECEIVED", "ACCEPTED", "ANNOUNCED"}}
		for _, n := range r.Neighbors {
			rows = append(rows, neighborRow(n))
		}
		s.table(rows)
		return nil
	}}
}

func (a *app) routerReport(cc *cobra.Command, name string) (r routerReport, err error) {
	c, err := a.client()
	if err != nil {
		return r, err
	}
	ctx := cc.Context()
	if r.Router, err = only[peering.Router](ctx, c, "router "+name, "/api/v1/routers"+byNameOrID("name", name)); err != nil {
		return r, err
	}
	polls, err := list[peering.PollStatus](ctx, c, "/api/v1/polls")
	if err != nil {
		return r, err
	}
	for _, p := range polls {
		if p.RouterID == r.Router.ID {
			r.Poll = &p
		}
	}
	r.Neighbors, err = list[peering.ObservedNeighbor](ctx, c, fmt.Sprintf("/api/v1/routers/%d/neighbors", r.Router.ID))
	return r, err
}

func polled(p *peering.PollStatus) string {
	switch {
	case p == nil:
		return "not asked yet"
	case p.Error != "":
		return "doesn't answer: " + p.Error
	}
	return "answered " + p.AnsweredAt.Format("2006-01-02 15:04:05 MST")
}

func neighborRow(n peering.ObservedNeighbor) []string {
	row := []string{n.Address.String(), n.RemoteAS.String(), string(n.State), "", "", ""}
	if len(n.Families) > 0 {
		f := n.Families[0]
		row[3], row[4], row[5] = figure(f.Received), figure(f.Accepted), figure(f.Announced)
	}
	return row
}

func (a *app) syncCommand() *cobra.Command {
	var full bool
	c := &cobra.Command{Use: "sync", Short: "Refresh the mirror of PeeringDB", Args: takes(), RunE: func(cc *cobra.Command, _ []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		var started api.Started
		err = c.call(cc.Context(), http.MethodPost, "/api/v1/sync/peeringdb", map[string]bool{"full": full}, &started)
		return a.say(started, err, "runs as "+started.Workflow)
	}}
	c.Flags().BoolVar(&full, "full", false, "fetch everything again instead of what changed")
	return c
}

func (a *app) freezeCommands() *cobra.Command {
	return group("freeze", "Halt changes before their next commit", a.freezeOn(), a.freezeOff(), a.freezeList())
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
	return &cobra.Command{Use: "list", Short: "List freezes in force", Args: takes(), RunE: func(cc *cobra.Command, _ []string) error {
		return show(cc, a, "/api/v1/freezes", func(s Screen, freezes []peering.Freeze) {
			rows := [][]string{{"FREEZE", "SCOPE", "AUTHOR", "SINCE", "REASON"}}
			for _, f := range freezes {
				rows = append(rows, []string{fmt.Sprint(f.ID), string(f.Scope), f.Author, f.CreatedAt.Format("2006-01-02 15:04"), f.Reason})
			}
			s.table(rows)
		})
	}}
}
