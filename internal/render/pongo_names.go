package render

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// pongo2 prints nothing for what doesn't exist, and can't be told otherwise. So names are looked at in the text: those of
// variables, and those of fields that no noun has. What this doesn't see: a field of another noun, and keys of a context.
var (
	pongoMarkup  = regexp.MustCompile(`(?s)\{#.*?#\}|\{%-?\s*comment\s*-?%\}.*?\{%-?\s*endcomment\s*-?%\}|\{%-?\s*verbatim\s*-?%\}.*?\{%-?\s*endverbatim\s*-?%\}|\{[{%].*?[}%]\}`)
	pongoStrings = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	pongoTargets = regexp.MustCompile(`\{%-?\s*for\s+(\w+)(?:\s*,\s*(\w+))?\s+in\b`)
	pongoNamed   = regexp.MustCompile(`\bas\s+(\w+)`)
	pongoChain   = regexp.MustCompile(`(^|[^\w.|])([A-Za-z_]\w*)((?:\.\w+)*)`)
	pongoTag     = regexp.MustCompile(`^\{%-?\s*(\w+)`)
)

var pongoWords = strings.Fields("and or not in true false True False nil none None as silent reversed sorted forloop pongo2 on off")

// pongoNames refuses a name that a template in pongo2 asks for in vain.
func pongoNames(body string) error {
	known := slices.Concat(pongoRoot, pongoWords)
	for _, found := range [][][]string{pongoTargets.FindAllStringSubmatch(body, -1), pongoNamed.FindAllStringSubmatch(body, -1)} {
		for _, m := range found {
			known = append(known, m[1:]...)
		}
	}
	for _, at := range pongoMarkup.FindAllStringIndex(body, -1) {
		expr := body[at[0]:at[1]]
		if name, kind := pongoUnknown(expr, known); name != "" {
			f := unknown(kind, name, slices.Concat(pongoRoot, pongoAllFields()))
			text := f.Text
			if best, near := peering.Nearest(name, slices.Concat(pongoRoot, pongoAllFields())); near {
				text += fmt.Sprintf(": did you mean %q?", best)
			}
			return &jinja.Error{Class: jinja.UndefinedErr, Line: strings.Count(body[:at[0]], "\n") + 1, Msg: text}
		}
	}
	return nil
}

// pongoUnknown is the first unknown name in one tag or printed expression.
func pongoUnknown(expr string, known []string) (name, kind string) {
	tag := ""
	if m := pongoTag.FindStringSubmatch(expr); m != nil {
		tag = m[1]
		expr = strings.Replace(expr, tag, "", 1)
	}
	if strings.HasPrefix(expr, "{#") || slices.Contains([]string{"comment", "verbatim", "templatetag", "filter", tickName}, tag) || strings.HasPrefix(tag, "end") {
		return "", ""
	}
	for _, m := range pongoChain.FindAllStringSubmatch(pongoStrings.ReplaceAllString(expr, `""`), -1) {
		if !slices.Contains(known, m[2]) {
			return m[2], "variable"
		}
		if m[2] == "forloop" || m[2] == "pongo2" {
			continue
		}
		for _, field := range strings.Split(m[3], ".") {
			if field == "context" {
				break
			}
			if strings.Trim(field, "0123456789") != "" && !slices.Contains(pongoAllFields(), field) {
				return field, "field"
			}
		}
	}
	return "", ""
}

// pongoAllFields are those of all nouns together.
func pongoAllFields() []string {
	all := slices.Clone([]string(familyShape))
	for _, names := range pongoFields {
		all = append(all, names...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
