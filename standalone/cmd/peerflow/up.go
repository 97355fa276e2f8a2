package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"peerflow/cmd"
	"peerflow/standalone/demo"
	"peerflow/standalone/up"
)

// upFlags are the switches of `peerflow up`.
type upFlags struct {
	data, listen string
	temporalPort int
	demo         bool
	driver       string
	yes, exit    bool
}

// Where up has everything unless told otherwise.
const (
	defaultData         = "peerflow-data"
	defaultListen       = "127.0.0.1:8480"
	defaultTemporalPort = 7233
)

func upCommand() *cobra.Command {
	var f upFlags
	c := &cobra.Command{
		Use:   "up",
		Short: "Run all of peerflow: database, Temporal, worker, API and Temporal's UI",
		Long: `Runs all of peerflow in one process tree with one data folder. With PEERFLOW_DATABASE_URL or PEERFLOW_TEMPORAL_ADDRESS
it uses that database or that Temporal in place of its own; peerflow help environment names the other variables.`,
		Args: cobra.NoArgs,
		PreRunE: func(c *cobra.Command, _ []string) error {
			if err := f.together(c); err != nil {
				return c.FlagErrorFunc()(c, err)
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	c.Flags().StringVar(&f.data, "data", orEnv("PEERFLOW_DATA", defaultData), "data folder (PEERFLOW_DATA)")
	c.Flags().StringVar(&f.listen, "listen", defaultListen, "address of the API, docs and Temporal's UI; loopback only")
	c.Flags().IntVar(&f.temporalPort, "temporal-port", defaultTemporalPort, "port of Temporal's gRPC on 127.0.0.1; 0 takes a free one")
	c.Flags().BoolVar(&f.demo, "demo", false, "bring up a small network on loopback and peer on it, in a folder of its own")
	c.Flags().StringVar(&f.driver, "demo-router", "", "bird or openconfig; empty takes bird when it is installed")
	c.Flags().BoolVar(&f.yes, "yes", false, "demo: approve without asking")
	c.Flags().BoolVar(&f.exit, "exit", false, "demo: stop when the story ends, with an exit code")
	return c
}

// together refuses switches that would be without effect.
func (f upFlags) together(c *cobra.Command) error {
	if f.demo && c.Flags().Changed("data") {
		return fmt.Errorf("--demo has a folder of its own, which goes when it ends: leave out --data %s, or --demo", f.data)
	}
	for _, name := range []string{"demo-router", "yes", "exit"} {
		if !f.demo && c.Flags().Changed(name) {
			return fmt.Errorf("--%s is for --demo: give both, or neither", name)
		}
	}
	return nil
}

func orEnv(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}

const stopPatience = 30 * time.Second

func (f upFlags) run(c *cobra.Command) (err error) {
	given, err := cmd.ConfigFromEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	options := up.Options{DataDir: f.data, Listen: f.listen, TemporalPort: f.temporalPort, Out: c.OutOrStdout(), Given: given,
		PeeringDBURL: given.PeeringDBURL, PeeringDBKey: given.PeeringDBKey, PollEvery: given.PollEvery}
	var net *demo.Network
	if f.demo {
		dir := ""
		defer func() { err = discard(dir, err) }()
		if dir, net, err = f.network(c, &options); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, net.Close()) }()
	}
	stack, err := up.Start(c.Context(), options)
	if err != nil {
		return err
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.Background(), stopPatience)
		defer cancel()
		err = errors.Join(err, stack.Stop(stop))
	}()
	f.greet(c, stack)
	if net != nil {
		err := f.tell(c, stack, net)
		if c.Context().Err() != nil {
			return nil // stopped by a person
		}
		if err != nil || f.exit {
			return err
		}
	}
	return f.wait(c, stack)
}

// discard removes the demo's folder. After a failure it stays, with its logs.
func discard(dir string, failed error) error {
	switch {
	case dir == "":
		return failed
	case failed != nil:
		return fmt.Errorf("%w\nthe demo's folder with its logs is kept: %s", failed, dir)
	}
	return os.RemoveAll(dir)
}

// network starts the demo's daemons, in a folder of its own.
func (f upFlags) network(c *cobra.Command, o *up.Options) (dir string, net *demo.Network, err error) {
	if f.driver == "" {
		f.driver = demo.DefaultDriver()
	}
	fmt.Fprintf(c.OutOrStdout(), "peerflow demo: all on loopback; lab routers may use documentation AS numbers.\n"+
		"The edge router is a live %s.\n"+
		"Hold time 9 s, soak 15 s, margin 10 s, rollback timer 60 s.\n\n",
		map[string]string{"bird": "BIRD daemon, reached over SSH", "openconfig": "GoBGP behind a gNMI target with commit-confirmed"}[f.driver])
	if dir, err = os.MkdirTemp("", "peerflow-demo-"); err != nil {
		return dir, nil, err
	}
	if err := os.Chmod(dir, 0o711); err != nil { // the database's user passes through
		return dir, nil, err
	}
	if net, err = demo.Start(c.Context(), filepath.Join(dir, "lab"), f.driver); err != nil {
		return dir, nil, err
	}
	o.Given = cmd.Config{} // the demo is apart from everything else
	o.DataDir, o.PeeringDBURL, o.PollEvery = filepath.Join(dir, "data"), net.PeeringDB, 2*time.Second
	return dir, net, nil
}

func (f upFlags) greet(c *cobra.Command, s *up.Stack) {
	out := c.OutOrStdout()
	fmt.Fprintf(out, "\nAPI          %s/api/v1/   docs %s/docs\n", s.URL, s.URL)
	if s.ServesTemporalUI() {
		fmt.Fprintf(out, "Temporal UI  %s/temporal/   (log in with the token)\n", s.URL)
	}
	fmt.Fprintf(out, "Temporal     %s\n", s.TemporalAddress())
	fmt.Fprintf(out, "data folder  %s\n", s.Dir())
	fmt.Fprintf(out, "for the CLI  %s\n", forCLI(s.Dir(), s.URL))
	if s.First {
		fmt.Fprintf(out, "\nadmin token  %s\n             it lies in %s\n"+
			"envelope key %s\n             losing it loses every stored secret\n", s.Token, filepath.Join(s.Dir(), "token"), s.Parts.Config.KeyFile)
	}
}

// forCLI is what a person types once in a shell of any folder, so that commands find this peerflow.
func forCLI(data, url string) string {
	if whole, err := filepath.Abs(data); err == nil {
		data = whole
	}
	return "export PEERFLOW_DATA=" + quoted(data) + " PEERFLOW_API=" + quoted(url)
}

// quoted is one word for a shell.
func quoted(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._:-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func (f upFlags) tell(c *cobra.Command, s *up.Stack, net *demo.Network) error {
	ctx := c.Context()
	if err := demo.Seed(ctx, s.Parts.DB, net); err != nil {
		return err
	}
	if err := s.Parts.EnsureSchedules(ctx); err != nil {
		return err
	}
	if _, err := s.Parts.Workflows.SyncNow(ctx, true); err != nil {
		return err
	}
	if _, err := s.Parts.Workflows.AwaitSync(ctx); err != nil {
		return err
	}
	return demo.Story{
		Net: net, Client: &cmd.Client{URL: s.URL, Token: s.Token}, DB: s.Parts.DB,
		Screen: cmd.NewScreen(c.OutOrStdout(), os.Getenv), In: c.InOrStdin(), Yes: f.yes,
	}.Tell(ctx)
}

// wait stays up until somebody stops it, or the database ends by itself.
func (f upFlags) wait(c *cobra.Command, s *up.Stack) error {
	fmt.Fprintln(c.OutOrStdout(), "\nup; stop with Ctrl-C")
	select {
	case <-c.Context().Done():
		return nil
	case <-s.PostgresExited():
		return errors.New("PostgreSQL ended by itself: see postgres.log in the data folder")
	}
}
