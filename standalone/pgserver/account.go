package pgserver

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is who initdb and postgres run as. PostgreSQL refuses to run as root, so root lends them another account.
type account struct {
	name     string
	uid, gid int
	borrowed bool // we are root and switch to it
}

// databaseAccount is ourselves, or for root the account of the Debian package, else nobody.
func databaseAccount() (account, error) {
	if os.Geteuid() != 0 {
		return account{name: "uid " + strconv.Itoa(os.Geteuid()), uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.Atoi(u.Uid)
		gid, gidErr := strconv.Atoi(u.Gid)
		if uidErr == nil && gidErr == nil && uid != 0 {
			return account{name: name, uid: uid, gid: gid, borrowed: true}, nil
		}
	}
	return account{}, fmt.Errorf("PostgreSQL can't run as root, and this machine has neither a user postgres nor nobody: start peerflow as another user")
}

// credential is nil when the child simply runs as we do.
func (a account) credential() *syscall.Credential {
	if !a.borrowed {
		return nil
	}
	return &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
}

// own hands a folder that we made over to the account.
func (a account) own(dir string) error {
	if !a.borrowed {
		return nil
	}
	return os.Chown(dir, a.uid, a.gid)
}

// reach checks that the account can walk down to dir, since PostgreSQL's own message names only the last folder.
// Access lists are not looked at: they can only make this check stricter than needed.
func (a account) reach(dir string) error {
	if !a.borrowed {
		return nil
	}
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return err
		}
		if !a.mayEnter(info) {
			return fmt.Errorf("the database runs as user %s, who can't pass through %s (mode %04o): chmod o+x %s, or choose a data folder such as /var/lib/peerflow",
				a.name, at, info.Mode().Perm(), at)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

func (a account) mayEnter(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	mode := info.Mode().Perm()
	switch {
	case int(st.Uid) == a.uid:
		return mode&0o100 != 0
	case int(st.Gid) == a.gid: // the child gets no supplementary groups
		return mode&0o010 != 0
	}
	return mode&0o001 != 0
}
