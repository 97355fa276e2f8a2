package pgserver

import (
	"fmt"
	"path/filepath"
)

// Examine tells which PostgreSQL a start on a data folder would run, and changes nothing. The error is the one that
// such a start would end with.
func Examine(dataDir string) (string, error) {
	found, err := findBinaries()
	if err != nil {
		return "", err
	}
	clusterDir := filepath.Join(dataDir, "postgres")
	if _, err := holdsCluster(clusterDir); err != nil {
		return "", err
	}
	b, err := choose(found, clusterDir)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("version %s in %s", b.major, b.dir), nil
}

// Passable checks that the account which runs the database can walk down to a folder that is there; likewise.
func Passable(dir string) error {
	who, err := databaseAccount()
	if err != nil {
		return err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return err
	}
	return who.reach(dir)
}
