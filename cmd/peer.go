package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"peerflow/api"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// peerRun is one `peerflow peer`, or another command that opens a change and leads it to its end.
type peerRun struct {
	*app
	open     func(context.Context) (peering.Change, error)
	title    string // what it is, beside its number
	client   *Client
	show     Screen
	watcher  *watcher
	wish     Wish
	wait     string // "", verified or up
	yes      bool
	patience time.Duration
}

func (a *app) peerCommand() *cobra.Command {
	p := &peerRun{app: a}
	var exchanges []string
	c := &cobra.Command{Use: "peer AS64501", Short: "Bring up sessions with a network", Args: takes("an AS number"),
		Long: `Looks the network up, plans sessions at the exchanges you share, shows what it
would do and asks for approval, then follows the change until it is verified.
Without a terminal it plans and says how to go on, unless --yes approves it.

Exit code 6: configured, and the other side isn't there yet (--wait=up), or the
peer has to agree first. 5: the change failed or was rolled back.`}
	p.flags(c)
	c.Flags().StringSliceVar(&exchanges, "exchange", nil, "only at these exchanges (slug or id)")
	c.Flags().BoolVar(&p.wish.AllPorts, "all-ports", false, "more than 16 ports of the peer at one exchange are meant")
	c.Flags().BoolVar(&p.wish.IncludePending, "include-pending", false, "carry pending edits of others")
	c.RunE = func(c *cobra.Command, args []string) error {
		asn, err := bgp.ParseASN(args[0])
		if err != nil {
			return usage("%w", err)
		}
		p.wish.ASN, p.title = uint32(asn), fmt.Sprintf("%s with AS%d", p.screen().paint(bold, "peering"), asn)
		p.open = func(ctx context.Context) (peering.Change, error) { return p.client.Peer(ctx, p.wish) }
		if p.client, err = a.client(); err != nil {
			return err
		}
		if p.wish.ExchangeIDs, err = p.exchanges(c.Context(), exchanges); err != nil {
			return err
		}
		return p.run(c.Context())
	}
	return c
}

// flags are those of every command that leads a change.
func (p *peerRun) flags(c *cobra.Command) {
	c.Flags().StringVar(&p.wait, "wait", "", "wait for others' approval too, until the change is verified or (=up) its sessions are up")
	c.Flags().Lookup("wait").NoOptDefVal = "verified"
	c.Flags().BoolVar(&p.yes, "yes", false, "approve as yourself, without asking")
	c.Flags().StringVar(&p.wish.Reason, "reason", "", "why, for approvers and the record")
	c.Flags().DurationVar(&p.patience, "patience", time.Minute, "with --wait=up: how long to wait for the other side")
}

func (p *peerRun) exchanges(ctx context.Context, names []string) (ids []int64, err error) {
	for _, name := range names {
		x, err := only[peering.IXP](ctx, p.client, "exchange "+name, "/api/v1/exchanges"+byNameOrID("slug", name))
		if err != nil {
			return nil, err
		}
		ids = append(ids, x.ID)
	}
	return ids, nil
}

func (p *peerRun) run(ctx context.Context) error {
	if p.wait != "" && p.wait != "verified" && p.wait != "up" {
		return usage("--wait=%s: give verified or up", p.wait)
	}
	p.show = p.screen()
	if p.json {
		p.show = Screen{Out: p.errOut}
	}
	change, err := p.open(ctx)
	if err != nil {
		return err
	}
	p.show.line("%s  %s", p.show.paint(dim, fmt.Sprintf("change/%d", change.ID)), p.title)
	p.watcher = newWatcher(p.client, change.ID, p.show)
	report, err := p.lead(ctx, change.ID)
	if p.json && report.Change.ID != 0 {
		if e := printJSON(p.out, report); e != nil {
			return e
		}
	}
	return goesOn(err, change.ID)
}

// peerReport is what --json prints.
type peerReport struct {
	Change      peering.Change       `json:"change"`
	Ask         *peering.AskText     `json:"ask,omitempty"` // the text to send, while the change waits for its peer
	Plan        *api.PlanView        `json:"plan,omitempty"`
	Deployments []api.DeploymentView `json:"deployments,omitempty"`
	Sessions    []api.SessionView    `json:"sessions,omitempty"`
	Watch       []told               `json:"watch,omitempty"` // reminders and the report, where the other side is awaited
}

// lead brings a change as far as the flags and the person at the terminal want.
func (p *peerRun) lead(ctx context.Context, id int64) (r peerReport, err error) {
	until := Decidable
	if p.wait != "" {
		until = func(c peering.Change) bool { return Decidable(c) && !waitsForAgreement(c) }
	}
	if r.Change, err = p.watcher.watch(ctx, until); err != nil {
		return r, err
	}
	if err := p.lookedUp(ctx); err != nil {
		return r, err
	}
	if waitsForAgreement(r.Change) {
		if r.Ask, err = p.client.askedFor(ctx, r.Change); err != nil {
			return r, err
		}
		if r.Ask != nil {
			p.show.line("%s", p.show.paint(bold, "the text to send"))
			showAsk(p.show, *r.Ask)
		}
		p.show.line("once the peer agreed: peerflow peering agree AS%d --evidence TEXT", p.wish.ASN)
		return r, ended{code: exitWaiting}
	}
	if r.Change.PlanID == 0 {
		ShowOmissions(p.show, r.Change.Omissions)
		if r.Change.Kind != peering.KindProvision || r.Change.State != peering.ChangeCompleted {
			return r, ended{code: stateCode(r.Change.State)}
		}
		r.Sessions, err = p.nothingPlanned(ctx, r.Change)
		return r, err
	}
	plan, err := p.client.Plan(ctx, id)
	if err != nil {
		return r, err
	}
	r.Plan = &plan
	ShowPlan(p.show, r.Change, plan)
	if r.Change.State == peering.ChangeAwaitingApproval {
		if goOn, err := p.decide(ctx, id, plan); err != nil || !goOn {
			return r, err
		}
	}
	if r.Change, err = p.watcher.watch(ctx, Ended); err != nil {
		return r, err
	}
	if r.Deployments, err = p.client.Deployments(ctx, id); err != nil {
		return r, err
	}
	if code := stateCode(r.Change.State); code != exitOK {
		return r, ended{code: code}
	}
	r.Sessions, err = p.sessions(ctx, plan)
	return r, err
}

// lookedUp prints what is recorded of the network; nothing when it wasn't found, or the change is for none.
func (p *peerRun) lookedUp(ctx context.Context) error {
	if p.wish.ASN == 0 {
		return nil
	}
	found, err := list[peering.AutonomousSystem](ctx, p.client, "/api/v1/autonomous-systems"+query("asn", fmt.Sprint(p.wish.ASN)))
	for _, as := range found {
		p.show.line("%s %s  %s  %s", p.show.paint(bold, "looked up"), as.ASN, as.Name, p.show.paint(dim, as.IRRASSet))
	}
	return err
}

// decide approves as the caller, or says how others do; false ends the command here.
func (p *peerRun) decide(ctx context.Context, id int64, plan api.PlanView) (bool, error) {
	agreed := p.yes
	if ask := plan.Impact.Ask; agreed && len(ask) > 0 {
		return false, peering.Errorf(peering.Conflict, "--yes approves nothing that a person should look at first (%s); after a look: peerflow change approve %d --plan %s",
			strings.Join(ask, "; "), id, shortHash(plan.Hash))
	}
	if !agreed {
		_, agreed = p.ask("approve plan " + shortHash(plan.Hash) + "?")
	}
	if !agreed {
		p.show.line("waits for approval: peerflow change approve %d --plan %s", id, shortHash(plan.Hash))
		return p.wait != "", nil
	}
	result, err := p.client.Decide(ctx, id, peering.Approve, plan.Hash, p.wish.Reason)
	switch {
	case err == nil:
		p.show.line("%s", p.show.paint(green, result.Text))
		return true, nil
	case p.wait != "" && exitCode(err) == exitRefused:
		p.show.line("%s; waiting for another approver", err)
		return true, nil
	}
	return false, err
}

// sessions shows what the change brought; with --wait=up it waits for the other side.
func (p *peerRun) sessions(ctx context.Context, plan api.PlanView) ([]api.SessionView, error) {
	ours, err := AwaitUp(ctx, p.client, plan, p.patienceFor())
	if err != nil {
		return ours, err
	}
	ShowSessions(p.show, ours)
	if p.wait == "up" && !allUp(ours) {
		return ours, ended{code: exitWaiting}
	}
	return ours, nil
}

func (p *peerRun) patienceFor() time.Duration {
	if p.wait == "up" {
		return p.patience
	}
	return 0
}

// AwaitUp gives the sessions that a plan adds, once all of them are up or
// patience ended: the first look counts in any case.
func AwaitUp(ctx context.Context, c *Client, plan api.PlanView, patience time.Duration) ([]api.SessionView, error) {
	return awaitUp(ctx, patience, func() ([]api.SessionView, error) { return added(ctx, c, plan) })
}

func awaitUp(ctx context.Context, patience time.Duration, look func() ([]api.SessionView, error)) ([]api.SessionView, error) {
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(watchPause)
	defer tick.Stop()
	for {
		ours, err := look()
		if err != nil || allUp(ours) || time.Now().After(deadline) {
			return ours, err
		}
		select {
		case <-ctx.Done():
			return ours, ctx.Err()
		case <-tick.C:
		}
	}
}

func added(ctx context.Context, c *Client, plan api.PlanView) ([]api.SessionView, error) {
	var ids []string
	for _, r := range plan.Routers {
		for _, t := range r.Touched {
			if t.Added && t.SessionID != 0 {
				ids = append(ids, "id", fmt.Sprint(t.SessionID))
			}
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return c.Sessions(ctx, ids...)
}

func allUp(sessions []api.SessionView) bool {
	return !slices.ContainsFunc(sessions, func(v api.SessionView) bool { return v.Display != peering.ShowUp })
}
