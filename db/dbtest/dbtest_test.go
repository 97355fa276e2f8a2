package dbtest

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const helperEnv = "DBTEST_HELPER"

// TestMain lets this binary act as a test process that is killed while its cluster runs.
func TestMain(m *testing.M) {
	if os.Getenv(helperEnv) == "" {
		os.Exit(m.Run())
	}
	s, err := shared()
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString(s.admin + "\n")
	select {} // until it is killed
}

func TestDatabasesAreMigratedAndApart(t *testing.T) {
	t.Parallel()
	one, two := New(t), New(t)
	if err := one.CheckSchema(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := one.Pool().Exec(t.Context(), `INSERT INTO site (slug, name) VALUES ('ams', '')`); err != nil {
		t.Fatal(err)
	}
	var there int
	if err := two.Pool().QueryRow(t.Context(), `SELECT count(*) FROM site`).Scan(&there); err != nil || there != 0 {
		t.Errorf("the other database has %d sites, %v", there, err)
	}
}

func TestTheClusterEndsWithItsProcessEvenWhenKilled(t *testing.T) {
	t.Parallel()
	if os.Getenv(URLEnv) != "" {
		t.Logf("%s is set: there is no private cluster to look at", URLEnv)
		return
	}
	helper := exec.CommandContext(t.Context(), os.Args[0])
	helper.Env = append(os.Environ(), helperEnv+"=1")
	out, err := helper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	dir := strings.TrimPrefix(strings.Fields(line)[0], "host=")
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
	if err := helper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = helper.Wait()
	deadline := time.After(startLimit)
	for {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return // the supervisor removes it last, when postgres has ended
		}
		select {
		case <-deadline:
			t.Fatalf("%s is still there", dir)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
