package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"peerflow/api"
	"peerflow/internal/peering"
)

const syncPath = "/api/v1/sync/peeringdb"

func (a *app) syncCommand() *cobra.Command {
	var full, noWait bool
	c := &cobra.Command{Use: "sync", Short: "Refresh the mirror of PeeringDB", Args: takes(),
		Long: `Starts a sync of the mirror, or joins the one that runs, and follows it to its end.
Beside one of the schedule's it waits for that one's end, and then fetches what is new.
A sync that fails is tried three times before the command ends with its error
(exit code 7); planning goes on with what the mirror has.`,
		RunE: func(cc *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var started api.Started
			err = c.call(cc.Context(), http.MethodPost, syncPath, map[string]bool{"full": full}, &started)
			if err != nil || noWait {
				return a.say(started, err, "runs as "+started.Workflow)
			}
			return a.followSync(cc.Context(), c)
		}}
	c.Flags().BoolVar(&full, "full", false, "fetch everything again instead of what changed")
	c.Flags().BoolVar(&noWait, "no-wait", false, "end as soon as it is started")
	return c
}

// followSync waits for the sync's end; one that failed is its error.
func (a *app) followSync(ctx context.Context, c *Client) error {
	s := a.screen()
	if a.json {
		s = Screen{Out: a.errOut}
	}
	run, err := watchSync(ctx, c, s)
	s.clear()
	switch {
	case errors.Is(err, context.Canceled):
		return ended{exitFailure, errors.New("the sync goes on by itself: peerflow sync joins it")}
	case err != nil:
		return err
	case a.json:
		err = printJSON(a.out, run)
	case run.Error == "":
		s.line("PeeringDB gave %d rows, %d changed the mirror", run.Rows, run.Changed)
	}
	if err == nil && run.Error != "" {
		err = ended{exitUnavailable, fmt.Errorf("the sync of PeeringDB's mirror failed: %s", run.Error)}
	}
	return err
}

func watchSync(ctx context.Context, c *Client, s Screen) (run peering.PDBSyncRun, err error) {
	tick := time.NewTicker(watchPause)
	defer tick.Stop()
	said := ""
	for {
		run = peering.PDBSyncRun{}
		if err = c.call(ctx, http.MethodGet, syncPath, nil, &run); err != nil || !run.Running {
			return run, err
		}
		if run.Error != "" && run.Error != said {
			s.clear()
			s.line("PeeringDB couldn't be asked, and is asked again: %s", run.Error)
			said = run.Error
		}
		s.over(syncDoing(run))
		select {
		case <-ctx.Done():
			return run, ctx.Err()
		case <-tick.C:
		}
	}
}

// syncDoing is a running sync in one line.
func syncDoing(run peering.PDBSyncRun) string {
	switch {
	case run.Attempt == 0:
		return "waits for a worker"
	case run.Type == "":
		return fmt.Sprintf("attempt %d", run.Attempt)
	}
	if run.Type == string(peering.PDBWaits) {
		return fmt.Sprintf("attempt %d: waits for the sync that runs already", run.Attempt)
	}
	return fmt.Sprintf("attempt %d: %s, %d rows", run.Attempt, run.Type, run.Rows)
}
