package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"peerflow/internal/peering"
	"peerflow/internal/secret"
	"peerflow/standalone/pgserver"
	"peerflow/standalone/up"
)

// machine is what the checks ask of the machine they run on.
type machine struct {
	free func(dir string) (bytes int64, err error)
	now  func() time.Time
	made func() (time.Time, error) // when this binary was
}

func thisMachine() machine { return machine{free: up.FreeBytes, now: time.Now, made: ownAge} }

// checks look at all that a start with these options would need.
func (m machine) checks(ctx context.Context, o up.Options) []diagnosis {
	given := sync.OnceValues(func() (databaseSeen, error) { return m.lookAtDatabase(ctx, o.Given) })
	all := []diagnosis{{"PostgreSQL", func() (string, error) { return postgres(o) }}}
	if !o.OwnDatabase() {
		all = append(all, diagnosis{"database", func() (string, error) { return databaseTold(given()) }})
	}
	if !o.OwnTemporal() {
		all = append(all, diagnosis{"Temporal", func() (string, error) { return lookAtTemporal(ctx, o.Given) }})
	}
	all = append(all, diagnosis{"API port", func() (string, error) { return apiPort(o) }})
	if o.OwnTemporal() {
		all = append(all, diagnosis{"Temporal port", func() (string, error) {
			return port(net.JoinHostPort("127.0.0.1", strconv.Itoa(o.TemporalPort)), "--temporal-port", o.DataDir)
		}})
	}
	return append(all,
		diagnosis{"data folder", func() (string, error) { return folder(o) }},
		diagnosis{"envelope key", func() (string, error) { return key(o, given) }},
		diagnosis{"disk", func() (string, error) { return m.disk(o.DataDir) }},
		diagnosis{"clock", func() (string, error) { return m.clock(o, given) }})
}

// postgres is the server that up would start.
func postgres(o up.Options) (string, error) {
	if !o.OwnPostgres() {
		return "none is started here: PEERFLOW_DATABASE_URL and PEERFLOW_TEMPORAL_ADDRESS name others", nil
	}
	return pgserver.Examine(o.DataDir)
}

func apiPort(o up.Options) (string, error) {
	if err := up.Loopback(o.Listen); err != nil {
		return "", err
	}
	return port(o.Listen, "--listen", o.DataDir)
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

// folder also looks whether the database's user, when it isn't ourselves, gets there.
func folder(o up.Options) (string, error) {
	info, err := os.Stat(o.DataDir)
	there := !errors.Is(err, os.ErrNotExist)
	switch {
	case there && err != nil:
		return "", err
	case there && !info.IsDir():
		return "", fmt.Errorf("%s is no folder: give another one with --data", o.DataDir)
	}
	if o.OwnPostgres() {
		if err := pgserver.Passable(nearest(o.DataDir)); err != nil {
			return "", err
		}
	}
	if !there {
		return o.DataDir + " will be made by the first start", nil
	}
	probe, err := os.CreateTemp(o.DataDir, ".doctor-")
	if err != nil {
		return "", fmt.Errorf("nothing can be written to the data folder: %w: start peerflow as its owner, or give another one with --data", err)
	}
	return o.DataDir, errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// key looks for the one that opens what is stored, and where nothing is, a start makes one.
func key(o up.Options, given func() (databaseSeen, error)) (string, error) {
	path := o.Given.KeyFile
	if path == "" {
		path = filepath.Join(o.DataDir, "secrets.key")
		fresh := missing(filepath.Join(o.DataDir, "postgres"))
		if !o.OwnDatabase() {
			database, err := given()
			fresh = err != nil || !database.Sealed
		}
		if fresh && missing(path) {
			return "made by the first start", nil
		}
	}
	_, err := secret.OpenFile(path, false)
	return path, err
}

// nearest is the folder, or the nearest one above that exists.
func nearest(dir string) string {
	dir, err := filepath.Abs(dir)
	for ; err == nil && dir != "/" && missing(dir); dir = filepath.Dir(dir) {
	}
	return dir
}

func (m machine) disk(data string) (string, error) {
	dir := nearest(data)
	free, err := m.free(dir)
	if err != nil {
		return "", err
	}
	if err := up.Room(dir, m.free); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d MiB are free", free>>20), nil
}

// clock compares with what no clock may be behind of, this binary's own making
// and what was written to the data folder, and with the clock of a database elsewhere.
func (m machine) clock(o up.Options, given func() (databaseSeen, error)) (string, error) {
	made, err := m.made()
	if err != nil {
		return "", err
	}
	now := m.now()
	if now.Before(made.Add(-time.Minute)) {
		return "", fmt.Errorf("the clock says %s, before this binary was made: set it (NTP)", now.Format(time.RFC3339))
	}
	if path, written := lastWritten(o.DataDir); now.Before(written.Add(-time.Minute)) {
		return "", fmt.Errorf("the clock says %s, and %s was written at %s: set it (NTP)", now.Format(time.RFC3339), path, written.Format(time.RFC3339))
	}
	if o.OwnDatabase() {
		return now.Format(time.RFC3339), nil
	}
	database, err := given()
	switch {
	case err != nil:
		return now.Format(time.RFC3339) + "; the database's couldn't be asked", nil //nolint:nilerr // its own check says why
	case database.off != "":
		return "", fmt.Errorf("the clock is %s the database's: set both by NTP, nothing is committed while they differ by more than %s", database.off, peering.MaxSkew)
	}
	return now.Format(time.RFC3339) + ", as the database's", nil
}

// lastWritten is the file right in the data folder that was written last.
func lastWritten(data string) (path string, at time.Time) {
	entries, _ := os.ReadDir(data) // one that can't be read is another check's
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.ModTime().After(at) {
			path, at = filepath.Join(data, e.Name()), info.ModTime()
		}
	}
	return path, at
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
