package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"peerflow/standalone/up"
)

// healthy is a machine on which every check passes, with its data folder.
func healthy(t *testing.T) (machine, string) {
	t.Helper()
	dir := t.TempDir()
	made := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	programs(t, filepath.Join(dir, "pg", "17", "bin"), "initdb", "postgres")
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o711); err != nil {
		t.Fatal(err)
	}
	return machine{
		getenv: func(string) string { return "" }, packages: filepath.Join(dir, "pg", "*", "bin"),
		lookPath: func(string) (string, error) { return "", errors.New("not on PATH") },
		free:     func(string) (int64, error) { return 10 << 30, nil },
		now:      func() time.Time { return made.Add(time.Hour) },
		made:     func() (time.Time, error) { return made, nil },
	}, data
}

func programs(t *testing.T, dir string, names ...string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		write(t, filepath.Join(dir, name), "#!/bin/sh\n", 0o755)
	}
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// occupy listens on a free port until the test ends.
func occupy(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

const anyPort = "127.0.0.1:0"

func TestDoctorFindsAHealthyMachineHealthy(t *testing.T) {
	t.Parallel()
	m, data := healthy(t)
	for name, folder := range map[string]string{"an empty data folder": data, "no data folder yet": filepath.Join(data, "a", "b")} {
		if failed, out := examine(m.checks(folder, anyPort, anyPort)); len(failed) > 0 {
			t.Errorf("%s: %v\n%s", name, failed, out)
		}
	}
}

func TestDoctorTakesThePortsOfARunningPeerflowForItsOwn(t *testing.T) {
	t.Parallel()
	m, data := healthy(t)
	taken := occupy(t)
	write(t, filepath.Join(data, "lock"), "4711\n", 0o600)
	lock, err := os.Open(filepath.Join(data, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if failed, _ := examine(m.checks(data, taken, anyPort)); len(failed) != 1 {
		t.Errorf("nobody runs there, and the port is taken: %v", failed)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	failed, out := examine(m.checks(data, taken, anyPort))
	if len(failed) > 0 || !strings.Contains(out, "process 4711") {
		t.Errorf("process 4711 runs there: %v\n%s", failed, out)
	}
}

func TestDoctorNamesWhatIsWrongAndTheRemedy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, m *machine, data, listen, temporal *string)
		fails string
		says  string
		also  []string // checks that can't be well then
	}{
		"no PostgreSQL": {func(_ *testing.T, m *machine, _, _, _ *string) { m.packages = "/nowhere/*/bin" }, "PostgreSQL", "apt-get install postgresql", nil},
		"PostgreSQL without its server": {func(t *testing.T, m *machine, _, _, _ *string) {
			m.packages = filepath.Join(t.TempDir(), "17")
			programs(t, m.packages, "initdb")
		}, "PostgreSQL", "apt-get install postgresql", nil},
		"PostgreSQL isn't where the operator says": {func(_ *testing.T, m *machine, _, _, _ *string) {
			m.getenv = func(string) string { return "/nowhere" }
		}, "PostgreSQL", "PEERFLOW_POSTGRES_BIN=/nowhere", nil},
		"the API's port is taken":     {func(t *testing.T, _ *machine, _, listen, _ *string) { *listen = occupy(t) }, "API port", "--listen", nil},
		"the API's address is absent": {func(_ *testing.T, _ *machine, _, listen, _ *string) { *listen = "192.0.2.1:0" }, "API port", "--listen", nil},
		"Temporal's port is taken":    {func(t *testing.T, _ *machine, _, _, temporal *string) { *temporal = occupy(t) }, "Temporal port", "--temporal-port", nil},
		"the data folder is a file": {func(t *testing.T, _ *machine, data, _, _ *string) {
			*data = filepath.Join(*data, "file")
			write(t, *data, "", 0o600)
		}, "data folder", "is no folder", []string{"envelope key"}},
		"the data folder takes no files": {func(_ *testing.T, _ *machine, data, _, _ *string) { *data = "/proc/self" }, "data folder", "nothing can be written", nil},
		"others may read the key": {func(t *testing.T, _ *machine, data, _, _ *string) {
			write(t, filepath.Join(*data, "secrets.key"), "", 0o644)
			if err := os.Chmod(filepath.Join(*data, "secrets.key"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "envelope key", "chmod 600", nil},
		"the key is no key": {func(t *testing.T, _ *machine, data, _, _ *string) {
			write(t, filepath.Join(*data, "secrets.key"), "not a key\n", 0o600)
		}, "envelope key", "secrets.key", nil},
		"a database whose key is gone": {func(t *testing.T, _ *machine, data, _, _ *string) {
			programs(t, filepath.Join(*data, "postgres"))
		}, "envelope key", "restore it from a backup", nil},
		"the disk is nearly full": {func(_ *testing.T, m *machine, _, _, _ *string) {
			m.free = func(string) (int64, error) { return up.LowDisk - 1, nil }
		}, "disk", "make room, at least 512 MiB", nil},
		"the clock stands in the past": {func(_ *testing.T, m *machine, _, _, _ *string) {
			m.now = func() time.Time { return time.Unix(0, 0).UTC() }
		}, "clock", "1970-01-01T00:00:00Z, before this binary was made: set it (NTP)", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, data := healthy(t)
			listen, temporal := anyPort, anyPort
			c.spoil(t, &m, &data, &listen, &temporal)
			failed, out := examine(m.checks(data, listen, temporal))
			for _, name := range c.also {
				delete(failed, name)
			}
			if len(failed) != 1 || !strings.Contains(failed[c.fails], c.says) {
				t.Errorf("want only %q to fail, saying %q:\n%s", c.fails, c.says, out)
			}
		})
	}
}

// examine runs the checks as the command does: what it prints, and which failed.
func examine(checks []diagnosis) (failed map[string]string, out string) {
	var text strings.Builder
	c := &cobra.Command{}
	c.SetOut(&text)
	err := diagnose(c, checks)
	failed = map[string]string{}
	for line := range strings.Lines(text.String()) {
		if rest, sick := strings.CutPrefix(line, "FAIL  "); sick {
			failed[strings.TrimSpace(rest[:14])] = strings.TrimSpace(rest[14:])
		}
	}
	if (err != nil) != (len(failed) > 0) {
		failed["the command's own end"] = "doesn't agree with what it printed"
	}
	return failed, text.String()
}
