package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
	"peerflow/internal/secret"
	"peerflow/standalone/pgserver"
	"peerflow/standalone/up"
)

// healthy is a machine on which every check passes, and what a start there is given.
func healthy(t *testing.T) (machine, up.Options) {
	t.Helper()
	made := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	data := folderOf(t)
	if err := os.Mkdir(data, 0o711); err != nil {
		t.Fatal(err)
	}
	return machine{
		free: func(string) (int64, error) { return 10 << 30, nil },
		now:  time.Now,
		made: func() (time.Time, error) { return made, nil },
	}, up.Options{DataDir: data, Listen: anyPort}
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
	m, o := healthy(t)
	data := o.DataDir
	for name, folder := range map[string]string{"an empty data folder": data, "no data folder yet": filepath.Join(data, "a", "b")} {
		o.DataDir = folder
		if failed, out := examine(t, m, o); len(failed) > 0 {
			t.Errorf("%s: %v\n%s", name, failed, out)
		}
	}
	o.DataDir, o.Given.DatabaseURL = data, dbtest.URL(t)
	failed, out := examine(t, m, o)
	if len(failed) > 0 || !strings.Contains(out, "the schema is current") || !strings.Contains(out, "as the database's") {
		t.Errorf("a database elsewhere: %v\n%s", failed, out)
	}
	o.Given.DatabaseURL = dbtest.EmptyURL(t)
	if failed, out := examine(t, m, o); len(failed) > 0 || !strings.Contains(out, "migrations are missing (the first is 1): up applies them") {
		t.Errorf("an empty database elsewhere: %v\n%s", failed, out)
	}
	leftAlone(t, o.Given.DatabaseURL)
}

// leftAlone checks that nothing was made in a database.
func leftAlone(t *testing.T, url string) {
	t.Helper()
	var tables int
	d := dbtest.Open(t, url, db.Options{})
	if err := d.Pool().QueryRow(t.Context(), `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`).Scan(&tables); err != nil || tables != 0 {
		t.Errorf("doctor made %d tables: %v", tables, err)
	}
}

func TestDoctorTakesThePortsOfARunningPeerflowForItsOwn(t *testing.T) {
	t.Parallel()
	m, o := healthy(t)
	o.Listen = occupy(t)
	write(t, filepath.Join(o.DataDir, "lock"), "4711\n", 0o600)
	lock, err := os.Open(filepath.Join(o.DataDir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if failed, _ := examine(t, m, o); len(failed) != 1 {
		t.Errorf("nobody runs there, and the port is taken: %v", failed)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	failed, out := examine(t, m, o)
	if len(failed) > 0 || !strings.Contains(out, "process 4711") {
		t.Errorf("process 4711 runs there: %v\n%s", failed, out)
	}
}

// cluster makes a data folder look like one of this version of PostgreSQL, key and all.
func cluster(t *testing.T, data, version string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(data, "postgres"), 0o711); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(data, "postgres", "PG_VERSION"), version+"\n", 0o644)
	if _, err := secret.OpenFile(filepath.Join(data, "secrets.key"), true); err != nil {
		t.Fatal(err)
	}
}

func TestDoctorNamesWhatIsWrongAndTheRemedy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, m *machine, o *up.Options)
		fails string
		says  string
		also  []string // checks that can't be well then
	}{
		"the data folder is of another version of PostgreSQL": {func(t *testing.T, _ *machine, o *up.Options) { cluster(t, o.DataDir, "9.6") },
			"PostgreSQL", "was written by PostgreSQL 9.6, and this machine has", nil},
		"something else lies where the database goes": {func(t *testing.T, _ *machine, o *up.Options) {
			cluster(t, o.DataDir, "9.6")
			if err := os.Rename(filepath.Join(o.DataDir, "postgres", "PG_VERSION"), filepath.Join(o.DataDir, "postgres", "mine")); err != nil {
				t.Fatal(err)
			}
		}, "PostgreSQL", "move it away", nil},
		"the API's port is taken":         {func(t *testing.T, _ *machine, o *up.Options) { o.Listen = occupy(t) }, "API port", "--listen", nil},
		"the API's address isn't ours":    {func(_ *testing.T, _ *machine, o *up.Options) { o.Listen = "127.0.0.1:70000" }, "API port", "--listen", nil},
		"the API would be on the network": {func(_ *testing.T, _ *machine, o *up.Options) { o.Listen = "192.0.2.1:0" }, "API port", "loopback only", nil},
		"Temporal's port is taken": {func(t *testing.T, _ *machine, o *up.Options) {
			_, port, _ := net.SplitHostPort(occupy(t))
			o.TemporalPort, _ = strconv.Atoi(port)
		}, "Temporal port", "--temporal-port", nil},
		"the data folder is a file": {func(t *testing.T, _ *machine, o *up.Options) {
			o.DataDir = filepath.Join(o.DataDir, "file")
			write(t, o.DataDir, "", 0o600)
		}, "data folder", "is no folder", []string{"envelope key", "PostgreSQL"}},
		"the data folder takes no files": {func(_ *testing.T, _ *machine, o *up.Options) { o.DataDir = "/proc/sys" }, "data folder", "nothing can be written", nil},
		"others may read the key": {func(t *testing.T, _ *machine, o *up.Options) {
			write(t, filepath.Join(o.DataDir, "secrets.key"), "", 0o644)
			if err := os.Chmod(filepath.Join(o.DataDir, "secrets.key"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "envelope key", "chmod 600", nil},
		"the key is no key": {func(t *testing.T, _ *machine, o *up.Options) {
			write(t, filepath.Join(o.DataDir, "secrets.key"), "not a key\n", 0o600)
		}, "envelope key", "secrets.key", nil},
		"a database whose key is gone": {func(t *testing.T, _ *machine, o *up.Options) {
			if err := os.Mkdir(filepath.Join(o.DataDir, "postgres"), 0o711); err != nil {
				t.Fatal(err)
			}
		}, "envelope key", "restore it from a backup", nil},
		"the key that is named is absent": {func(_ *testing.T, _ *machine, o *up.Options) { o.Given.KeyFile = "/nowhere/key" },
			"envelope key", "/nowhere/key is missing", nil},
		"the disk is nearly full": {func(_ *testing.T, m *machine, _ *up.Options) {
			m.free = func(string) (int64, error) { return up.LowDisk - 1, nil }
		}, "disk", "make room, at least 512 MiB", nil},
		"the clock stands in the past": {func(_ *testing.T, m *machine, _ *up.Options) {
			m.now = func() time.Time { return time.Unix(0, 0).UTC() }
		}, "clock", "1970-01-01T00:00:00Z, before this binary was made: set it (NTP)", nil},
		"the clock went back since the last run": {func(t *testing.T, _ *machine, o *up.Options) {
			log := filepath.Join(o.DataDir, "peerflow.log")
			write(t, log, "", 0o600)
			if err := os.Chtimes(log, time.Now().Add(time.Hour), time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}, "clock", "peerflow.log was written at", nil},
		"the database elsewhere doesn't answer": {func(t *testing.T, _ *machine, o *up.Options) {
			o.Given.DatabaseURL = "postgres://peerflow@" + nobodyAt(t) + "/peerflow"
		}, "database", "is PEERFLOW_DATABASE_URL right?", nil},
		"its URL is none":              {func(_ *testing.T, _ *machine, o *up.Options) { o.Given.DatabaseURL = "postgres://a:b:c" }, "database", "want postgres://", nil},
		"a newer peerflow migrated it": {func(t *testing.T, _ *machine, o *up.Options) { o.Given.DatabaseURL = newer(t) }, "database", "use the newer binary", nil},
		"its role may not make tables": {func(t *testing.T, _ *machine, o *up.Options) { o.Given.DatabaseURL = readOnly(t) }, "database", "GRANT CREATE ON SCHEMA public TO", nil},
		"its secrets were sealed elsewhere": {func(t *testing.T, _ *machine, o *up.Options) { o.Given.DatabaseURL = sealed(t) },
			"envelope key", "copy the one other processes use", nil},
		"the clock differs from the database's": {func(t *testing.T, m *machine, o *up.Options) {
			o.Given.DatabaseURL = dbtest.URL(t)
			m.now = func() time.Time { return time.Now().Add(time.Minute) }
		}, "clock", "1m0s ahead of the database's: set both by NTP", nil},
		"the Temporal elsewhere has no certificate": {func(_ *testing.T, _ *machine, o *up.Options) {
			o.Given.TemporalAddress, o.Given.TemporalTLS.CAFile = "127.0.0.1:9", "/nowhere/ca.pem"
		}, "Temporal", "PEERFLOW_TEMPORAL_CA", nil},
		"the Temporal elsewhere doesn't answer": {func(t *testing.T, _ *machine, o *up.Options) { o.Given.TemporalAddress = nobodyAt(t) },
			"Temporal", "is PEERFLOW_TEMPORAL_ADDRESS right", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, o := healthy(t)
			c.spoil(t, &m, &o)
			failed, out := examine(t, m, o)
			for _, name := range c.also {
				delete(failed, name)
			}
			if len(failed) != 1 || !strings.Contains(failed[c.fails], c.says) {
				t.Errorf("want only %q to fail, saying %q:\n%s", c.fails, c.says, out)
			}
		})
	}
}

func TestDoctorNamesTheFolderThatTheDatabaseCannotPass(t *testing.T) {
	t.Parallel()
	m, o := healthy(t)
	shut := filepath.Dir(o.DataDir)
	if err := os.Chmod(shut, 0o700); err != nil {
		t.Fatal(err)
	}
	want := ""
	if os.Geteuid() == 0 { // else the database runs as ourselves
		want = "chmod o+x " + shut
	}
	for _, data := range []string{o.DataDir, filepath.Join(o.DataDir, "not", "yet")} {
		o.DataDir = data
		if failed, out := examine(t, m, o); len(failed) > 1 || !strings.Contains(failed["data folder"], want) || (len(failed) > 0) != (want != "") {
			t.Errorf("%s: want %q:\n%s", data, want, out)
		}
	}
}

// The environment chooses the programs: this test has it for itself.
func TestDoctorLooksForTheProgramsThatUpWouldRun(t *testing.T) {
	m, o := healthy(t)
	bin := t.TempDir()
	t.Setenv(pgserver.BinariesEnv, bin)
	if failed, out := examine(t, m, o); !strings.Contains(failed["PostgreSQL"], pgserver.BinariesEnv+"="+bin) {
		t.Errorf("an empty folder:\n%s", out)
	}
	write(t, filepath.Join(bin, "initdb"), "#!/bin/sh\n", 0o755)
	for version, says := range map[string]string{"14.2": "is 14, in " + bin + ": install version 15 or a newer one", "99.1": ""} {
		write(t, filepath.Join(bin, "postgres"), "#!/bin/sh\necho 'postgres (PostgreSQL) "+version+"'\n", 0o755)
		failed, out := examine(t, m, o)
		if (len(failed) > 0) != (says != "") || !strings.Contains(failed["PostgreSQL"], says) {
			t.Errorf("version %s: want %q:\n%s", version, says, out)
		}
	}
}

// nobodyAt is an address where nothing listens.
func nobodyAt(t *testing.T) string {
	t.Helper()
	return "127.0.0.1:" + freePort(t)
}

// newer is a database that a later build migrated.
func newer(t *testing.T) string {
	t.Helper()
	url := dbtest.URL(t)
	runSQL(t, url, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`)
	return url
}

// sealed is a database that holds a secret.
func sealed(t *testing.T) string {
	t.Helper()
	url := dbtest.URL(t)
	keeper, err := secret.OpenFile(filepath.Join(t.TempDir(), "key"), true)
	if err != nil {
		t.Fatal(err)
	}
	d := dbtest.Open(t, url, db.Options{Keeper: keeper})
	if _, err := d.PutSecret(t.Context(), peering.Actor{Kind: peering.ActorSystem, Name: "test"}, "md5", "clear"); err != nil {
		t.Fatal(err)
	}
	return url
}

// readOnly is an empty database of which the role may make nothing.
func readOnly(t *testing.T) string {
	t.Helper()
	url := dbtest.EmptyURL(t)
	role := fmt.Sprintf("reader_%d", os.Getpid())
	runSQL(t, url, "CREATE ROLE "+role+" LOGIN")
	t.Cleanup(func() { runSQL(t, url, "DROP ROLE "+role) })
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("host=%s port=%d dbname=%s user=%s sslmode=disable", config.Host, config.Port, config.Database, role)
}

func runSQL(t *testing.T, url, statement string) {
	t.Helper()
	conn, err := pgx.Connect(context.WithoutCancel(t.Context()), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(context.Background(), statement); err != nil {
		t.Fatal(err)
	}
}

// examine runs the checks as the command does: what it prints, and which failed.
func examine(t *testing.T, m machine, o up.Options) (failed map[string]string, out string) {
	t.Helper()
	var text strings.Builder
	c := &cobra.Command{}
	c.SetOut(&text)
	err := diagnose(c, m.checks(t.Context(), o))
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

// looksElsewhere asks about the database and the Temporal of an up that runs, as though they were the operator's own.
func looksElsewhere(t *testing.T, data, temporal string) {
	ask := func(more ...string) (string, error) {
		c := command(t.Context(), "doctor", "--data", folderOf(t), "--listen", "127.0.0.1:0")
		c.Env = append(c.Env, "PEERFLOW_DATABASE_URL=host="+filepath.Join(data, "run")+" user=postgres dbname=peerflow", "PEERFLOW_TEMPORAL_ADDRESS=127.0.0.1:"+temporal,
			"PEERFLOW_TEMPORAL_SECRET="+strings.TrimSpace(read(t, filepath.Join(data, "temporal.secret"))))
		c.Env = append(c.Env, more...)
		out, err := c.CombinedOutput()
		return string(out), err
	}
	said, err := ask()
	if err != nil {
		t.Errorf("%v:\n%s", err, said)
	}
	for _, want := range []string{"none is started here", "the schema is current", "namespace default\n", "as the database's"} {
		if !strings.Contains(said, want) {
			t.Errorf("it doesn't say %q:\n%s", want, said)
		}
	}
	for variable, want := range map[string]string{
		"PEERFLOW_TEMPORAL_NAMESPACE=nosuch": "there is no namespace nosuch",
		"PEERFLOW_TEMPORAL_SECRET=wrong":     "unauthorized",
	} {
		if said, err := ask(variable); err == nil || !strings.Contains(said, want) || !strings.Contains(said, "1 of the checks failed") {
			t.Errorf("%s: %v, want %q:\n%s", variable, err, want, said)
		}
	}
}
