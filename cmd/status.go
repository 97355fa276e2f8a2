package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"peerflow/api"
	"peerflow/internal/peering"
)

// standing is what `status` prints: how peerflow is doing, and what waits for a person.
type standing struct {
	Status  api.Status       `json:"status"`
	Freezes []peering.Freeze `json:"freezes"` // in force
	Changes []peering.Change `json:"changes"` // that a person has to decide on, or to look after
}

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{Use: "status", Short: "Say how peerflow is doing, and what waits for a person", Args: takes(),
		Long: `Says whether the database and Temporal answer, how old PeeringDB's mirror is, which
freezes are in force, and which changes wait for a decision or an operator.
Exit code 7 when the database or Temporal doesn't answer.`,
		RunE: func(cc *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			now, err := c.standing(cc.Context())
			switch {
			case err != nil:
				return err
			case a.json:
				err = printJSON(a.out, now)
			default:
				a.showStanding(a.screen(), now)
			}
			if now.Status.Database != "ok" || now.Status.Temporal != "ok" {
				err = cmp.Or(err, error(ended{exitUnavailable, errors.New("a part of peerflow doesn't answer")}))
			}
			return err
		}}
}

func (c *Client) standing(ctx context.Context) (now standing, err error) {
	now.Freezes, now.Changes = []peering.Freeze{}, []peering.Change{}
	if err = c.call(ctx, http.MethodGet, "/api/v1/status", nil, &now.Status); err != nil || now.Status.Database != "ok" {
		return now, err
	}
	if now.Freezes, err = list[peering.Freeze](ctx, c, "/api/v1/freezes"); err == nil {
		now.Changes, err = list[peering.Change](ctx, c, "/api/v1/changes"+
			query("state", string(peering.ChangeAwaitingApproval), "state", string(peering.ChangeNeedsOperator)))
	}
	return now, err
}

func (a *app) showStanding(s Screen, now standing) {
	s.line("peerflow %s at %s, as %s", now.Status.Version, a.api, now.Status.User)
	s.line("database   %s", now.Status.Database)
	s.line("Temporal   %s", now.Status.Temporal)
	s.line("PeeringDB  %s", mirrored(now.Status.PeeringDB))
	for _, f := range now.Freezes {
		s.line("%s  freeze/%d halts %s since %s, by %s: %s", s.paint(yellow, "halted"), f.ID, halts(f), f.CreatedAt.Format("2006-01-02 15:04 MST"), f.Author, f.Reason)
	}
	for _, c := range now.Changes {
		s.line("%s  %s  %s", s.paint(dim, fmt.Sprintf("change/%d", c.ID)), s.state(string(c.State)), orDefault(c.Outcome, c.Step))
	}
	if len(now.Changes) == 0 && now.Status.Database == "ok" {
		s.line("no change waits for a person")
	}
}

// mirrored is the age of PeeringDB's mirror in words.
func mirrored(m *peering.PDBMirrorState) string {
	switch {
	case m == nil:
		return "unknown: the database doesn't answer"
	case m.SucceededAt.IsZero() && m.Error == "":
		return "never fetched: peerflow sync"
	case m.SucceededAt.IsZero():
		return "never fetched: " + m.Error
	}
	text := "as of " + m.SucceededAt.Format("2006-01-02 15:04 MST")
	if m.Error != "" {
		text += ", not renewed since " + m.FailingSince.Format("2006-01-02 15:04 MST") + ": " + m.Error
	}
	return text
}

// halts is what a freeze is on.
func halts(f peering.Freeze) string {
	switch f.Scope {
	case peering.FreezeRouter:
		return fmt.Sprintf("router/%d", f.RouterID)
	case peering.FreezeSite:
		return fmt.Sprintf("site/%d", f.SiteID)
	}
	return "everything"
}
