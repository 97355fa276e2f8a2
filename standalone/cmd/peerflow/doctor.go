package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"peerflow/internal/secret"
)

// lowDisk is below which new commits stop: the database must be able to record
// how a started one ends (bytes).
const lowDisk = 512 << 20

func doctorCommand() *cobra.Command {
	data := orEnv("PEERFLOW_DATA", "peerflow-data")
	c := &cobra.Command{
		Use: "doctor", Short: "Check what peerflow up needs: ports, PostgreSQL, keys, clock, disk", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return diagnose(c, data) },
	}
	c.Flags().StringVar(&data, "data", data, "data folder (PEERFLOW_DATA)")
	return c
}

type diagnosis struct {
	what string
	look func(data string) (string, error)
}

func diagnose(c *cobra.Command, data string) error {
	sick := 0
	for _, d := range []diagnosis{
		{"PostgreSQL", postgres}, {"API port", port("127.0.0.1:8480")}, {"Temporal port", port("127.0.0.1:7233")},
		{"data folder", folder}, {"envelope key", key}, {"disk", disk}, {"clock", clock},
	} {
		text, err := d.look(data)
		mark := "ok  "
		if err != nil {
			sick++
			mark, text = "FAIL", err.Error()
		}
		fmt.Fprintf(c.OutOrStdout(), "%s  %-14s %s\n", mark, d.what, text)
	}
	if sick > 0 {
		return fmt.Errorf("%d of the checks failed", sick)
	}
	return nil
}

func postgres(string) (string, error) {
	if dir := os.Getenv("PEERFLOW_POSTGRES_BIN"); dir != "" {
		return dir, nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err == nil && len(found) > 0 {
		sort.Strings(found)
		return found[len(found)-1], nil
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		return path, nil
	}
	return "", errors.New("no PostgreSQL server here: apt-get install postgresql")
}

func port(address string) func(string) (string, error) {
	return func(string) (string, error) {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return "", fmt.Errorf("%s is taken: by peerflow itself, or give another one to peerflow up", address)
		}
		return address + " is free", l.Close()
	}
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
	return data, nil
}

func key(data string) (string, error) {
	path := filepath.Join(data, "secrets.key")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return "made by the first start", nil
	}
	_, err := secret.OpenFile(path, false)
	return path, err
}

func disk(data string) (string, error) {
	for dir, _ := filepath.Abs(data); ; dir = filepath.Dir(dir) {
		var s syscall.Statfs_t
		if err := syscall.Statfs(dir, &s); err != nil {
			if dir == "/" {
				return "", err
			}
			continue
		}
		free := int64(s.Bavail) * s.Bsize
		if free < lowDisk {
			return "", fmt.Errorf("%d MiB are free at %s: make room, at least %d MiB", free>>20, dir, lowDisk>>20)
		}
		return fmt.Sprintf("%d MiB are free", free>>20), nil
	}
}

// clock compares with what no clock may be behind of: this binary's own making.
func clock(string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	info, err := os.Stat(self)
	if err != nil {
		return "", err
	}
	if now := time.Now(); now.Before(info.ModTime().Add(-time.Minute)) {
		return "", fmt.Errorf("the clock says %s, before this binary was made: set it (NTP)", now.Format(time.RFC3339))
	}
	return time.Now().Format(time.RFC3339), nil
}
