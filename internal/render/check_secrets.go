package render

import (
	"regexp"
	"strings"

	"peerflow/internal/peering"
)

var (
	markup = regexp.MustCompile(`(?s)\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}`)
	// cleartext is a word that a password follows, what platforms put between, and the password.
	cleartext = regexp.MustCompile(`(?i)(?:\b(?:password|passphrase|secret|md5|md5-key|key-string|authentication-key|auth-key|auth-password)"?\s*[:=]?\s+|\bkey\s+[0-9]\s+)` +
		`(?:(?:encrypted|clear|plaintext|hash2?|[0-9])\s+)*(?:"([^"\x00\s]{4,})"|'([^'\x00\s]{4,})'|([^\s"'\x00;{}\[\]|<>(),]{4,}))`)
	assignment = regexp.MustCompile(`(?i)\bset\s+\w*(?:password|passphrase|secret|md5)\w*\s*=\s*["'][^"']{4,}["']`)
)

// harmless are words of configurations that follow "password" or "key" and are none.
var harmless = strings.Fields("none null true false enable enabled disable disabled required chain prompt encryption encrypted clear plaintext neighbor peer-group for from with keychain authentication rollover")

// secrets is about passwords that stand in the template's own text, where everybody reads them.
func (c *checker) secrets() {
	body := markup.ReplaceAllStringFunc(c.template.Body, func(m string) string {
		if assignment.MatchString(m) {
			return m
		}
		return "\x00" + strings.Repeat("\n", strings.Count(m, "\n"))
	})
	for i, line := range strings.Split(body, "\n") {
		if !assignment.MatchString(line) && !spoken(line) {
			continue
		}
		c.add(peering.Finding{Level: peering.FindingError, Code: "secret-in-clear", Line: i + 1, Text: "a password stands in the template's text, which is stored, shown and compared in clear",
			Fix: "record it as the password of the session (peerflow stores it encrypted), and print {{ session.password }}; change it on the routers, as it was seen"})
	}
}

func spoken(line string) bool {
	m := cleartext.FindStringSubmatch(line)
	if m == nil {
		return false
	}
	word := strings.ToLower(m[1] + m[2] + m[3])
	for _, h := range harmless {
		if word == h {
			return false
		}
	}
	return true
}
