package cmd

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"peerflow/internal/peering"
)

func (a *app) exchangeCommands() *cobra.Command {
	head := []string{"EXCHANGE", "SLUG", "NAME", "MESH", "AGREEMENT"}
	list := tableOf(a, "List exchanges where we have connections", "/api/v1/exchanges", head, func(x peering.IXP) []string {
		return []string{fmt.Sprint(x.ID), x.Slug, x.Name, string(x.Mesh), string(x.Agreement)}
	})
	return group("exchange", "Internet exchanges, and our connections there", list,
		recordOf(a, "exchange", "Show an exchange (slug or number) with our connections there", "slug", exchangeWith, showExchange))
}

// exchangeReport is what `exchange show` prints.
type exchangeReport struct {
	Exchange    peering.IXP          `json:"exchange"`
	Connections []peering.Connection `json:"connections"`
	places      places
}

func exchangeWith(ctx context.Context, c *Client, x peering.IXP) (r exchangeReport, err error) {
	r.Exchange = x
	if r.places, err = placesOf(ctx, c); err != nil {
		return r, err
	}
	r.Connections, err = list[peering.Connection](ctx, c, "/api/v1/connections"+query("exchange_id", strconv.FormatInt(x.ID, 10)))
	return r, err
}

func showExchange(s Screen, r exchangeReport) {
	x := r.Exchange
	s.line("exchange/%d  %s  %s", x.ID, s.paint(bold, x.Slug), x.Name)
	s.line("mesh %s, agreement %s", x.Mesh, x.Agreement)
	if x.IXLANID == 0 {
		s.line("not tied to PeeringDB: set its ixlan_id, and peerflow peer finds networks there")
	} else {
		s.line("PeeringDB's ixlan %d", x.IXLANID)
	}
	s.table(rowsOf(connectionHead, r.Connections, r.places.row))
}

func (a *app) connectionCommands() *cobra.Command {
	var exchange, router string
	list := &cobra.Command{Use: "list", Short: "List our ports at exchanges", Args: takes()}
	list.Flags().StringVar(&exchange, "exchange", "", "only those at this exchange (slug)")
	list.Flags().StringVar(&router, "router", "", "only those of this router (name)")
	list.RunE = func(cc *cobra.Command, _ []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		names, err := placesOf(cc.Context(), c)
		if err != nil {
			return err
		}
		return show(cc, a, "/api/v1/connections"+query("exchange", exchange, "router", router), func(s Screen, all []peering.Connection) {
			s.table(rowsOf(connectionHead, all, names.row))
		})
	}
	return group("connection", "Our ports at exchanges", list, recordOf(a, "connection", "Show a connection (number or IPv4 address)", "ipv4", connectionWith, showConnection))
}

// connectionReport is what `connection show` prints.
type connectionReport struct {
	Connection peering.Connection `json:"connection"`
	Exchange   string             `json:"exchange"`
	Router     string             `json:"router"`
	Sessions   int                `json:"sessions"` // recorded over it
}

func connectionWith(ctx context.Context, c *Client, con peering.Connection) (r connectionReport, err error) {
	names, err := placesOf(ctx, c)
	if err != nil {
		return r, err
	}
	sessions, err := c.Sessions(ctx, "connection_id", strconv.FormatInt(con.ID, 10))
	return connectionReport{con, names.exchanges[con.IXPID], names.routers[con.RouterID], len(sessions)}, err
}

func showConnection(s Screen, r connectionReport) {
	c := r.Connection
	s.line("connection/%d  %s on %s  %s", c.ID, s.paint(bold, r.Exchange), s.paint(bold, r.Router), connectionState(c))
	for _, a := range []struct {
		address netip.Addr
		lan     netip.Prefix
	}{{c.IPv4, c.IPv4LAN}, {c.IPv6, c.IPv6LAN}} {
		if a.address.IsValid() {
			s.line("%s in %s", a.address, a.lan)
		}
	}
	if port := portOf(c); port != "" {
		s.line("%s", port)
	}
	if c.Description != "" {
		s.line("%s", c.Description)
	}
	s.line("%s", count(r.Sessions, "session"))
}

// places are the names that a connection joins.
type places struct{ exchanges, routers map[int64]string }

func placesOf(ctx context.Context, c *Client) (p places, err error) {
	if p.exchanges, err = named(ctx, c, "/api/v1/exchanges", func(x peering.IXP) (int64, string) { return x.ID, x.Slug }); err != nil {
		return p, err
	}
	p.routers, err = named(ctx, c, "/api/v1/routers", func(r peering.Router) (int64, string) { return r.ID, r.Name })
	return p, err
}

var connectionHead = []string{"CONNECTION", "EXCHANGE", "ROUTER", "STATE", "IPV4", "IPV6", "PORT"}

func (p places) row(c peering.Connection) []string {
	address := func(a netip.Addr) string {
		if !a.IsValid() {
			return ""
		}
		return a.String()
	}
	return []string{fmt.Sprint(c.ID), p.exchanges[c.IXPID], p.routers[c.RouterID], connectionState(c), address(c.IPv4), address(c.IPv6), portOf(c)}
}

func connectionState(c peering.Connection) string {
	if c.Primary {
		return string(c.State) + ", primary"
	}
	return string(c.State)
}

func portOf(c peering.Connection) string {
	if c.VLAN == 0 {
		return c.Interface
	}
	return strings.TrimSpace(fmt.Sprintf("%s VLAN %d", c.Interface, c.VLAN))
}
