package worker

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"peerflow/workflows"
)

// Workers are the Temporal workers of one process: one of the control queue, and
// one of each site whose routers it reaches.
type Workers struct {
	// Sites lists the sites to serve, by slug; it is asked again and again.
	Sites func(context.Context) ([]string, error)
	Log   *slog.Logger

	client     client.Client
	activities Activities
	running    []worker.Worker
	serves     map[string]bool
	end        context.CancelFunc
	looking    sync.WaitGroup
}

// sitesEvery is how soon a new site is served.
const sitesEvery = 2 * time.Second

// NewWorkers builds them; Start starts them.
func NewWorkers(c client.Client, a Activities, sites func(context.Context) ([]string, error), log *slog.Logger) *Workers {
	return &Workers{Sites: sites, Log: log, client: c, activities: a, serves: map[string]bool{}}
}

// Start serves the control queue and the sites that there are now, and then new
// ones, until Stop. A site that is renamed or removed is served until then too.
func (w *Workers) Start(ctx context.Context) error {
	if err := w.start(New(w.client, w.activities)); err != nil {
		return err
	}
	if err := w.serveSites(ctx); err != nil {
		w.stop()
		return err
	}
	looking, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.end = cancel
	w.looking.Go(func() { w.look(looking) })
	return nil
}

// Stop lets activities that run come to an end.
func (w *Workers) Stop() {
	w.end()
	w.looking.Wait()
	w.stop()
}

func (w *Workers) look(ctx context.Context) {
	tick := time.NewTicker(sitesEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := w.serveSites(ctx); err != nil && ctx.Err() == nil {
			w.Log.Warn("look for new sites", "error", err)
		}
	}
}

func (w *Workers) serveSites(ctx context.Context) error {
	sites, err := w.Sites(ctx)
	if err != nil {
		return err
	}
	for _, site := range sites {
		if w.serves[site] {
			continue
		}
		if err := w.start(NewAtSite(w.client, site, w.activities)); err != nil {
			return fmt.Errorf("serve %s: %w", workflows.SiteQueue(site), err)
		}
		w.serves[site] = true
		w.Log.Info("worker serves", "queue", workflows.SiteQueue(site))
	}
	return nil
}

func (w *Workers) start(one worker.Worker) error {
	if err := one.Start(); err != nil {
		return err
	}
	w.running = append(w.running, one)
	return nil
}

// stop ends all at once: each may have something to finish.
func (w *Workers) stop() {
	var stopping sync.WaitGroup
	for _, one := range w.running {
		stopping.Go(one.Stop)
	}
	stopping.Wait()
	w.running = nil
}
