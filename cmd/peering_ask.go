package cmd

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

func (a *app) peeringAsk() *cobra.Command {
	return &cobra.Command{Use: "ask AS64501", Short: "Print the text to send to a network", Args: takes("an AS number"),
		Long: `One text for all exchanges: wherever the network's answer is awaited, or its end
of an agreed session is missing. Nothing sends it. Once it answers: peering agree.
Our contact is what the context of our own AS says, as {"contact": "…"}.`,
		RunE: func(cc *cobra.Command, args []string) error {
			asn, err := bgp.ParseASN(args[0])
			if err != nil {
				return usage("%w", err)
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			ask, err := c.Ask(cc.Context(), asn)
			if err != nil {
				return err
			}
			if a.json {
				return printJSON(a.out, ask)
			}
			showAsk(a.screen(), ask)
			return nil
		}}
}

// Ask is the text to send to a network.
func (c *Client) Ask(ctx context.Context, asn bgp.ASN) (ask peering.AskText, err error) {
	found, err := list[peering.AutonomousSystem](ctx, c, "/api/v1/autonomous-systems"+query("asn", fmt.Sprint(uint32(asn))))
	if err != nil {
		return ask, err
	}
	if len(found) == 0 {
		return ask, peering.Errorf(peering.NotFound, "%s isn't recorded: start with peerflow peer %s", asn, asn)
	}
	return ask, c.call(ctx, http.MethodGet, fmt.Sprintf("/api/v1/autonomous-systems/%d/ask", found[0].ID), nil, &ask)
}

// askedFor is the text for a change that waits for its peer; nil for others, and
// where there is nothing to ask for any more.
func (c *Client) askedFor(ctx context.Context, change peering.Change) (*peering.AskText, error) {
	if !waitsForAgreement(change) || change.Request.ASN == 0 {
		return nil, nil
	}
	ask, err := c.Ask(ctx, change.Request.ASN)
	switch exitCode(err) {
	case exitNotFound, exitRefused:
		return nil, nil
	}
	return &ask, err
}

func showAsk(s Screen, ask peering.AskText) {
	s.line("%s the peering contacts at %s", s.paint(bold, "to"), ask.Contacts)
	s.line("%s %s", s.paint(bold, "subject"), ask.Subject)
	s.line("")
	s.line("%s", strings.TrimRight(ask.Body, "\n"))
}
