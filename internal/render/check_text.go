package render

import (
	"fmt"
	"maps"
	"regexp"
	"strings"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// What the languages of routers call a filter, a list or a policy: its kind and its name.
const filterObject = `((?:ip |ipv6 )?prefix-list6? \S+|(?:ip )?as-path access-list \S+|as-path(?:-list|-group)? \S+|(?:ip )?community-list (?:standard |expanded )?\S+|community \S+|` +
	`route-map \S+|route-policy \S+|prefix-set \S+|policy-statement \S+|route-filter-list \S+)`

var (
	deletion = regexp.MustCompile(`^\s*(?:(no)|delete(?: policy-options| policy)?)\s+` + filterObject + `;?\s*$`)
	creation = regexp.MustCompile(`^\s*(?:set (?:policy-options|policy) )?` + filterObject + `(?:\s|$)`)
	growing  = regexp.MustCompile(`^\s*(?:set (?:policy-options|policy) prefix-list6? \S+|(?:ip|ipv6) prefix-list \S+)\s+\S`)
)

// subject is what is deleted or created, without what its platform adds.
func subject(m []string) string { return strings.TrimSuffix(m[len(m)-1], ";") }

// order is about filters that are taken away and made again: between the two, the sessions that use them have none.
func (c *checker) order(t trial) {
	gone := map[string]int{}
	confirmed := map[string]bool{} // deleted in a candidate, that a commit makes one step of
	for i, line := range c.lines(t.text) {
		if m := deletion.FindStringSubmatch(line); m != nil {
			if _, twice := gone[subject(m)]; !twice {
				gone[subject(m)], confirmed[subject(m)] = i, m[1] == ""
			}
			continue
		}
		m := creation.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		at, deleted := gone[subject(m)]
		if !deleted {
			continue
		}
		delete(gone, subject(m))
		f := peering.Finding{Level: peering.FindingError, Code: "deleted-in-use", Text: fmt.Sprintf("%s is deleted and then made again: in between, sessions that use it take or announce everything, or nothing", subject(m)),
			Fix: "make it under a new name, let the sessions use that, and delete the old one last"}
		if confirmed[subject(m)] {
			f.Level, f.Fix = peering.FindingWarning, "be sure that the platform commits both at once; otherwise make it under a new name and delete the old one last"
		}
		f.Template, f.Line = t.place(at)
		f.Template = c.included(f.Template)
		c.add(f)
	}
}

// listsThatGrow is about prefix lists that a text adds to and never empties.
func (c *checker) listsThatGrow(t trial) {
	emptied := map[string]bool{}
	lines := c.lines(t.text)
	for _, line := range lines {
		if m := deletion.FindStringSubmatch(line); m != nil {
			emptied[subject(m)] = true
		}
	}
	for i, line := range lines {
		if !growing.MatchString(line) {
			continue
		}
		list := subject(creation.FindStringSubmatch(line))
		if emptied[list] {
			continue
		}
		emptied[list] = true // told once
		f := peering.Finding{Level: peering.FindingWarning, Code: "list-never-emptied", Text: "entries that leave a prefix list stay on the router: a merge only adds to it",
			Fix: "make the list anew under a name that changes with its content, let the sessions use that, and delete the old one last"}
		f.Template, f.Line = t.place(i)
		f.Template = c.included(f.Template)
		c.add(f)
	}
}

var (
	zeroLimit  = regexp.MustCompile(`(?i)(?:maximum-prefix|maximum-prefixes|maximum-routes|max-prefix|max-prefixes|prefix-limit|(?:import|receive|export) limit)(?:\s+ipv[46])?(?:\s+maximum)?["':=\s]+0(?:[\s;,"}]|$)`)
	zeroInside = regexp.MustCompile(`^\s*maximum\s+0\s*;?\s*$`)
)

// zeroLimits is about a prefix limit of 0, which platforms read as anything from "none" to "no limit".
func (c *checker) zeroLimits(t trial) {
	if t.err != nil {
		return
	}
	lines := c.lines(t.text)
	for i, line := range lines {
		inside := zeroInside.MatchString(line) && strings.Contains(strings.Join(lines[max(i-3, 0):i], "\n"), "prefix-limit")
		if !inside && !zeroLimit.MatchString(line) {
			continue
		}
		f := peering.Finding{Level: peering.FindingError, Code: "limit-of-zero", Text: fmt.Sprintf("a limit of 0 is printed for a session without one: %q", peering.Clip(strings.TrimSpace(peering.HideSecrets(line)), 80)),
			Fix: "print the line only {% if %} there is a limit"}
		f.Template, f.Line = t.place(i)
		f.Template = c.included(f.Template)
		if f.Template != "" || !c.writes(f.Line, zeroLimit) { // EOS means "no limit" by a 0 that its template writes
			c.add(f)
		}
	}
}

// writes reports whether the template's own text has it on a line.
func (c *checker) writes(line int, what *regexp.Regexp) bool {
	lines := strings.Split(c.template.Body, "\n")
	return line > 0 && line <= len(lines) && what.MatchString(lines[line-1])
}

// withoutLimits is the desired state with every session unlimited.
func withoutLimits(d peering.Desired) (open peering.Desired, changed bool) {
	d.Sessions = maps.Clone(d.Sessions)
	for id, s := range d.Sessions {
		s.Limits = peering.Limits{IPv4: bgp.Unlimited, IPv6: bgp.Unlimited}
		d.Sessions[id] = s
	}
	return d, len(d.Sessions) > 0
}

// maxLines is how much of a text is looked at.
const maxLines = 200_000

func (c *checker) lines(text string) []string {
	lines := strings.SplitN(text, "\n", maxLines+1)
	return lines[:min(len(lines), maxLines)]
}
