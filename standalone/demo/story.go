package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"peerflow/cmd"
	"peerflow/db"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// Story is the demo as a person watches it. Everything it does goes through the
// API, but for the part of the other network's operator.
type Story struct {
	Net    *Network
	Client *cmd.Client
	DB     *db.DB // read only: what peerflow has observed
	Screen cmd.Screen
	In     io.Reader
	Yes    bool // approve without asking
}

// ErrUnfinished is a story that didn't end as it should.
var ErrUnfinished = errors.New("the demo didn't end as it should")

// Tell runs the story from beginning to end.
func (s Story) Tell(ctx context.Context) error {
	for _, part := range []func(context.Context) error{s.before, s.peer, s.comesUp, s.leaks, s.after} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s Story) say(format string, args ...any) { fmt.Fprintf(s.Screen.Out, format+"\n", args...) }

func (s Story) title(text string) {
	s.say("\n── %s %s", text, strings.Repeat("─", max(0, 76-len(text))))
}

func (s Story) before(ctx context.Context) error {
	if err := s.await(ctx, func() bool { return s.Net.Established(ctx) >= len(foreign) }); err != nil {
		return fmt.Errorf("the edge's own sessions don't come up: %w", err)
	}
	s.title("the router before: eleven sessions that aren't peerflow's")
	return s.router(ctx)
}

// router shows the edge in its own words.
func (s Story) router(ctx context.Context) error {
	running, err := s.Net.Summary(ctx)
	if err != nil {
		return err
	}
	s.say("%s", strings.TrimRight(running, "\n"))
	return nil
}

func (s Story) peer(ctx context.Context) error {
	s.title(fmt.Sprintf("peerflow peer %s", PeerASN))
	change, err := s.Client.Peer(ctx, cmd.Wish{ASN: uint32(PeerASN), Reason: "demo"})
	if err != nil {
		return err
	}
	ended, err := s.lead(ctx, change.ID)
	if err != nil {
		return err
	}
	if ended.State != peering.ChangeCompleted {
		return fmt.Errorf("%w: change %d is %s: %s", ErrUnfinished, ended.ID, ended.State, ended.Outcome)
	}
	s.title("the router's own words, and ours")
	if err := s.router(ctx); err != nil {
		return err
	}
	return s.sessions(ctx)
}

func (s Story) sessions(ctx context.Context) error {
	sessions, err := s.Client.Sessions(ctx, fmt.Sprintf("asn=%d", PeerASN))
	if err != nil {
		return err
	}
	cmd.ShowSessions(s.Screen, sessions)
	return nil
}

// lead shows a change's plan, has it approved, and watches it to its end.
func (s Story) lead(ctx context.Context, id int64) (peering.Change, error) {
	change, err := cmd.Watch(ctx, s.Client, id, s.Screen, cmd.Decidable)
	if err != nil || change.State != peering.ChangeAwaitingApproval {
		return change, err
	}
	plan, err := s.Client.Plan(ctx, id)
	if err != nil {
		return change, err
	}
	cmd.ShowPlan(s.Screen, change, plan)
	if s.approves(id) {
		result, err := s.Client.Decide(ctx, id, peering.Approve, plan.Hash, "demo")
		if err != nil {
			return change, err
		}
		s.say("%s", result.Text)
	}
	return cmd.Watch(ctx, s.Client, id, s.Screen, cmd.Ended)
}

// approves asks at a terminal; without one somebody else has to.
func (s Story) approves(id int64) bool {
	if s.Yes {
		return true
	}
	f, ok := s.In.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		s.say("waits for approval: peerflow change approve %d, or the Temporal UI", id)
		return false
	}
	fmt.Fprint(s.Screen.Out, "approve? [Y/n] ")
	yes := agrees(f)
	if !yes {
		s.say("then somebody else has to: peerflow change approve %d, or the Temporal UI", id)
	}
	return yes
}

// agrees reads an answer whose default is yes; an end of input is no answer.
func agrees(in io.Reader) bool {
	answer, err := bufio.NewReader(in).ReadString('\n')
	return err == nil && !strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "n")
}

func (s Story) comesUp(ctx context.Context) error {
	s.title("the other side configures its end")
	if err := s.Net.ConfigurePeer(ctx, PeerASN); err != nil {
		return err
	}
	err := s.await(ctx, func() bool {
		sessions, err := s.Client.Sessions(ctx, fmt.Sprintf("asn=%d", PeerASN))
		return err == nil && len(sessions) == 1 && sessions[0].Display == peering.ShowUp && s.Net.Announced(ctx, PeerASN) == len(ours)
	})
	if err != nil {
		return fmt.Errorf("the session doesn't come up: %w", err)
	}
	if err := s.sessions(ctx); err != nil {
		return err
	}
	return s.counts(ctx)
}

// counts prints what the session carries, with one best route.
func (s Story) counts(ctx context.Context) error {
	sessions, err := s.Client.Sessions(ctx, fmt.Sprintf("asn=%d", PeerASN))
	if err != nil {
		return err
	}
	for _, v := range sessions {
		if v.Observed == nil {
			continue
		}
		for _, f := range v.Observed.Families {
			s.say("  %s: received %s, accepted %s, announced %s", f.Family, figure(f.Received), figure(f.Accepted), figure(f.Announced))
		}
	}
	route, err := s.Net.BestRoute(ctx)
	if err != nil {
		return err
	}
	s.say("  best route: %s", route)
	return nil
}

func figure(n *int64) string {
	if n == nil {
		return "not reported"
	}
	return fmt.Sprint(*n)
}

// leaks opens a change with a broken export filter, which has to come back.
func (s Story) leaks(ctx context.Context) error {
	s.title("a change that would leak")
	boot, err := s.Net.Boot()
	if err != nil {
		return err
	}
	since := s.Net.Since(ctx)
	policy, err := s.DB.RoutingPolicies().List(ctx, []peering.Filter{{Field: "slug", Values: []string{"peers-out"}}}, peering.Page{Limit: 1})
	if err != nil || len(policy.Items) != 1 {
		return errors.Join(err, errors.New("the demo has no policy peers-out"))
	}
	change, err := s.Client.OpenChange(ctx, map[string]any{
		"kind": peering.KindPolicy, "reason": "announce everything, by mistake",
		"operations": []map[string]any{{"object": peering.ObjectRoutingPolicy, "object_id": policy.Items[0].ID, "action": peering.Update,
			"patch": json.RawMessage(`{"context": {"announce": "all"}}`)}},
	})
	if err != nil {
		return err
	}
	ended, err := s.lead(ctx, change.ID)
	if err != nil {
		return err
	}
	if ended.State != peering.ChangeRolledBack {
		return fmt.Errorf("%w: change %d is %s, and should be rolled back: %s", ErrUnfinished, ended.ID, ended.State, ended.Outcome)
	}
	return s.same(ctx, boot, since)
}

// same checks that a reverted change left nothing behind.
func (s Story) same(ctx context.Context, boot string, since map[bgp.ASN]time.Time) error {
	now, err := s.Net.Boot()
	if err != nil {
		return err
	}
	if now != boot {
		return fmt.Errorf("%w: the router's configuration isn't what it was", ErrUnfinished)
	}
	after := s.Net.Since(ctx)
	for asn, was := range since {
		if !after[asn].Equal(was) {
			return fmt.Errorf("%w: the session with %s restarted", ErrUnfinished, asn)
		}
	}
	s.say("the configuration is what it was, and all %d sessions kept their uptimes", len(since))
	return nil
}

func (s Story) after(ctx context.Context) error {
	s.title("the router after")
	return s.router(ctx)
}

func (s Story) await(ctx context.Context, holds func() bool) error {
	limited, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-limited.Done():
			return limited.Err()
		case <-tick.C:
		}
	}
	return nil
}
