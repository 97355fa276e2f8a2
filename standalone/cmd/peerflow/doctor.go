package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"peerflow/internal/secret"
	"peerflow/standalone/pgserver"
	"peerflow/standalone/up"
)

func doctorCommand() *cobra.Command {
	data, listen, temporalPort := "", "", 0
	c := &cobra.Command{
		Use: "doctor", Short: "Check what peerflow up needs: ports, PostgreSQL, keys, clock, disk", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return diagnose(c, thisMachine().checks(data, listen, net.JoinHostPort("127.0.0.1", strconv.Itoa(temporalPort))))
		},
	}
	c.Flags().StringVar(&data, "data", orEnv("PEERFLOW_DATA", defaultData), "data folder (PEERFLOW_DATA)")
	c.Flags().StringVar(&listen, "listen", defaultListen, "address of the API that up will be given")
	c.Flags().IntVar(&temporalPort, "temporal-port", defaultTemporalPort, "port of Temporal's gRPC that up will be given")
	return c
}

// diagnosis is one thing that has to be well.
type diagnosis struct {
	what string
	look func() (string, error)
}

// finding is what a look found, as --json prints it.
type finding struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Text  string `json:"text"` // what is there, or what is wrong and the remedy
}

func diagnose(c *cobra.Command, checks []diagnosis) error {
	asJSON, _ := c.Flags().GetBool("json") // the root's flag
	sick := 0
	findings := []finding{}
	for _, d := range checks {
		text, err := d.look()
		mark := "ok  "
		if err != nil {
			sick++
			mark, text = "FAIL", err.Error()
		}
		findings = append(findings, finding{d.what, err == nil, text})
		if !asJSON {
			fmt.Fprintf(c.OutOrStdout(), "%s  %-14s %s\n", mark, d.what, text)
		}
	}
	if asJSON {
		e := json.NewEncoder(c.OutOrStdout())
		e.SetIndent("", "  ")
		if err := e.Encode(findings); err != nil {
			return err
		}
	}
	if sick > 0 {
		return fmt.Errorf("%d of the checks failed", sick)
	}
	return nil
}

// machine is what the checks ask of the machine they run on.
type machine struct {
	getenv   func(string) string
	packages string // where the packages of PostgreSQL put their programs, as a glob
	lookPath func(string) (string, error)
	free     func(dir string) (bytes int64, err error)
	now      func() time.Time
	made     func() (time.Time, error) // when this binary was
}

func thisMachine() machine {
	return machine{getenv: os.Getenv, packages: "/usr/lib/postgresql/*/bin", lookPath: exec.LookPath, free: up.FreeBytes, now: time.Now, made: ownAge}
}

func (m machine) checks(data, listen, temporal string) []diagnosis {
	return []diagnosis{
		{"PostgreSQL", m.postgres},
		{"API port", func() (string, error) { return port(listen, "--listen", data) }},
		{"Temporal port", func() (string, error) { return port(temporal, "--temporal-port", data) }},
		{"data folder", func() (string, error) { return folder(data) }},
		{"envelope key", func() (string, error) { return key(data) }},
		{"disk", func() (string, error) { return m.disk(data) }},
		{"clock", m.clock},
	}
}

func (m machine) postgres() (string, error) {
	if dir := m.getenv(pgserver.BinariesEnv); dir != "" {
		if !holdsPostgres(dir) {
			return "", fmt.Errorf("%s=%s: there is no initdb or no postgres", pgserver.BinariesEnv, dir)
		}
		return dir, nil
	}
	found, _ := filepath.Glob(m.packages) // the pattern is ours
	if path, err := m.lookPath("postgres"); err == nil {
		found = append(found, filepath.Dir(path))
	}
	sort.Sort(sort.Reverse(sort.StringSlice(found)))
	for _, dir := range found {
		if holdsPostgres(dir) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("no PostgreSQL server here: apt-get install postgresql, or set %s", pgserver.BinariesEnv)
}

func holdsPostgres(dir string) bool {
	for _, program := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(dir, program)); err != nil {
			return false
		}
	}
	return true
}

func port(address, flag, data string) (string, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		if process := up.Running(data); process != "" {
			return fmt.Sprintf("%s is taken, and peerflow runs on this data folder (process %s)", address, process), nil
		}
		return "", fmt.Errorf("%s is taken: give peerflow up another one with %s", address, flag)
	}
	if err != nil {
		return "", fmt.Errorf("%w: give peerflow up another one with %s", err, flag)
	}
	return address + " is free", l.Close()
}

func folder(data string) (string, error) {
	info, err := os.Stat(data)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return data + " will be made by the first start", nil
	case err != nil:
		return "", err
	case !info.IsDir():
		return "", fmt.Errorf("%s is no folder", data)
	}
	probe, err := os.CreateTemp(data, ".doctor-")
	if err != nil {
		return "", fmt.Errorf("nothing can be written to the data folder: %w", err)
	}
	return data, errors.Join(probe.Close(), os.Remove(probe.Name()))
}

func key(data string) (string, error) {
	path := filepath.Join(data, "secrets.key")
	if missing(path) && missing(filepath.Join(data, "postgres")) {
		return "made by the first start", nil
	}
	_, err := secret.OpenFile(path, false)
	return path, err
}

// disk looks at the folder, or at the nearest one above that exists.
func (m machine) disk(data string) (string, error) {
	dir, err := filepath.Abs(data)
	for ; err == nil && dir != "/"; dir = filepath.Dir(dir) {
		if _, missing := os.Stat(dir); missing == nil {
			break
		}
	}
	free, err := m.free(dir)
	if err != nil {
		return "", err
	}
	if err := up.Room(dir, m.free); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d MiB are free", free>>20), nil
}

// clock compares with what no clock may be behind of: this binary's own making.
func (m machine) clock() (string, error) {
	made, err := m.made()
	if err != nil {
		return "", err
	}
	now := m.now()
	if now.Before(made.Add(-time.Minute)) {
		return "", fmt.Errorf("the clock says %s, before this binary was made: set it (NTP)", now.Format(time.RFC3339))
	}
	return now.Format(time.RFC3339), nil
}

func ownAge() (time.Time, error) {
	self, err := os.Executable()
	if err != nil {
		return time.Time{}, err
	}
	info, err := os.Stat(self)
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, os.ErrNotExist)
}
