package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// app is what commands share: where they read and write, and whom they ask.
type app struct {
	getenv func(string) string
	in     io.Reader
	out    io.Writer
	errOut io.Writer
	api    string // --api
	json   bool   // --json
}

// Run executes one command line and gives its exit code. Extra are commands of
// builds that have more, like up.
func Run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer, extra ...*cobra.Command) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(&app{getenv: getenv, in: stdin, out: stdout, errOut: stderr}, extra...)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var e ended
	if err != nil && !(errors.As(err, &e) && e.err == nil) {
		fmt.Fprintf(stderr, "peerflow: %s\n", err)
	}
	return exitCode(err)
}

// ask asks the person at the terminal; asked is false where there is none, and
// for those who read JSON.
func (a *app) ask(question string) (asked, agreed bool) {
	if !a.atTerminal() || a.json {
		return false, false
	}
	fmt.Fprintf(a.out, "%s [y/N] ", question)
	answer, _ := bufio.NewReader(a.in).ReadString('\n')
	return true, slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(answer)))
}

// atTerminal says whether a person types.
func (a *app) atTerminal() bool {
	f, ok := a.in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Root is the command tree on the process's own streams.
func Root(extra ...*cobra.Command) *cobra.Command {
	return newRoot(&app{getenv: os.Getenv, in: os.Stdin, out: os.Stdout, errOut: os.Stderr}, extra...)
}

func newRoot(a *app, extra ...*cobra.Command) *cobra.Command {
	root := group("peerflow", "BGP peering, from looking a network up to a session that is verified")
	root.Long = root.Short + `.

Commands speak to the API at --api. Their token comes from PEERFLOW_TOKEN, or
from the file "token" of the data folder (PEERFLOW_DATA, else ./peerflow-data).
Colours are for terminals, and NO_COLOR turns them off.

Exit codes:
  0  ok
  1  failure
  2  wrong usage, or a value that doesn't fit
  3  refused: not allowed, rejected, or in conflict with what is recorded
  4  not found
  5  the change failed or was rolled back
  6  waiting for them: configured here, and the other side isn't there yet;
     or its agreement is awaited
  7  peerflow, a part of it, or the router doesn't answer`
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.errOut)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage("%w (see %s --help)", err, c.CommandPath()) })
	root.PersistentFlags().StringVar(&a.api, "api", orDefault(a.getenv("PEERFLOW_API"), "http://127.0.0.1:8480"), "address of the API (PEERFLOW_API)")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON")
	root.AddCommand(a.peerCommand(), a.peeringCommands(), a.sessionCommands(), a.changeCommands(), a.routerCommands(), a.exchangeCommands(), a.connectionCommands(), a.templateCommands(), a.irrCommands(), a.syncCommand(), a.statusCommand(),
		a.freezeCommands(), a.approvalRuleCommands(), a.userCommands(), a.tokenCommands(), a.secretCommands(), a.auditCommands(), a.logCommands(), a.migrateCommand(), a.apiCommand(), a.workerCommand(), a.versionCommand(), environmentTopic())
	root.AddCommand(extra...)
	return root
}

// group is a command that only has others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs}
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		text := fmt.Sprintf("%s has no command %q", c.CommandPath(), args[0])
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			text += ": did you mean " + strings.Join(near, " or ") + "?"
		} else {
			text += fmt.Sprintf(" (see %s --help)", c.CommandPath())
		}
		return usage("%s", text)
	}
	c.AddCommand(commands...)
	return c
}

// takes checks the number of arguments, naming them.
func takes(names ...string) cobra.PositionalArgs { return takesFrom(len(names), names...) }

// takesFrom is takes whose last arguments may be left out: least have to be there.
func takesFrom(least int, names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < least || len(args) > len(names) {
			given := map[bool]string{true: "none was given", false: fmt.Sprintf("%d given", len(args))}[len(args) == 0]
			return usage("%s takes %s: %s (see %[1]s --help)", c.CommandPath(), orDefault(strings.Join(names, " and "), "no arguments"), given)
		}
		return nil
	}
}

// client is who to ask, with the token that the environment or the data folder has.
func (a *app) client() (*Client, error) {
	token := a.getenv("PEERFLOW_TOKEN")
	if token == "" {
		path := filepath.Join(orDefault(a.getenv("PEERFLOW_DATA"), "peerflow-data"), "token")
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, ended{exitRefused, fmt.Errorf("no token: set PEERFLOW_TOKEN, or PEERFLOW_DATA to the data folder (looked for %s)", path)}
		}
		token = string(text)
	}
	url := a.api
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	return &Client{URL: url, Token: strings.TrimSpace(token)}, nil
}

func (a *app) screen() Screen { return NewScreen(a.out, a.getenv) }

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print this build's version", Args: takes(), RunE: func(*cobra.Command, []string) error {
		if a.json {
			return printJSON(a.out, map[string]string{"version": Version()})
		}
		_, err := fmt.Fprintln(a.out, "peerflow", Version())
		return err
	}}
}
