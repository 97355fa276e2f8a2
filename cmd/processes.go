package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) migrateCommand() *cobra.Command {
	return &cobra.Command{Use: "migrate", Short: "Bring the database's schema to this build's", Args: takes(), RunE: func(cc *cobra.Command, _ []string) error {
		c, err := configFromEnvironment(a.getenv)
		if err != nil {
			return err
		}
		database, err := OpenDatabase(cc.Context(), c, 2)
		if err != nil {
			return err
		}
		defer database.Close()
		if err := database.Migrate(cc.Context()); err != nil {
			return err
		}
		return a.say(map[string]string{"schema": "current"}, nil, "the schema is current")
	}}
}

// parts opens what a process works on, as its environment says.
func (a *app) parts(ctx context.Context) (*Parts, error) {
	c, err := configFromEnvironment(a.getenv)
	if err != nil {
		return nil, err
	}
	if c.TemporalAddress == "" {
		return nil, usage("PEERFLOW_TEMPORAL_ADDRESS isn't set: give host:port of Temporal's frontend, or run peerflow up")
	}
	return OpenParts(ctx, c, slog.New(slog.NewTextHandler(a.errOut, nil)))
}

func (a *app) workerCommand() *cobra.Command {
	return &cobra.Command{Use: "worker", Short: "Run a worker (PEERFLOW_DATABASE_URL, PEERFLOW_TEMPORAL_ADDRESS)", Args: takes(),
		RunE: func(cc *cobra.Command, _ []string) error {
			parts, err := a.parts(cc.Context())
			if err != nil {
				return err
			}
			defer parts.Close()
			w := parts.Worker()
			if err := w.Start(); err != nil {
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
			return parts.serve(cc.Context(), parts.API(parts.Guard(hosts(a.getenv("PEERFLOW_HOSTS"))...)))
		}}
}

func hosts(list string) []string {
	return strings.FieldsFunc(strings.ToLower(list), func(r rune) bool { return r == ',' || r == ' ' })
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
