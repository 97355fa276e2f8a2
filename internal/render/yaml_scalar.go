package render

import (
	"fmt"
	"regexp"
	"strings"
)

const (
	lineBreaks = "\n\u0085\u2028\u2029"
	yamlBlanks = "\x00 \t\r" + lineBreaks
)

// resolved is text that YAML reads as something else than text.
var resolved = regexp.MustCompile(`^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF` +
	`|[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)` +
	`|[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+` +
	`|<<|~|null|Null|NULL||=|!|&|\*` +
	`|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?(?:[Tt]|[ \t]+)[0-9][0-9]?:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9][0-9]?(?::[0-9]{2})?))?)$`)

// styles are the ways in which text may be written.
type styles struct{ multiline, plain, single bool }

// analyze finds them as PyYAML does.
func analyze(text []rune) styles {
	if len(text) == 0 {
		return styles{plain: true, single: true}
	}
	a := styles{plain: true, single: true}
	if s := string(text); strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...") {
		a.plain = false
	}
	blankAt := func(i int) bool { return i >= len(text) || strings.ContainsRune(yamlBlanks, text[i]) }
	for i, r := range text {
		a.plain = a.plain && !indicates(r, i, i == 0 || blankAt(i-1), blankAt(i+1))
		switch {
		case isBreak(r):
			a.multiline, a.plain = true, false
			a.single = a.single && (r == '\n') && (i == 0 || text[i-1] != ' ') // a blank before a break needs double quotes
		case r == ' ' && i > 0 && isBreak(text[i-1]):
			a.plain, a.single = false, false
		case r == ' ' && (i == 0 || i == len(text)-1):
			a.plain = false
		case r < ' ' || r > '~':
			a.plain, a.single = false, false
		}
	}
	return a
}

func isBreak(r rune) bool { return strings.ContainsRune(lineBreaks, r) }

// indicates tells characters that mean something to YAML where they stand.
func indicates(r rune, i int, afterBlank, beforeBlank bool) bool {
	switch {
	case i == 0 && strings.ContainsRune("#,[]{}&*!|>'\"%@`", r):
		return true
	case i == 0 && strings.ContainsRune("?-", r):
		return beforeBlank
	case r == ':':
		return beforeBlank
	}
	return i > 0 && r == '#' && afterBlank
}

// scalar writes text plain, in single quotes or in double ones, whichever comes first that can hold it.
func (w *yamlWriter) scalar(text string, isText, isKey, root bool) {
	runes := []rune(text)
	a := analyze(runes)
	outer := w.indent
	if w.indent < 0 {
		w.indent = w.step
	} else {
		w.indent += w.step
	}
	plain := !isText || !resolved.MatchString(text)
	switch {
	case plain && a.plain && (!isKey || text != "" && !a.multiline):
		w.openEnded = root
		w.plain(runes, !isKey)
	case a.single && (!isKey || !a.multiline):
		w.single(runes, !isKey)
	default:
		w.double(runes, !isKey)
	}
	w.indent = outer
}

func (w *yamlWriter) plain(text []rune, split bool) {
	if len(text) == 0 {
		return
	}
	if !w.whitespace {
		w.put(" ")
	}
	w.whitespace, w.indention = false, false
	w.folded(text, split, false)
}

func (w *yamlWriter) single(text []rune, split bool) {
	w.indicator("'", true, false)
	w.folded(text, split, true)
	w.indicator("'", false, false)
}

// folded writes text whose single blanks may become ends of lines, and doubles its own. Quotes are doubled in quotes.
func (w *yamlWriter) folded(text []rune, split, quoted bool) {
	for i := 0; i < len(text); {
		end := i + 1
		switch r := text[i]; {
		case r == ' ':
			for end < len(text) && text[end] == ' ' {
				end++
			}
			if end == i+1 && w.column > yamlWidth && split && i != 0 && end != len(text) {
				w.writeIndent()
				w.whitespace, w.indention = false, false
			} else {
				w.put(string(text[i:end]))
			}
		case isBreak(r):
			for end < len(text) && isBreak(text[end]) {
				end++
			}
			w.lineBreak()
			for range end - i {
				w.lineBreak()
			}
			w.writeIndent()
		case r == '\'' && quoted:
			w.put("''")
		default:
			w.put(string(r))
		}
		i = end
	}
}

// yamlEscapes are the characters with a name of their own in double quotes.
var yamlEscapes = map[rune]string{0: "0", 7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 27: "e", '"': `"`, '\\': `\`,
	0x85: "N", 0xa0: "_", 0x2028: "L", 0x2029: "P"}

func escaped(r rune) string {
	if name, ok := yamlEscapes[r]; ok {
		return `\` + name
	}
	switch {
	case r <= 0xff:
		return fmt.Sprintf(`\x%02X`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04X`, r)
	}
	return fmt.Sprintf(`\U%08X`, r)
}

// double escapes what isn't printable ASCII, and folds with a backslash.
func (w *yamlWriter) double(text []rune, split bool) {
	w.indicator(`"`, true, false)
	start := 0
	for end := 0; end <= len(text); end++ {
		last := end == len(text)
		if last || text[end] < ' ' || text[end] > '~' || text[end] == '"' || text[end] == '\\' {
			if start < end {
				w.put(string(text[start:end]))
				start = end
			}
			if !last {
				w.put(escaped(text[end]))
				start = end + 1
			}
		}
		if 0 < end && end < len(text)-1 && (text[end] == ' ' || start >= end) && w.column+end-start > yamlWidth && split {
			w.put(string(text[start:max(start, end)]) + `\`)
			start = max(start, end)
			w.writeIndent()
			w.whitespace, w.indention = false, false
			if text[start] == ' ' {
				w.put(`\`)
			}
		}
	}
	w.indicator(`"`, false, false)
}
