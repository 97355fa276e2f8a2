package cmd

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"peerflow/api"
	"peerflow/internal/peering"
)

func (a *app) changeCommands() *cobra.Command {
	return group("change", "Look at changes and decide on them",
		a.changeList(), a.changeShow(), a.changeWatch(), a.changePaste(),
		a.decision("approve", "Approve a change's plan", peering.Approve), a.decision("reject", "Reject a change's plan, which ends it", peering.Reject),
		a.command("cancel", "cancel", "Cancel a change that isn't being deployed yet", `Needs the role operator. Acts at once, and on what is left where some routers run the change already;
refused while a router is being deployed to: then it is rollback.`),
		a.command("rollback", "roll-back", "Let the router return to what it ran before, now", `Needs the role operator. From the commit until the confirm it acts at once, without
approval. What completed, or did in part, is undone by a new change, which is
followed to its plan and approved like any other.`),
		a.command("confirm", "confirm-now", "End the soak early, in your name", `Needs the role approver. Stored with your name and with what wasn't checked;
refused when a check has failed.`),
		a.command("resolve", "resolve", "Have the router read, for a change that needs an operator", `Needs the role operator. Reads the router first, and records what it runs, over edits that came later;
routers that are left follow. change show says why it can't be resolved yet.`),
		a.command("revoke", "revoke", "Take your vote back", `Needs the role approver. Possible until the commit.`))
}

// changeID reads 12, or change/12 as it is printed.
func changeID(text string) (int64, error) {
	id, err := strconv.ParseInt(strings.TrimPrefix(text, "change/"), 10, 64)
	if err != nil || id < 1 {
		return 0, usage("%q is no change: give its number", text)
	}
	return id, nil
}

// onChange is a command on one change.
func (a *app) onChange(use, short string, do func(ctx context.Context, c *Client, id int64) error) *cobra.Command {
	return &cobra.Command{Use: use + " CHANGE", Short: short, Args: takes("a change"), RunE: func(cc *cobra.Command, args []string) error {
		id, err := changeID(args[0])
		if err != nil {
			return err
		}
		c, err := a.client()
		if err != nil {
			return err
		}
		return do(cc.Context(), c, id)
	}}
}

func (a *app) changeList() *cobra.Command {
	var state, asn string
	var most int
	c := &cobra.Command{Use: "list", Short: "List changes, newest first", Args: takes(), RunE: func(cc *cobra.Command, _ []string) error {
		return showSome(cc, a, most, "/api/v1/changes"+query("state", state, "asn", asn), func(s Screen, changes []peering.Change) {
			rows := [][]string{{"CHANGE", "KIND", "ASN", "STATE", "AUTHOR", "STEP"}}
			for _, c := range changes {
				asn := ""
				if c.Request.ASN != 0 {
					asn = c.Request.ASN.String()
				}
				rows = append(rows, []string{fmt.Sprint(c.ID), string(c.Kind), asn, string(c.State), c.Author, orDefault(c.Outcome, c.Step)})
			}
			s.table(rows)
		})
	}}
	c.Flags().IntVar(&most, "limit", 50, "at most so many; 0 is all")
	c.Flags().StringVar(&state, "state", "", "only in this state, e.g. awaiting_approval")
	c.Flags().StringVar(&asn, "asn", "", "only with this network")
	return c
}

func (a *app) changeShow() *cobra.Command {
	return a.onChange("show", "Show a change: where it stands, its plan and diff", func(ctx context.Context, c *Client, id int64) error {
		r, err := c.report(ctx, id)
		if err != nil {
			return err
		}
		if a.json {
			return printJSON(a.out, r)
		}
		a.showReport(a.screen(), r)
		w := newWatcher(c, id, a.screen())
		for _, d := range r.Deployments {
			w.deployment(d)
		}
		ShowSessions(a.screen(), r.Sessions)
		showWatch(a.screen(), r.Watch, r.Sessions, time.Now())
		return nil
	})
}

// showReport prints where a change stands, its plan, and how to decide on it.
func (a *app) showReport(s Screen, r peerReport) {
	c := r.Change
	s.line("%s  %s  %s  by %s  %s", s.paint(dim, fmt.Sprintf("change/%d", c.ID)), s.paint(bold, string(c.Kind)), s.state(string(c.State)), c.Author, c.Reason)
	s.line("%s", orDefault(c.Outcome, c.Step))
	if r.Ask != nil {
		s.line("%s", s.paint(bold, "the text to send"))
		showAsk(s, *r.Ask)
		s.line("once the peer agreed: peerflow peering agree %s --evidence TEXT", c.Request.ASN)
	}
	if r.Plan == nil {
		ShowOmissions(s, c.Omissions)
	} else {
		ShowPlan(s, c, *r.Plan)
	}
	if !c.ExpiresAt.IsZero() && !c.State.Ended() {
		s.line("expires %s unless it is approved by then", c.ExpiresAt.Format("2006-01-02 15:04 MST"))
	}
	if c.State == peering.ChangeAwaitingApproval {
		s.line("to decide: peerflow change approve %d --plan %s", c.ID, shortHash(c.PlanHash))
	}
}

// report reads all that there is to see of a change.
func (c *Client) report(ctx context.Context, id int64) (r peerReport, err error) {
	if r.Change, err = c.Change(ctx, id); err != nil {
		return r, err
	}
	if r.Ask, err = c.askedFor(ctx, r.Change); err != nil {
		return r, err
	}
	if r.Change.PlanID != 0 {
		plan, err := c.Plan(ctx, id)
		if err != nil {
			return r, err
		}
		r.Plan = &plan
	}
	if r.Deployments, err = c.Deployments(ctx, id); err != nil {
		return r, err
	}
	if r.Change.State == peering.ChangeCompleted && r.Plan != nil {
		if r.Sessions, err = added(ctx, c, *r.Plan); err != nil {
			return r, err
		}
	}
	if r.Change.State == peering.ChangeCompleted && r.Change.Kind == peering.KindProvision {
		r.Watch, err = c.watchTold(ctx, id)
	}
	return r, err
}

func (a *app) changeWatch() *cobra.Command {
	return a.onChange("watch", "Follow a change to its end", func(ctx context.Context, c *Client, id int64) error {
		s := a.screen()
		if a.json {
			s = Screen{Out: a.errOut}
		}
		change, err := Watch(ctx, c, id, s, Ended)
		if err != nil {
			return goesOn(err, id)
		}
		if a.json {
			if err := printJSON(a.out, change); err != nil {
				return err
			}
		}
		return ended{code: stateCode(change.State)}
	})
}

func (a *app) decision(verb, short string, d peering.Decision) *cobra.Command {
	var reason, plan string
	var code bool
	c := a.onChange(verb, short, func(ctx context.Context, c *Client, id int64) error {
		if d == peering.Approve && plan == "" && !code && !a.atTerminal() {
			return usage("without a terminal an approval names the plan that was looked at: peerflow change approve %d --plan HASH, as change show %[1]d prints it", id)
		}
		hash, err := planOf(ctx, c, id, plan)
		if err != nil {
			return err
		}
		if code {
			return a.printCode(ctx, c, id, d, hash)
		}
		result, err := c.Decide(ctx, id, d, hash, reason)
		return a.say(result, err, result.Text)
	})
	c.Long = `Needs the role approver. Counts for the plan in force, or with --plan for that
one alone: what moved since you looked is refused. Without a terminal an
approval has to name its plan. The author of a change
doesn't approve it, except as the only user.`
	c.Flags().StringVar(&plan, "plan", "", "only this plan, by the first 8 or more digits of its hash")
	c.Flags().StringVar(&reason, "reason", "", "why, for the record")
	c.Flags().BoolVar(&code, "code", false, "print an approval code to paste in the Temporal UI instead of deciding")
	return c
}

// planOf is the plan in force, unless the caller named another.
func planOf(ctx context.Context, c *Client, id int64, plan string) (string, error) {
	if plan != "" {
		if _, err := strconv.ParseUint(plan[:min(8, len(plan))], 16, 32); err != nil || len(plan) < 8 {
			return "", usage("--plan=%s: give the first 8 or more digits of the plan's hash, as change show prints them", plan)
		}
		return strings.ToLower(plan), nil
	}
	change, err := c.Change(ctx, id)
	if err == nil && change.PlanHash == "" {
		err = peering.Errorf(peering.Conflict, "change %d has no plan yet: it is %s", id, change.State)
	}
	return change.PlanHash, err
}

func (a *app) printCode(ctx context.Context, c *Client, id int64, d peering.Decision, hash string) error {
	var made api.ApprovalCode
	err := c.call(ctx, http.MethodPost, changePath(id, "/approval-codes"), map[string]any{"plan": hash, "decision": d}, &made)
	return a.say(made, err, fmt.Sprintf("%s\nin the Temporal UI: workflow change/%d, Update decide, input %s", made.Code, id, made.Paste))
}

// command tells a change something; verb is its path.
func (a *app) command(use, verb, short, long string) *cobra.Command {
	var reason string
	c := a.onChange(use, short, func(ctx context.Context, c *Client, id int64) error {
		done, err := c.Command(ctx, id, verb, reason)
		if err == nil && done.ChangeID != 0 {
			return a.follow(ctx, c, done.ChangeID)
		}
		return a.say(done, err, fmt.Sprintf("change/%d: %s, by %s", id, strings.ReplaceAll(string(done.Kind), "_", " "), done.User))
	})
	c.Long = long
	c.Flags().StringVar(&reason, "reason", "", "why, for the record")
	return c
}

// follow leads a change that a command opened to its plan, or to its end.
func (a *app) follow(ctx context.Context, c *Client, id int64) error {
	s := a.screen()
	if a.json {
		s = Screen{Out: a.errOut}
	}
	if _, err := Watch(ctx, c, id, s, Decidable); err != nil {
		return goesOn(err, id)
	}
	r, err := c.report(ctx, id)
	switch {
	case err != nil:
		return err
	case a.json:
		err = printJSON(a.out, r)
	default:
		a.showReport(s, r)
	}
	if err == nil && r.Change.State.Ended() {
		err = ended{code: stateCode(r.Change.State)}
	}
	return err
}

// say prints what happened, as JSON or in words.
func (a *app) say(v any, err error, words string) error {
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(a.out, v)
	}
	_, err = fmt.Fprintln(a.out, words)
	return err
}

// show reads a list and prints it.
func show[T any](cc *cobra.Command, a *app, path string, table func(Screen, []T)) error {
	return showSome(cc, a, 0, path, table)
}

// showSome prints the first records of a list; 0 is all.
func showSome[T any](cc *cobra.Command, a *app, most int, path string, table func(Screen, []T)) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	items, err := first[T](cc.Context(), c, most, path)
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(a.out, items)
	}
	table(a.screen(), items)
	return nil
}

// byNameOrID is a query for a record that a person named.
func byNameOrID(field, text string) string {
	if _, err := strconv.ParseInt(text, 10, 64); err == nil {
		field = "id"
	}
	return query(field, text)
}
