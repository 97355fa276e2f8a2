package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"peerflow/internal/peering"
)

func (a *app) approvalRuleCommands() *cobra.Command {
	return group("approval-rule", "How much approval plans take", a.approvalRuleList(), a.approvalRuleShow())
}

func (a *app) approvalRuleList() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List approval rules", Args: takes(), RunE: func(cc *cobra.Command, _ []string) error {
		return show(cc, a, "/api/v1/approval-rules", func(s Screen, rules []peering.ApprovalRule) {
			rows := [][]string{{"RULE", "NAME", "MATCHES", "NEEDS"}}
			for _, r := range rules {
				rows = append(rows, []string{fmt.Sprint(r.ID), r.Name, ruleMatches(r), ruleNeeds(r)})
			}
			rows = append(rows, []string{"-", peering.DefaultDemand.Rule, "where no other matches", needs(peering.DefaultDemand.Terms)})
			s.table(rows)
		})
	}}
}

func (a *app) approvalRuleShow() *cobra.Command {
	return recordOf(a, "approval-rule", "Show an approval rule", "name", itself, func(s Screen, r peering.ApprovalRule) {
		s.line("approval-rule/%d  %s", r.ID, s.paint(bold, r.Name))
		s.line("matches  %s", ruleMatches(r))
		s.line("needs    %s", ruleNeeds(r))
	})
}

// ruleMatches says in words which plans a rule is about.
func ruleMatches(r peering.ApprovalRule) string {
	var parts []string
	add := func(set bool, format string, args ...any) {
		if set {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(len(r.Kinds) > 0, "kind %s", anyOf(r.Kinds))
	add(r.Disruption != peering.DisruptsNone, "disruption %s or worse", r.Disruption)
	add(r.Protected, "reaches protected sessions")
	add(r.MinSessions > 0, "%d sessions or more", r.MinSessions)
	add(r.MinRouters > 0, "%d routers or more", r.MinRouters)
	add(len(r.RouterIDs) > 0, "router %s", anyOf(r.RouterIDs))
	add(len(r.SiteIDs) > 0, "site %s", anyOf(r.SiteIDs))
	add(r.VotesNeeded == 0, "nothing but prefix lists, by %d entries or less", r.FilterChangeLimit)
	return orDefault(strings.Join(parts, ", "), "every plan")
}

func anyOf[T any](list []T) string {
	words := make([]string, len(list))
	for i, v := range list {
		words[i] = fmt.Sprint(v)
	}
	return strings.Join(words, "|")
}

func ruleNeeds(r peering.ApprovalRule) string {
	if r.Disabled {
		return "disabled"
	}
	return needs(r.Terms)
}

func needs(t peering.Terms) string {
	if t.VotesNeeded == 0 {
		return "nobody: approved by this rule"
	}
	text := fmt.Sprintf("%d approval", t.VotesNeeded)
	if t.VotesNeeded > 1 {
		text += "s"
	}
	if t.ApprovalMinutes > 0 {
		text += fmt.Sprintf(", each for %d min", t.ApprovalMinutes)
	}
	if t.SoloAfterMinutes > 0 {
		text += fmt.Sprintf(", the author's own after %d min", t.SoloAfterMinutes)
	}
	return text
}
