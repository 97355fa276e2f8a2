package up

import (
	"fmt"
	"syscall"
)

// LowDisk is below which new commits stop: the database must be able to record
// how a started one ends (bytes).
const LowDisk = 512 << 20

// Room refuses a data folder on a disk that is nearly full; free is FreeBytes,
// or a test's.
func Room(dir string, free func(string) (int64, error)) error {
	left, err := free(dir)
	if err != nil {
		return err
	}
	if left < LowDisk {
		return fmt.Errorf("%d MiB are free at %s: make room, at least %d MiB; until then nothing new is committed", left>>20, dir, LowDisk>>20)
	}
	return nil
}

// FreeBytes is what an ordinary user may still write at a folder.
func FreeBytes(dir string) (int64, error) {
	var s syscall.Statfs_t
	err := syscall.Statfs(dir, &s)
	return int64(s.Bavail) * s.Bsize, err
}
