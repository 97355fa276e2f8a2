package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// config is the environment's, with a database.
func (a *app) config() (Config, error) {
	c, err := ConfigFromEnvironment(a.getenv)
	if err == nil && c.DatabaseURL == "" {
		err = usage("PEERFLOW_DATABASE_URL isn't set: give the database's URL, or run peerflow up")
	}
	return c, err
}

func (a *app) migrateCommand() *cobra.Command {
	return &cobra.Command{Use: "migrate", Short: "Bring the database's schema, and Temporal's namespace, to this build's", Args: takes(),
		Long: `Brings the schema of PEERFLOW_DATABASE_URL to this build's. Where PEERFLOW_TEMPORAL_ADDRESS is set, it also registers
the search attributes that workflows carry; the namespace (PEERFLOW_TEMPORAL_NAMESPACE, default "default") must exist.
Where PEERFLOW_KEY_FILE names a file that isn't there, it makes the envelope key, unless the database holds secrets already:
copy that file to every host that runs peerflow api or peerflow worker, which never make one.`,
		RunE: func(cc *cobra.Command, _ []string) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			if err := MigrateDatabase(cc.Context(), c); err != nil {
				return err
			}
			if c.TemporalAddress != "" {
				if err := PrepareTemporal(cc.Context(), c, slog.New(slog.DiscardHandler)); err != nil {
					return err
				}
			}
			return a.say(map[string]string{"schema": "current"}, nil, "the schema is current")
		}}
}

// parts opens what a process works on, as its environment says.
func (a *app) parts(ctx context.Context) (*Parts, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	if c.TemporalAddress == "" {
		return nil, usage("PEERFLOW_TEMPORAL_ADDRESS isn't set: give host:port of Temporal's frontend, or run peerflow up")
	}
	return OpenParts(ctx, c, slog.New(slog.NewTextHandler(a.errOut, nil)))
}

func (a *app) workerCommand() *cobra.Command {
	return &cobra.Command{Use: "worker", Short: "Run a worker (PEERFLOW_DATABASE_URL, PEERFLOW_TEMPORAL_ADDRESS, PEERFLOW_SITES)", Args: takes(),
		Long: `Runs workflows and work on the database, and speaks to routers.
PEERFLOW_SITES lists the sites whose routers this worker reaches, by slug, with commas between them; without it, it
serves every site, new ones too. Run one with a list of its own next to routers that others don't reach, and
give those others their lists too.`,
		RunE: func(cc *cobra.Command, _ []string) error {
			parts, err := a.parts(cc.Context())
			if err != nil {
				return err
			}
			defer parts.Close()
			w := parts.Workers()
			if err := w.Start(cc.Context()); err != nil {
				return err
			}
			parts.Log.Info("worker runs", "version", Version())
			<-cc.Context().Done()
			w.Stop() // lets activities that run come to an end
			return nil
		}}
}

func (a *app) apiCommand() *cobra.Command {
	return &cobra.Command{Use: "api", Short: "Serve the API (PEERFLOW_DATABASE_URL, PEERFLOW_TEMPORAL_ADDRESS, PEERFLOW_LISTEN, PEERFLOW_HOSTS)", Args: takes(),
		Long: `Serves the API with its documentation, starts workflows that were promised while Temporal was away, and keeps the schedules.
PEERFLOW_HOSTS lists the names, beside localhost, under which it is reached, with commas between them: requests that name others are refused.`,
		RunE: func(cc *cobra.Command, _ []string) error {
			parts, err := a.parts(cc.Context())
			if err != nil {
				return err
			}
			defer parts.Close()
			if err := parts.EnsureSchedules(cc.Context()); err != nil {
				return err
			}
			go parts.Relay(cc.Context())
			go parts.KeepPolling(cc.Context())
			return parts.serve(cc.Context(), parts.API(parts.Guard(words(a.getenv("PEERFLOW_HOSTS"))...)))
		}}
}

// stopPatience is how long requests that run may go on after a stop.
const stopPatience = 10 * time.Second

func (p *Parts) serve(ctx context.Context, handler http.Handler) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", p.Config.Listen)
	if err != nil {
		return fmt.Errorf("%w: give another address with PEERFLOW_LISTEN", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	p.Log.Info("API serves", "address", listener.Addr().String(), "version", Version())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
	defer cancel()
	if err := server.Shutdown(stopping); errors.Is(err, context.DeadlineExceeded) {
		return server.Close() // event streams don't end by themselves
	}
	return nil
}
