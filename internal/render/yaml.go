package render

import (
	"math"
	"slices"
	"strings"

	"peerflow/internal/jinja"
)

// dumpYAML writes data as PyYAML's yaml.dump(…, default_flow_style=False) does: lines of 80, lists not indented in
// mappings, text in quotes where it would be read as something else, and nothing but ASCII.
func dumpYAML(s *jinja.State, v jinja.Value, indent int, sorted bool) (string, error) {
	if indent < 2 || indent > 9 {
		indent = 2
	}
	w := &yamlWriter{state: s, step: indent, sorted: sorted, indent: -1, whitespace: true, indention: true, root: true}
	if err := w.node(v, false, false); err != nil {
		return "", err
	}
	if w.column > 0 {
		w.lineBreak()
	}
	if w.openEnded {
		w.out.WriteString("...\n")
	}
	return w.out.String(), nil
}

const (
	yamlWidth    = 80  // the column after which text is folded
	maxYAMLDepth = 200 // of lists and mappings in one another
	maxSimpleKey = 128 // characters of a key that needs no question mark
)

// yamlWriter keeps what PyYAML's emitter does.
type yamlWriter struct {
	state      *jinja.State // counts the work
	out        strings.Builder
	step       int // columns of one level
	sorted     bool
	indent     int // of the block being written; -1 outside all
	column     int
	whitespace bool // the last character was one
	indention  bool // nothing but indicators stand on the line
	root       bool // the next node is the document
	openEnded  bool // the document is one plain word
	depth      int
}

// node writes a value, in a mapping or not.
func (w *yamlWriter) node(v jinja.Value, inMapping, isKey bool) error {
	if w.depth++; w.depth > maxYAMLDepth {
		return jinja.Errorf(jinja.RecursionErr, "as_yaml: data more than %d deep", maxYAMLDepth)
	}
	if err := w.state.Work(1 + w.out.Len()>>16); err != nil { // the longer the text is, the dearer
		return err
	}
	defer func(indent int) { w.depth, w.indent = w.depth-1, indent }(w.indent)
	root := w.root
	w.root = false
	switch v := v.(type) {
	case *jinja.List:
		return w.sequence(v.Items, inMapping)
	case jinja.Tuple:
		return w.sequence(v, inMapping)
	case *jinja.Dict:
		return w.mapping(v)
	}
	text, isText, err := yamlScalar(v)
	if err != nil {
		return err
	}
	w.openEnded = false
	w.scalar(text, isText, isKey, root)
	return nil
}

// deepen goes one level in.
func (w *yamlWriter) deepen() {
	if w.indent < 0 {
		w.indent = 0
		return
	}
	w.indent += w.step
}

func (w *yamlWriter) sequence(items []jinja.Value, inMapping bool) error {
	if len(items) == 0 {
		w.indicator("[", true, false)
		w.indicator("]", false, false)
		return nil
	}
	if !inMapping || w.indention { // a list in a mapping is not indented
		w.deepen()
	}
	for _, item := range items {
		w.writeIndent()
		w.indicator("-", true, true)
		if err := w.node(item, false, false); err != nil {
			return err
		}
	}
	return nil
}

func (w *yamlWriter) mapping(d *jinja.Dict) error {
	if d.Len() == 0 {
		w.indicator("{", true, false)
		w.indicator("}", false, false)
		return nil
	}
	w.deepen()
	type entry struct {
		text     string
		key, val jinja.Value
	}
	var entries []entry
	for key, val := range d.All {
		text, _, err := yamlScalar(key)
		if err != nil {
			return err
		}
		entries = append(entries, entry{text, key, val})
	}
	if w.sorted {
		slices.SortStableFunc(entries, func(a, b entry) int { return strings.Compare(a.text, b.text) })
	}
	for _, e := range entries {
		w.writeIndent()
		simple := e.text != "" && len([]rune(e.text)) < maxSimpleKey && !strings.ContainsAny(e.text, lineBreaks)
		if !simple {
			w.indicator("?", true, true)
		}
		if err := w.node(e.key, true, simple); err != nil {
			return err
		}
		if !simple {
			w.writeIndent()
		}
		w.indicator(":", !simple, !simple)
		if err := w.node(e.val, true, false); err != nil {
			return err
		}
	}
	return nil
}

// put writes text as it is.
func (w *yamlWriter) put(text string) {
	w.out.WriteString(text)
	w.column += len(text)
}

func (w *yamlWriter) indicator(text string, spaced, indention bool) {
	if spaced && !w.whitespace {
		w.put(" ")
	}
	w.put(text)
	w.whitespace = false
	w.indention = w.indention && indention
	w.openEnded = false
}

func (w *yamlWriter) lineBreak() {
	w.out.WriteByte('\n')
	w.column, w.whitespace, w.indention = 0, true, true
}

func (w *yamlWriter) writeIndent() {
	indent := max(w.indent, 0)
	if !w.indention || w.column > indent || w.column == indent && !w.whitespace {
		w.lineBreak()
	}
	if w.column < indent {
		w.whitespace = true
		w.put(strings.Repeat(" ", indent-w.column))
	}
}

// yamlScalar is the text of a value that is no list or mapping, and whether it is text.
func yamlScalar(v jinja.Value) (text string, isText bool, err error) {
	switch v := v.(type) {
	case jinja.Str:
		return string(v), true, nil
	case jinja.Markup:
		return string(v), true, nil
	case jinja.Bool:
		return strings.ToLower(jinja.Repr(v)), false, nil
	case jinja.Int, *jinja.BigInt:
		return jinja.Repr(v), false, nil
	case jinja.Float:
		return yamlFloat(v), false, nil
	case instant:
		return v.String(), false, nil
	}
	if v == jinja.None {
		return "null", false, nil
	}
	return "", false, jinja.Errorf(jinja.TypeErr, "as_yaml can't write a %s: give it text, such as %s | string", v.TypeName(), v.TypeName())
}

func yamlFloat(f jinja.Float) string {
	switch {
	case math.IsNaN(float64(f)):
		return ".nan"
	case math.IsInf(float64(f), 1):
		return ".inf"
	case math.IsInf(float64(f), -1):
		return "-.inf"
	}
	text := jinja.Repr(f)
	if !strings.Contains(text, ".") {
		text = strings.Replace(text, "e", ".0e", 1)
	}
	return text
}
