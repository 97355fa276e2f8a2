package up

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Each log in the data folder holds at most maxLog bytes and a little, and the
// file beside it (.1) what was there before.
const (
	maxLog     = 16 << 20
	logLookout = time.Minute
)

// logs are written by ourselves, by Temporal's server and by PostgreSQL.
var logs = []string{"peerflow.log", "temporal.log", "postgres.log"}

// boundLogs looks after them until ctx ends.
func (s *Stack) boundLogs(ctx context.Context) {
	tick := time.NewTicker(logLookout)
	defer tick.Stop()
	for {
		for _, name := range logs {
			if err := bound(s.path(name), maxLog); err != nil {
				s.Parts.Log.Warn("keep a log short", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// bound copies a log that has grown beyond most bytes aside and empties it. Who
// writes it goes on at its new end, as all of them append; what is written
// between copy and truncation is lost.
func bound(path string, most int64) error {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && info.Size() <= most {
		return nil
	}
	if err != nil {
		return err
	}
	if err := copyFile(path, path+".1"); err != nil {
		return fmt.Errorf("copy %s: %w", path, err)
	}
	return os.Truncate(path, 0)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
