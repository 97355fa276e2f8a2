package render

import (
	"fmt"
	"maps"
	"regexp"
	"strings"

	"peerflow/internal/peering"
)

var (
	closing = regexp.MustCompile(`(?i)\b(shutdown|shut|disabled?|inactive|deactivate)\b`)
	opening = regexp.MustCompile(`(?i)^\s*(no|undo)\b.*\b(shutdown|disable)`)
	taking  = regexp.MustCompile(`(?i)^\s*(no|undo|delete|deactivate)\b`)
)

// removal is about an edit script that leaves a session as it was when it should close: text that isn't there changes
// nothing on a router that merges.
func (c *checker) removal(d peering.Desired, plain trial) {
	shut := d
	shut.Sessions = maps.Clone(d.Sessions)
	var wanted []peering.Session
	for _, s := range d.SessionsInOrder() {
		if s.Intent != peering.Shutdown {
			wanted = append(wanted, s)
		}
		s.Intent = peering.Shutdown
		shut.Sessions[s.ID] = s
	}
	closed := c.trial(shut)
	if closed.err != nil || len(wanted) == 0 {
		return
	}
	removed := c.removed(plain, closed, wanted)
	var left []peering.Session
	for _, s := range wanted {
		if !removed[s.PeerAddress.String()] {
			left = append(left, s)
		}
	}
	if len(left) > 0 {
		c.add(peering.Finding{Level: peering.FindingError, Code: "no-removal",
			Text: fmt.Sprintf("a session that is shut down stays up: on router %s no line takes away or closes the neighbor of %s", d.Router.Name,
				some(left, func(s peering.Session) string { return fmt.Sprintf("session %d (%s)", s.ID, s.PeerAddress) })),
			Fix: "print what closes it, such as \"no neighbor {{ session | ip }}\", where session.enabled is false"})
	}
}

// removed are the peers' addresses that a text closes with lines that it doesn't have otherwise.
func (c *checker) removed(plain, closed trial, sessions []peering.Session) map[string]bool {
	before := map[string]bool{}
	for _, line := range c.lines(plain.text) {
		before[line] = true
	}
	var addresses []string
	for _, s := range sessions {
		addresses = append(addresses, s.PeerAddress.String())
	}
	known := map[string]bool{}
	for _, a := range addresses {
		known[a] = true
	}
	removed, current := map[string]bool{}, ""
	for _, line := range c.lines(closed.text) {
		named := false
		for _, word := range strings.FieldsFunc(line, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF.:", r) }) {
			if known[word] {
				current, named = word, true
			}
		}
		if current == "" {
			continue
		}
		switch taken := named && taking.MatchString(line) && strings.HasSuffix(strings.TrimRight(line, " \t;\"{}"), current); {
		case taken && !before[line]:
			removed[current] = true
		case closing.MatchString(line) && !opening.MatchString(line) && (!named || !before[line]):
			removed[current] = true
		}
	}
	return removed
}
