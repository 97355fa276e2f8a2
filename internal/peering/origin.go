package peering

import (
	"cmp"
	"slices"
	"strings"
	"sync"
)

// longStanza is the most lines of a stanza that are told apart: prefix lists have thousands, all made alike.
const longStanza = 2000

// LineOrigin says where one line of a stanza comes from.
type LineOrigin struct {
	Places []TemplatePlace `json:"places" doc:"template lines that wrote it"`
	Fields []FieldRead     `json:"fields" doc:"what of our records was read for it: printed, or decided on"`
}

// TemplatePlace is a line of a template.
type TemplatePlace struct {
	Template string `json:"template"`
	Line     int    `json:"line" doc:"counted from 1"`
}

// FieldRead is a field of a record, or a filter that was given the record, as "|name".
type FieldRead struct {
	Record string `json:"record" example:"session 12"`
	Field  string `json:"field"`
}

// Origins says for each stanza of a rendered text where its lines come from.
// lines has one entry per line of the text, and stanzas are what the text was cut
// into. A line that its platform writes otherwise than the template did comes
// from the whole stanza, and so do all of a very long stanza's.
func Origins(text string, lines []LineOrigin, stanzas []Stanza) map[string][]LineOrigin {
	raw := strings.Split(text, "\n")
	found := make(map[string][]LineOrigin, len(stanzas))
	slices.SortFunc(stanzas, func(a, b Stanza) int { return cmp.Compare(a.Line, b.Line) })
	for i, s := range stanzas {
		end := len(raw)
		if i+1 < len(stanzas) {
			end = stanzas[i+1].Line - 1
		}
		start := s.Line - 1
		if start < 0 || start > end || end > len(raw) || end > len(lines) {
			continue
		}
		found[s.Key] = align(s.Text, raw[start:end], lines[start:end])
	}
	return found
}

// align finds each line of a stanza's canonical text among those that the template wrote, in their order.
func align(text string, raw []string, lines []LineOrigin) []LineOrigin {
	wanted := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(wanted) > longStanza || len(raw) > 2*longStanza {
		return []LineOrigin{together(lines)}
	}
	out := make([]LineOrigin, len(wanted))
	next, all := 0, sync.OnceValue(func() LineOrigin { return together(lines) })
	tight := make([]string, len(raw))
	for i, line := range raw {
		tight[i] = squeezed(line)
	}
	for i, line := range wanted {
		at := holding(tight, next, squeezed(line))
		if at < 0 {
			out[i] = all()
			continue
		}
		out[i], next = lines[at], at
	}
	return out
}

// holding is the first line from next on that holds a text, whatever the blanks; -1 when none does.
func holding(raw []string, next int, text string) int {
	if strings.Trim(text, "{}[],;") == "" {
		return -1 // a bracket alone says nothing of where it stood
	}
	for i := next; i < len(raw); i++ {
		if strings.Contains(raw[i], text) {
			return i
		}
	}
	return -1
}

func squeezed(line string) string {
	return strings.TrimSuffix(strings.Join(strings.Fields(line), ""), ",")
}

// LineWhy is a line of a stanza and where it comes from.
type LineWhy struct {
	Stanza string `json:"stanza" example:"protocol/as64501_12"`
	Line   int    `json:"line" doc:"in the text that was asked about, counted from 1"`
	Text   string `json:"text" doc:"secrets stand as <secret v3>"`
	LineOrigin
}

// WhyLines says where the lines of stanzas come from, in their order. known maps
// the hash of a stanza's text to its lines' origins; a line that nothing is known
// of has none.
func WhyLines(stanzas []Stanza, known map[string][]LineOrigin) []LineWhy {
	var all []LineWhy
	for _, s := range stanzas {
		origins := known[s.Hash()]
		for i, line := range strings.Split(strings.TrimSuffix(s.Text, "\n"), "\n") {
			why := LineWhy{Stanza: s.Key, Line: s.Line + i, Text: HideSecrets(line)}
			if len(origins) > 0 {
				why.LineOrigin = origins[min(i, len(origins)-1)]
			}
			all = append(all, why)
		}
	}
	return all
}

// together is all that led to a stanza, each thing once.
func together(lines []LineOrigin) (all LineOrigin) {
	places, fields := map[TemplatePlace]bool{}, map[FieldRead]bool{}
	for _, line := range lines {
		for _, p := range line.Places {
			if !places[p] {
				places[p] = true
				all.Places = append(all.Places, p)
			}
		}
		for _, f := range line.Fields {
			if !fields[f] {
				fields[f] = true
				all.Fields = append(all.Fields, f)
			}
		}
	}
	return all
}
