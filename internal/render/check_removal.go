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
	silent  = regexp.MustCompile(`(?i)^\s*[!#]|\b(description|remark)\b`) // says nothing to a router
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
	known := map[string]bool{}
	for _, s := range sessions {
		known[s.PeerAddress.String()] = true
	}
	before := map[aboutNeighbor]int{}
	for _, l := range c.aboutNeighbors(plain.text, known) {
		before[l]++
	}
	removed := map[string]bool{}
	for _, l := range c.aboutNeighbors(closed.text, known) {
		if before[l] > 0 { // it stands there while the session is open, too
			before[l]--
			continue
		}
		taken := l.named && taking.MatchString(l.line) && strings.HasSuffix(strings.TrimRight(l.line, " \t;\"{}"), l.neighbor)
		if taken || closing.MatchString(l.line) && !opening.MatchString(l.line) && !silent.MatchString(l.line) {
			removed[l.neighbor] = true
		}
	}
	return removed
}

// aboutNeighbor is a line that says something of a neighbor: it names it, or stands in its block.
type aboutNeighbor struct {
	neighbor, line string
	named          bool
}

// aboutNeighbors are the lines of a text that say something of known addresses. A line that names none belongs to the
// neighbor named last as long as it stands further in than that line; as far in does where both stand in a block.
func (c *checker) aboutNeighbors(text string, known map[string]bool) (found []aboutNeighbor) {
	current, depth := "", 0
	for _, line := range c.lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		named, in := false, len(line)-len(strings.TrimLeft(line, " \t"))
		for _, word := range strings.FieldsFunc(line, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF.:", r) }) {
			if known[word] {
				current, depth, named = word, in, true
			}
		}
		if !named && (in < depth || in == 0) {
			current = ""
		}
		if current != "" {
			found = append(found, aboutNeighbor{current, line, named})
		}
	}
	return found
}
