package cmd

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"peerflow/api"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// sessionReport is what session show --json prints.
type sessionReport struct {
	Session   api.SessionView          `json:"session"`
	Effective peering.EffectiveSession `json:"effective"`
}

func (a *app) sessionShow() *cobra.Command {
	return &cobra.Command{Use: "show SESSION", Short: "Show a session: how it stands, and what holds for it from where", Args: takes("a session"),
		Long: `The session is named by its number or by the peer's address. Values are those
that its router is configured with, as they are recorded: policies, prefix limits
and the rest, inherited or its own, each with its origin.`, RunE: func(cc *cobra.Command, args []string) error {
			c, v, err := a.session(cc.Context(), args[0])
			if err != nil {
				return err
			}
			r := sessionReport{Session: v}
			if err := c.call(cc.Context(), http.MethodGet, fmt.Sprintf("/api/v1/sessions/%d/effective", v.ID), nil, &r.Effective); err != nil {
				return err
			}
			if a.json {
				return printJSON(a.out, r)
			}
			a.explain(v)
			a.screen().table(effectiveRows(r.Effective))
			return nil
		}}
}

// effectiveRows are the values with their origins, as a table.
func effectiveRows(e peering.EffectiveSession) [][]string {
	rows := [][]string{{"VALUE", "IS", "FROM"}}
	add := func(what, value string, origin peering.Origin, from string) {
		if value == "" {
			value = "none"
		}
		rows = append(rows, []string{what, value, orDefault(from, string(origin))})
	}
	relationship := e.Relationship.Value
	if e.Role.Value != "" {
		relationship += fmt.Sprintf(" (our role: %s)", e.Role.Value)
	}
	add("relationship", relationship, e.Relationship.Origin, e.Relationship.From)
	add("local AS", e.LocalAS.Value.String(), e.LocalAS.Origin, e.LocalAS.From)
	add("local address", e.LocalAddress.Value, e.LocalAddress.Origin, e.LocalAddress.From)
	add("BGP port", fmt.Sprint(*e.BGPPort.Value), e.BGPPort.Origin, e.BGPPort.From)
	for _, f := range e.Families {
		add(f.Family.String()+" prefix limit", limitWord(f.Limit.Value), f.Limit.Origin, f.Limit.From)
		for _, list := range []struct {
			what     string
			policies []peering.Effective[peering.PolicyRef]
		}{{" import", f.Import}, {" export", f.Export}} {
			for _, p := range list.policies {
				add(f.Family.String()+list.what, p.Value.Slug, p.Origin, p.From)
			}
			if len(list.policies) == 0 {
				add(f.Family.String()+list.what, "", peering.FromNowhere, "")
			}
		}
	}
	hold, multihop, password := "the router's default", "no", ""
	if e.HoldTime.Value != nil {
		hold = fmt.Sprintf("%d s", *e.HoldTime.Value)
	}
	if e.Multihop.Value != nil {
		multihop = fmt.Sprintf("TTL %d", *e.Multihop.Value)
	}
	if ref := e.Password.Value; ref != nil {
		password = peering.HideSecrets(ref.String())
	}
	add("hold time", hold, e.HoldTime.Origin, e.HoldTime.From)
	add("multihop", multihop, e.Multihop.Origin, e.Multihop.From)
	add("passive", map[bool]string{true: "yes", false: "no"}[e.Passive.Value], e.Passive.Origin, e.Passive.From)
	add("password", password, e.Password.Origin, e.Password.From)
	if e.Protected != "" {
		add("protected", e.Protected, peering.FromRule, "no change may touch it unless its kind allows it")
	}
	return rows
}

// limitWord prints a limit; one that nobody gives is no "inherit".
func limitWord(l bgp.PrefixLimit) string {
	if l.Inherits() {
		return ""
	}
	return l.String()
}
