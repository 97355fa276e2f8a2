package outline

import (
	"strings"

	"peerflow/internal/peering"
)

// indented reads statements, one a line, each inside the last one above it that is indented less.
func (x Syntax) indented(text string) ([]*node, error) {
	top := &node{}
	open := []level{{depth: -1, node: top}}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		said := strings.TrimSpace(lines[i])
		if said == "" || said[0] == '!' {
			continue
		}
		if strings.ContainsRune(lines[i], '\t') || !printable(said) {
			return nil, peering.Errorf(peering.Invalid, "line %d: a tab or control character", i+1)
		}
		depth := len(lines[i]) - len(strings.TrimLeft(lines[i], " "))
		for depth <= open[len(open)-1].depth {
			open = open[:len(open)-1]
		}
		inside := open[len(open)-1].node
		if x.closes(said) {
			if len(inside.below) == 0 && inside == top {
				return nil, peering.Errorf(peering.Invalid, "line %d: %s closes nothing", i+1, said)
			}
			continue
		}
		n := &node{text: strings.Join(strings.Fields(said), " "), line: i + 1}
		if siblings := inside.below; len(siblings) > 0 && open[len(open)-1].inner != depth {
			return nil, peering.Errorf(peering.Invalid, "line %d: %q is indented like no line above it", i+1, shorten(said))
		}
		open[len(open)-1].inner = depth
		inside.below, inside.block = append(inside.below, n), true
		if open = append(open, level{depth: depth, node: n}); len(open) > deepest+1 {
			return nil, tooDeep(i + 1)
		}
		if end := x.Verbatim[strings.Fields(said)[0]]; end != "" && inside == top {
			var ok bool
			if i, ok = n.verbatim(lines, i+1, end); !ok {
				return nil, peering.Errorf(peering.Invalid, "line %d: %s never ends: %s is missing", n.line, n.text, end)
			}
		}
	}
	return top.below, nil
}

// level is an open statement: how far it is indented, and how far what is inside.
type level struct {
	depth int
	node  *node
	inner int
}

// verbatim takes lines up to the one that ends the block, whose index it gives.
func (n *node) verbatim(lines []string, from int, end string) (int, bool) {
	n.block = true
	for i := from; i < len(lines); i++ {
		line := strings.TrimRight(lines[i], " \t\r")
		if strings.TrimSpace(line) == end {
			n.raw = append(n.raw, end)
			return i, true
		}
		if line != "" {
			n.raw = append(n.raw, line)
		}
	}
	return len(lines), false
}

func (x Syntax) closes(said string) bool {
	for _, closing := range x.Closes {
		if said == closing {
			return true
		}
	}
	return false
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\ufffd' })
}
