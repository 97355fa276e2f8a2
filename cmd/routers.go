package cmd

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"peerflow/api"
	"peerflow/internal/peering"
)

func (a *app) routerCommands() *cobra.Command {
	return group("router", "Routers and what they say", a.routerList(), a.routerShow(), a.routerDiff(), a.routerAdopt(), a.routerMode(), a.routerDeploy(), a.routerWhy())
}

func (a *app) routerList() *cobra.Command {
	return tableOf(a, "List routers", "/api/v1/routers", []string{"ROUTER", "NAME", "MODE", "ADDRESS"}, func(r peering.Router) []string {
		return []string{fmt.Sprint(r.ID), r.Name, string(r.Mode), r.Address}
	})
}

// routerReport is what `router show` prints.
type routerReport struct {
	Router    peering.Router             `json:"router"`
	Driver    *api.DriverView            `json:"driver,omitempty"` // absent where this build has none of that name
	Poll      *peering.PollStatus        `json:"poll,omitempty"`
	Open      []peering.Change           `json:"open"` // those that are being deployed, or need an operator
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
		if r.Driver != nil {
			s.line("driver %s, %s: %s", r.Driver.Name, r.Driver.Proof, r.Driver.Text)
		}
		s.line("%s", polled(r.Poll))
		for _, c := range r.Open {
			s.line("change/%d  %s  %s", c.ID, s.state(string(c.State)), cmp.Or(c.Outcome, c.Step))
		}
		rows := [][]string{{"NEIGHBOR", "ASN", "STATE", "RECEIVED", "ACCEPTED", "ANNOUNCED"}}
		for _, n := range r.Neighbors {
			rows = append(rows, neighborRow(n))
		}
		s.table(rows)
		return nil
	}}
}

// router finds the router that a person named.
func (a *app) router(ctx context.Context, name string) (*Client, peering.Router, error) {
	c, err := a.client()
	if err != nil {
		return nil, peering.Router{}, err
	}
	r, err := only[peering.Router](ctx, c, "router "+name, "/api/v1/routers"+byNameOrID("name", strings.TrimPrefix(name, "router/")))
	return c, r, err
}

// onRouter reads something of one router and prints it.
func onRouter[T any](a *app, use, short, path string, print func(Screen, T)) *cobra.Command {
	return &cobra.Command{Use: use + " ROUTER", Short: short, Args: takes("a router"), RunE: func(cc *cobra.Command, args []string) error {
		c, r, err := a.router(cc.Context(), args[0])
		if err != nil {
			return err
		}
		var v T
		if err := c.call(cc.Context(), http.MethodGet, fmt.Sprintf("/api/v1/routers/%d/%s", r.ID, path), nil, &v); err != nil {
			return err
		}
		if a.json {
			return printJSON(a.out, v)
		}
		print(a.screen(), v)
		return nil
	}}
}

func (a *app) routerDiff() *cobra.Command {
	c := onRouter(a, "diff", "Compare what a router runs of ours with what is recorded", "diff", showRouterDiff)
	c.Long = `Reads the router now. "-" is what it runs, "+" what is recorded. Each stanza
says which side moved since it was last deployed: pending (the record), drift
(the router: somebody else wrote there), or a change under way. "router deploy"
brings what is recorded there.`
	return c
}

func showRouterDiff(s Screen, d api.RouterDiffView) {
	if d.InSync {
		s.line("%s  %s", s.paint(bold, d.Router), s.paint(green, "runs what is recorded"))
		return
	}
	s.line("%s  not as recorded: %s", s.paint(bold, d.Router), count(len(d.Stanzas), "stanza"))
	pending := "pending"
	if len(d.Authors) > 0 {
		pending += ", edits by " + strings.Join(d.Authors, ", ")
	}
	words := map[peering.DiffReason]string{peering.DiffPending: s.paint(yellow, pending),
		peering.DiffDrift: s.paint(red, "drift: the router doesn't run what was deployed")}
	for _, stanza := range d.Stanzas {
		words[peering.DiffDeploying] = s.paint(yellow, fmt.Sprintf("change/%d put it there and isn't confirmed yet", stanza.ChangeID))
		var labels []string
		for _, l := range stanza.Labels {
			labels = append(labels, words[l])
		}
		s.line("%s  %s", s.paint(bold, stanza.Key), strings.Join(labels, "; "))
		s.diff(stanza.Text)
	}
}

func (a *app) routerAdopt() *cobra.Command {
	c := onRouter(a, "adopt", "Print the line that a router needs before peerflow can manage it", "adoption", func(s Screen, v api.AdoptionView) {
		if v.Line == "" {
			s.line("%s needs %s", v.Router, v.Needs)
			return
		}
		s.line("On %s, add this line to %s and load it:", v.Router, v.File)
		s.line("")
		s.line("    %s", s.paint(bold, v.Line))
		s.line("")
		s.line("%s.", v.Needs)
		s.line("peerflow router diff %s tells whether it is there.", v.Router)
	})
	c.Long = `Changes nothing: peerflow never writes the router's own configuration file, it
only owns the file that this line includes.`
	return c
}

func (a *app) routerReport(cc *cobra.Command, name string) (r routerReport, err error) {
	ctx := cc.Context()
	c, router, err := a.router(ctx, name)
	if err != nil {
		return r, err
	}
	r.Router = router
	if r.Driver, err = driverOf(ctx, c, router); err != nil {
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
	if r.Open, err = list[peering.Change](ctx, c, fmt.Sprintf("/api/v1/changes?router_id=%d&state=%s&state=%s", r.Router.ID, peering.ChangeDeploying, peering.ChangeNeedsOperator)); err != nil {
		return r, err
	}
	r.Neighbors, err = list[peering.ObservedNeighbor](ctx, c, fmt.Sprintf("/api/v1/routers/%d/neighbors", r.Router.ID))
	return r, err
}

// driverOf is what speaks to a router; nil where the server has no driver of that name.
func driverOf(ctx context.Context, c *Client, r peering.Router) (*api.DriverView, error) {
	var platform peering.PlatformRecord
	if err := c.call(ctx, http.MethodGet, fmt.Sprintf("/api/v1/platforms/%d", r.PlatformID), nil, &platform); err != nil {
		return nil, err
	}
	drivers, err := list[api.DriverView](ctx, c, "/api/v1/drivers")
	for _, d := range drivers {
		if d.Name == platform.Driver {
			return &d, nil
		}
	}
	return nil, err
}

func polled(p *peering.PollStatus) string {
	switch {
	case p == nil:
		return "not asked yet: a new router is within a minute, or what PEERFLOW_POLL says"
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
