package outline

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"peerflow/internal/peering"
)

// isMarked tells XML from a text in braces or lines.
func (x Syntax) isMarked(text string) bool {
	return x.XML && strings.HasPrefix(strings.TrimSpace(text), "<")
}

// marked reads XML. An element is a statement: with others in it a block, which its <name> names, and else one with its
// text behind it. Comments and declarations are none.
func (x Syntax) marked(text string) ([]*node, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	open := []*node{{block: true}}
	said := []string{""} // the texts of the open elements
	for {
		t, err := d.RawToken()
		line, _ := d.InputPos()
		top := len(open) - 1
		switch t := t.(type) {
		case nil:
			switch {
			case !errors.Is(err, io.EOF):
				return nil, peering.Errorf(peering.Invalid, "line %d: it isn't XML: %v", line, err)
			case top > 0:
				return nil, peering.Errorf(peering.Invalid, "line %d: %q never ends", open[top].line, shorten(open[top].text))
			}
			return open[0].below, nil
		case xml.StartElement:
			n, err := started(t, line)
			if err != nil {
				return nil, err
			}
			open[top].below = append(open[top].below, n)
			if open, said = append(open, n), append(said, ""); len(open) > deepest {
				return nil, tooDeep(line)
			}
		case xml.EndElement:
			if top == 0 || t.Name.Space != "" || t.Name.Local != open[top].text {
				return nil, peering.Errorf(peering.Invalid, "line %d: </%s> ends nothing", line, shorten(t.Name.Local))
			}
			if err := open[top].ended(strings.TrimSpace(said[top])); err != nil {
				return nil, err
			}
			open, said = open[:top], said[:top]
		case xml.CharData:
			if said[top] += string(t); top == 0 && strings.TrimSpace(said[top]) != "" {
				return nil, peering.Errorf(peering.Invalid, "line %d: a text that stands in no element", line)
			}
		case xml.Directive:
			return nil, peering.Errorf(peering.Invalid, "line %d: a document type", line)
		}
	}
}

// started is an element that begins. What edits is refused: a stanza's text is all of it, and what isn't there goes.
func started(t xml.StartElement, line int) (*node, error) {
	if t.Name.Space != "" {
		return nil, peering.Errorf(peering.Invalid, "line %d: <%s:%s> has a prefix", line, shorten(t.Name.Space), shorten(t.Name.Local))
	}
	var attrs strings.Builder
	for _, a := range t.Attr {
		name := a.Name.Local
		if a.Name.Space != "" {
			name = a.Name.Space + ":" + name
		}
		if declares := name == "xmlns" || a.Name.Space == "xmlns"; !declares && (a.Name.Local != "replace" && a.Name.Local != "operation" || a.Value != "replace") {
			return nil, peering.Errorf(peering.Invalid, "line %d: <%s> says %s=%q: a text tells what is to be there, and edits nothing", line, shorten(t.Name.Local), shorten(name), shorten(a.Value))
		}
		attrs.WriteString(" " + name + `="` + escaped(a.Value) + `"`)
	}
	return &node{text: t.Name.Local, line: line, attrs: attrs.String()}, nil
}

// ended makes a statement of an element that was read.
func (n *node) ended(text string) error {
	if !printable(text) {
		return peering.Errorf(peering.Invalid, "line %d: a control character in <%s>", n.line, shorten(n.text))
	}
	switch {
	case len(n.below) == 0:
		n.text = strings.TrimSpace(n.text + " " + text)
		return nil
	case text != "":
		return peering.Errorf(peering.Invalid, "line %d: <%s> has a text beside its elements", n.line, shorten(n.text))
	}
	n.block = true
	if element, name, _ := strings.Cut(n.below[0].text, " "); element == "name" && !n.below[0].block {
		if strings.ContainsAny(name, `"`) {
			return peering.Errorf(peering.Invalid, "line %d: a name with a quote", n.line)
		}
		if strings.Contains(name, " ") {
			name = `"` + name + `"`
		}
		n.text, n.below = n.text+" "+name, n.below[1:]
	}
	return nil
}

// writeMarked writes statements as XML.
func (x Syntax) writeMarked(b *strings.Builder, nodes []*node, indent string) {
	for _, n := range nodes {
		element, rest, _ := strings.Cut(n.text, " ")
		b.WriteString(indent + "<" + element + n.attrs)
		switch {
		case n.block:
			b.WriteString(">\n")
			if rest != "" {
				b.WriteString(indent + x.Indent + "<name>" + escaped(strings.Trim(rest, `"`)) + "</name>\n")
			}
			x.writeMarked(b, n.below, indent+x.Indent)
			b.WriteString(indent + "</" + element + ">\n")
		case rest == "":
			b.WriteString("/>\n")
		default:
			b.WriteString(">" + escaped(rest) + "</" + element + ">\n")
		}
	}
}

func escaped(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer takes all
	return b.String()
}
