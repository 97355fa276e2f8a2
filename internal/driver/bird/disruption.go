package bird

import (
	"maps"
	"slices"
	"strings"

	"peerflow/internal/peering"
)

// Disruption is what BIRD does to running sessions at a reconfiguration. The
// classes were measured on 2.0.12: it restarts a session for what it negotiates
// or builds the connection from, and evaluates routes again for the rest.
func (Syntax) Disruption(before, after *peering.Stanza) peering.Disruption {
	switch {
	case before == nil && after == nil, before != nil && after != nil && before.Text == after.Text:
		return peering.DisruptsNone
	case before == nil:
		return peering.DisruptsNone
	case after == nil:
		return removal(*before)
	}
	old, errOld := single(before.Text)
	now, errNow := single(after.Text)
	if errOld != nil || errNow != nil || old.class != now.class || old.kind != now.kind {
		return peering.DisruptsUnknown
	}
	return change(old, now)
}

// removal of a protocol ends its sessions; anything else can't be removed while something uses it.
func removal(s peering.Stanza) peering.Disruption {
	b, err := single(s.Text)
	if err != nil {
		return peering.DisruptsUnknown
	}
	if b.class == "protocol" && b.kind == "bgp" {
		return peering.DisruptsReset
	}
	return change(b, block{class: b.class, kind: b.kind})
}

func change(old, now block) peering.Disruption {
	switch old.class {
	case "function", "filter":
		return peering.DisruptsRefresh
	case "define":
		return changeOfDefine(old, now)
	case "protocol", "template":
		switch old.kind {
		case "bgp":
			return changeOfBGP(old, now)
		case "static":
			return peering.DisruptsRefresh
		}
	}
	return peering.DisruptsUnknown
}

// changeOfDefine knows sets to be used in filters alone; any other value may be a
// timer or an AS number somewhere.
func changeOfDefine(old, now block) peering.Disruption {
	for _, b := range []block{old, now} {
		_, value, _ := strings.Cut(b.code, "=")
		if b.code != "" && !strings.HasPrefix(strings.TrimSpace(value), "[") {
			return peering.DisruptsUnknown
		}
	}
	return peering.DisruptsRefresh
}

// harmless are the statements of a BGP protocol and its channels whose change
// doesn't restart the session, by their first words.
var harmless = []struct {
	words  string
	effect peering.Disruption
}{
	{"description", peering.DisruptsNone},
	{"import limit", peering.DisruptsNone},
	{"receive limit", peering.DisruptsNone},
	{"export limit", peering.DisruptsNone},
	{"import filter", peering.DisruptsRefresh},
	{"import where", peering.DisruptsRefresh},
	{"import all", peering.DisruptsRefresh},
	{"import none", peering.DisruptsRefresh},
	{"export filter", peering.DisruptsRefresh},
	{"export where", peering.DisruptsRefresh},
	{"export all", peering.DisruptsRefresh},
	{"export none", peering.DisruptsRefresh},
}

// changeOfBGP compares two protocols statement by statement.
func changeOfBGP(old, now block) peering.Disruption {
	worst := peering.DisruptsNone
	a, b := statements(old.code), statements(now.code)
	for _, s := range append(slices.Collect(maps.Keys(a)), slices.Collect(maps.Keys(b))...) {
		if a[s] != b[s] {
			worst = worst.Worse(effect(s))
		}
	}
	return worst
}

// statement is one line of a protocol, or of one of its channels.
type statement struct{ channel, text string }

// effect of a statement that came or went.
func effect(s statement) peering.Disruption {
	for _, h := range harmless {
		if strings.HasPrefix(s.text, h.words) {
			return h.effect
		}
	}
	return peering.DisruptsReset
}

// statements counts the statements of a protocol's code, its head and its channels among them.
func statements(code string) map[statement]int {
	counts := map[statement]int{}
	_, body, _ := strings.Cut(code, "{ ")
	head, _, _ := strings.Cut(code, "{")
	counts[statement{text: strings.TrimSpace(head)}]++
	channel, start, depth := "", 0, 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '"':
			i += 1 + strings.IndexByte(body[i+1:], '"')
		case '{':
			if depth++; depth == 1 && isChannel(body[start:i]) {
				channel = strings.TrimSpace(body[start:i])
				counts[statement{channel: channel}]++
				start = i + 1
			}
		case '}':
			if depth--; depth == 0 && channel != "" {
				channel, start = "", i+1
			}
		case ';':
			if s := strings.TrimSpace(body[start:i]); s != "" && (depth == 0 || depth == 1 && channel != "") {
				counts[statement{channel, s}]++
				start = i + 1
			} else if s == "" {
				start = i + 1
			}
		}
	}
	return counts
}

func isChannel(s string) bool {
	switch strings.TrimSpace(s) {
	case "ipv4", "ipv6", "ipv4 multicast", "ipv6 multicast", "ipv4 mpls", "ipv6 mpls", "vpn4 mpls", "vpn6 mpls", "flow4", "flow6":
		return true
	}
	return false
}

// single reads a stanza's text as its one block.
func single(text string) (block, error) {
	tokens, err := scan(text)
	if err != nil {
		return block{}, err
	}
	blocks, err := cut(text, tokens)
	if err != nil {
		return block{}, err
	}
	if len(blocks) != 1 {
		return block{}, peering.NewError(peering.Invalid, "a stanza is one block")
	}
	return blocks[0], nil
}
