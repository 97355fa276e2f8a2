package bird

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// Settings say where a router keeps BIRD's files; what is left out is as in Debian.
//
// A router needs, once: the line of Adoption in its main file and the owned
// file (empty) before that is loaded; a login that may use birdc and read the main
// file, which in Debian is the group bird; times with date and seconds in show
// status, as BIRD's default or "timeformat base iso long" has them; and the owned
// file's folder writable by that login and readable by BIRD, no one else:
//
//	install -d -m 2750 -o peerflow -g bird /etc/bird/peerflow
//	install -m 640 -o peerflow -g bird /dev/null /etc/bird/peerflow/owned.conf
//
// The login's shell may be any that runs sh -c '…'. sh, GNU coreutils, diffutils,
// findutils, grep and sed, and flock (util-linux) do the rest.
type Settings struct {
	Main  string `json:"main"`  // the file that BIRD boots (bird -c); default /etc/bird/bird.conf
	Owned string `json:"owned"` // the file that peerflow owns; its folder is ours to write; default /etc/bird/peerflow/owned.conf
	Birdc string `json:"birdc"` // command that reaches the daemon; default /usr/sbin/birdc -s /run/bird/bird.ctl
}

var debian = Settings{
	Main:  "/etc/bird/bird.conf",
	Owned: "/etc/bird/peerflow/owned.conf",
	Birdc: "/usr/sbin/birdc -s /run/bird/bird.ctl", // a plain user's PATH lacks /usr/sbin
}

var (
	// BIRD has no escape inside quotes, so that a path may hold neither those nor what its include would expand.
	plainPath    = regexp.MustCompile(`^/[\p{L}\p{N} _./+@:=,-]+$`)
	plainCommand = regexp.MustCompile(`^[A-Za-z0-9_./+@:=, -]+$`)
)

// parseSettings fills in the defaults and refuses unknown fields.
func parseSettings(raw json.RawMessage) (Settings, error) {
	s := debian
	if len(raw) == 0 {
		return s, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, peering.Errorf(peering.Invalid, "settings of platform bird: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return s, peering.NewError(peering.Invalid, "settings of platform bird: text after the object")
	}
	return s, s.check()
}

func (s Settings) check() error {
	for name, file := range map[string]string{"main": s.Main, "owned": s.Owned} {
		if !plainPath.MatchString(file) || path.Clean(file) != file {
			return peering.Errorf(peering.Invalid, "settings of platform bird: %s must be an absolute path without \"..\", quotes or wildcards", name)
		}
	}
	if s.Main == s.Owned {
		return peering.NewError(peering.Invalid, "settings of platform bird: main and owned must be two files: peerflow never writes the main one")
	}
	if !plainCommand.MatchString(s.Birdc) || strings.TrimSpace(s.Birdc) == "" {
		return peering.NewError(peering.Invalid, "settings of platform bird: birdc must be a command of plain words")
	}
	return nil
}

func (s Settings) folder() string { return path.Dir(s.Owned) }

func (s Settings) candidate(name string) string {
	return path.Join(s.folder(), "candidate-"+name+".conf")
}

func (s Settings) includeLine() string { return fmt.Sprintf("include \"%s\";", s.Owned) }

// Propose has a person replace the owned file and load the configuration. The file
// is small, and complete: what isn't in it, BIRD doesn't run.
func (platform) Propose(p peering.Way) (peering.Proposal, error) {
	s, err := parseSettings(p.Settings)
	if err != nil {
		return peering.Proposal{}, err
	}
	found, err := passwords(p.Artifact)
	if err != nil {
		return peering.Proposal{}, err
	}
	for _, at := range found {
		if strings.HasPrefix(p.Artifact[at.start:at.end], redacted) {
			return peering.Proposal{}, peering.Errorf(peering.Conflict, "%s has a password that isn't one of ours, and nobody could paste the file without losing it: "+
				"record it as a secret of its session first", s.Owned)
		}
	}
	return peering.Proposal{Text: peering.HideSecrets(p.Artifact),
		Where:    fmt.Sprintf("the whole content of %s on the router, in place of what is in it", s.Owned),
		Commands: []string{s.Birdc + " configure check", s.Birdc + " configure"}}, nil
}

// Adoption is the line that a router's main file needs once.
func (platform) Adoption(raw json.RawMessage) (driver.Adoption, error) {
	s, err := parseSettings(raw)
	return driver.Adoption{File: s.Main, Line: s.includeLine(),
		Files: fmt.Sprintf("%s exists before that, empty, in a folder that the login may write and BIRD may read", s.Owned)}, err
}
