package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"peerflow/api"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

func (a *app) peeringCommands() *cobra.Command {
	return group("peering", "Agreements with peers", a.peeringList(), a.peeringAsk(), a.peeringAgree())
}

func (a *app) peeringList() *cobra.Command {
	var state, turn string
	c := &cobra.Command{Use: "list", Short: "List agreements", Args: takes(), RunE: func(cc *cobra.Command, _ []string) error {
		names, err := a.names(cc.Context())
		if err != nil {
			return err
		}
		return show(cc, a, "/api/v1/peerings"+query("state", state, "turn", turn), func(s Screen, peerings []api.PeeringView) {
			rows := [][]string{{"PEERING", "ASN", "NAME", "EXCHANGE", "STATE", "TURN", "EVIDENCE"}}
			for _, p := range peerings {
				as := names.networks[p.PeerASID]
				rows = append(rows, []string{fmt.Sprint(p.ID), as.ASN.String(), as.Name, orDefault(names.exchanges[p.IXPID], "direct"), string(p.State),
					string(p.Turn), strings.TrimSpace(string(p.Evidence) + " " + p.EvidenceText)})
			}
			s.table(rows)
		})
	}}
	c.Flags().StringVar(&state, "state", "", "only in this state, e.g. requested_by_us")
	c.Flags().StringVar(&turn, "turn", "", "only those where it is the turn of us, them or nobody")
	return c
}

// names are what ids are called.
type names struct {
	networks  map[int64]peering.AutonomousSystem
	exchanges map[int64]string
}

func (a *app) names(ctx context.Context) (n names, err error) {
	c, err := a.client()
	if err != nil {
		return n, err
	}
	networks, err := list[peering.AutonomousSystem](ctx, c, "/api/v1/autonomous-systems")
	if err != nil {
		return n, err
	}
	exchanges, err := list[peering.IXP](ctx, c, "/api/v1/exchanges")
	n = names{networks: map[int64]peering.AutonomousSystem{}, exchanges: map[int64]string{}}
	for _, as := range networks {
		n.networks[as.ID] = as
	}
	for _, x := range exchanges {
		n.exchanges[x.ID] = x.Name
	}
	return n, err
}

func (a *app) peeringAgree() *cobra.Command {
	var g agreement
	c := &cobra.Command{Use: "agree AS64501", Short: "Record that a peer agreed", Args: takes("an AS number"),
		Long: `Marks every peering with the network that waits for its answer; changes that
wait for it go on. What was decided otherwise (declined, disputed, suspended,
ignored, ended) is left, and marked only where --exchange names it. Needs the
role operator.`}
	c.Flags().StringVar(&g.text, "evidence", "", "the mail's id, the ticket, or who said so (required)")
	c.Flags().StringVar(&g.kind, "kind", "person", "what the evidence is: mail, ticket, api or person")
	c.Flags().StringVar(&g.exchange, "exchange", "", "only there (slug or id, or direct), whatever was decided before")
	c.RunE = func(cc *cobra.Command, args []string) (err error) {
		if g.asn, err = bgp.ParseASN(args[0]); err != nil {
			return usage("%w", err)
		}
		if g.text == "" {
			return usage("--evidence is missing: the mail's id, the ticket, or who said so")
		}
		return a.agree(cc.Context(), g)
	}
	return c
}

// agreement is what a peer said.
type agreement struct {
	asn                  bgp.ASN
	kind, text, exchange string
}

func (a *app) agree(ctx context.Context, g agreement) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	open, left, err := g.peerings(ctx, c)
	if err != nil {
		return err
	}
	agreed := []peering.Peering{}
	var failed []error
	for _, p := range open {
		err := c.call(ctx, http.MethodPost, fmt.Sprintf("/api/v1/peerings/%d/agree", p.ID), map[string]string{"evidence": g.kind, "text": g.text}, &p)
		if err != nil {
			failed = append(failed, fmt.Errorf("peering %d: %w", p.ID, err))
			continue
		}
		agreed = append(agreed, p)
	}
	for _, l := range left {
		fmt.Fprintln(a.errOut, "left as it is: "+l)
	}
	if len(agreed) == 0 {
		return errors.Join(failed...)
	}
	return errors.Join(append(failed, a.say(agreed, nil, fmt.Sprintf("%s agreed: %s", g.asn, count(len(agreed), "peering"))))...)
}

// peerings are those that the answer is for, and what is said of the others.
func (g agreement) peerings(ctx context.Context, c *Client) (open []peering.Peering, left []string, err error) {
	all, err := list[peering.Peering](ctx, c, "/api/v1/peerings"+query("asn", fmt.Sprint(uint32(g.asn)), "state__n", string(peering.Agreed)))
	if err != nil {
		return nil, nil, err
	}
	exchanges, err := list[peering.IXP](ctx, c, "/api/v1/exchanges")
	if err != nil {
		return nil, nil, err
	}
	slugs := map[int64]string{0: peering.Direct}
	for _, x := range exchanges {
		slugs[x.ID] = x.Slug
	}
	for _, p := range all {
		slug := slugs[p.IXPID]
		named := slug == g.exchange || fmt.Sprint(p.IXPID) == g.exchange && p.IXPID != 0
		switch {
		case named, g.exchange == "" && p.Awaits(time.Now()):
			open = append(open, p)
		case g.exchange == "":
			left = append(left, fmt.Sprintf("peering %d, %s, is %s: %s", p.ID, slug, p.State, p.State.Remedy(g.asn, strings.TrimPrefix(slug, peering.Direct))))
		}
	}
	switch {
	case len(open) > 0:
		return open, left, nil
	case len(left) > 0:
		return nil, nil, peering.Errorf(peering.Conflict, "no peering with %s waits for an agreement: %s", g.asn, strings.Join(left, "; "))
	case g.exchange != "":
		return nil, nil, peering.Errorf(peering.NotFound, "no peering with %s at %s is to be agreed: peerflow peering list says how they stand", g.asn, g.exchange)
	}
	return nil, nil, peering.Errorf(peering.NotFound, "no peering with %s waits for an agreement: start one with peerflow peer %s", g.asn, g.asn)
}

func (a *app) sessionCommands() *cobra.Command {
	return group("session", "BGP sessions and how they are doing", a.sessionList(), a.sessionShow(), a.sessionWhy())
}

func (a *app) sessionList() *cobra.Command {
	var down, waiting bool
	var asn, router, turn string
	c := &cobra.Command{Use: "list", Short: "List sessions", Args: takes(), RunE: func(cc *cobra.Command, _ []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		if router != "" { // a name with a typing error would list nothing, as if all was well
			_, r, err := a.router(cc.Context(), router)
			if err != nil {
				return err
			}
			router = fmt.Sprint(r.ID)
		}
		filters := []string{"peer_asn", asn, "router_id", router, "turn", turn}
		if down {
			filters = append(filters, "display", string(peering.ShowDown), "display", string(peering.ShowDegraded))
		}
		if waiting {
			filters = append(filters, "display", string(peering.ShowWaiting))
		}
		found, err := c.Sessions(cc.Context(), filters...)
		if err != nil {
			return err
		}
		if a.json {
			return printJSON(a.out, found)
		}
		a.sessionTable(found)
		return nil
	}}
	c.Flags().BoolVar(&down, "down", false, "only those that were up and are not, or not fully")
	c.Flags().BoolVar(&waiting, "waiting", false, "only those that wait for the other side")
	c.Flags().StringVar(&turn, "turn", "", "only those where it is the turn of us, them, exchange or nobody")
	c.Flags().StringVar(&asn, "asn", "", "only with this network")
	c.Flags().StringVar(&router, "router", "", "only on this router (name or id)")
	return c
}

func (a *app) sessionTable(sessions []api.SessionView) {
	s := a.screen()
	rows := [][]string{{"SESSION", "ASN", "PEER", "STATE", "TURN", "WHY"}}
	for _, v := range sessions {
		rows = append(rows, []string{fmt.Sprint(v.ID), v.PeerAS.String(), v.PeerAddress.String(), string(v.Display), string(v.Turn), v.Why})
	}
	s.table(rows)
}

func (a *app) sessionWhy() *cobra.Command {
	return &cobra.Command{Use: "why SESSION", Short: "Say why a session is as it is", Args: takes("a session"),
		Long: "The session is named by its number or by the peer's address.", RunE: func(cc *cobra.Command, args []string) error {
			_, v, err := a.session(cc.Context(), args[0])
			if err != nil {
				return err
			}
			if a.json {
				return printJSON(a.out, v)
			}
			a.explain(v)
			return nil
		}}
}

// session finds the session that a person named.
func (a *app) session(ctx context.Context, name string) (*Client, api.SessionView, error) {
	named, err := sessionNamed(name)
	if err != nil {
		return nil, api.SessionView{}, err
	}
	c, err := a.client()
	if err != nil {
		return nil, api.SessionView{}, err
	}
	v, err := only[api.SessionView](ctx, c, "session "+name, "/api/v1/sessions"+named)
	return c, v, err
}

// sessionNamed reads 12, session/12 as it is printed, or a peer's address.
func sessionNamed(text string) (string, error) {
	if id, err := strconv.ParseInt(strings.TrimPrefix(text, "session/"), 10, 64); err == nil && id > 0 {
		return query("id", fmt.Sprint(id)), nil
	}
	if addr, err := netip.ParseAddr(text); err == nil {
		return query("peer_address", addr.String()), nil
	}
	return "", usage("%q is no session: give its number, or the peer's address", text)
}

func (a *app) explain(v api.SessionView) {
	s := a.screen()
	s.line("session/%d  %s %s  %s", v.ID, v.PeerAS, v.PeerAddress, s.state(string(v.Display)))
	s.line("  %s", v.Why)
	s.line("  intent %s, sync %s, turn %s", v.Intent, v.Sync, v.Turn)
	if v.Observed == nil {
		return
	}
	s.line("  router says %s, seen %s", v.Observed.State, v.Observed.SeenAt.Format("2006-01-02 15:04:05 MST"))
	for _, f := range v.Observed.Families {
		s.line("  %s: received %s, accepted %s, announced %s, limit %s", f.Family, figure(f.Received), figure(f.Accepted), figure(f.Announced), figure(f.Limit))
	}
}

// figure prints a counter; one that wasn't reported is no zero.
func figure(n *int64) string {
	if n == nil {
		return "not reported"
	}
	return fmt.Sprint(*n)
}
