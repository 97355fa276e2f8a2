package pgserver

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

const (
	socketName    = ".s.PGSQL.5432"
	maxSocketPath = 103 // sun_path: 104 bytes with the final zero on BSD and macOS, 108 on Linux
)

// socketFolder returns a folder for the socket that only the database account may enter: <data folder>/run, or where
// that path is too long for a socket a short one named by a hash of the data folder.
func socketFolder(dataDir string, who account) (string, error) {
	dir := filepath.Join(dataDir, "run")
	if len(dir)+1+len(socketName) > maxSocketPath {
		dir = shortFolder(dataDir, who)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return "", fmt.Errorf("make socket folder: %w", err)
	}
	if err := claim(dir, who); err != nil {
		return "", err
	}
	return dir, nil
}

// shortFolder is the same at every start. The account's number is in it, since a stranger may own the plain name in /tmp.
func shortFolder(dataDir string, who account) string {
	sum := sha256.Sum256([]byte(dataDir))
	base := "/tmp"
	if who.borrowed {
		base = "/run"
	}
	return filepath.Join(base, "peerflow-"+strconv.Itoa(who.uid)+"-"+hex.EncodeToString(sum[:6]))
}

// claim makes sure that dir is a real folder of ours or the account's, and shuts it for all others. In /tmp anybody may
// have made it before us.
func claim(dir string, who account) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok {
		return fmt.Errorf("socket folder %s is not a folder: remove it", dir)
	}
	if owner := int(st.Uid); owner != who.uid && owner != os.Geteuid() {
		return fmt.Errorf("socket folder %s belongs to user id %d, not to %s: remove it", dir, owner, who.name)
	}
	if err := who.own(dir); err != nil {
		return err
	}
	return os.Chmod(dir, 0o700)
}
