package jinja

import (
	"html"
	"strings"
)

func unescapeHTML(text string) string { return html.UnescapeString(text) }

// filterStriptags removes comments, then tags, then joins runs of white space.
func filterStriptags(_ *State, in Value, a Args) Value {
	a.bind("do_striptags")
	text := toStr(in)
	text = cutBetween(cutBetween(text, "<!--", "-->"), "<", ">")
	return Str(unescapeHTML(strings.Join(strings.FieldsFunc(text, isSpace), " ")))
}

func cutBetween(text, open, end string) string {
	var b strings.Builder
	for {
		i := strings.Index(text, open)
		if i < 0 {
			break
		}
		j := strings.Index(text[i:], end)
		if j < 0 {
			break
		}
		b.WriteString(text[:i])
		text = text[i+j+len(end):]
	}
	return b.String() + text
}

func filterXMLAttr(s *State, in Value, a Args) Value {
	p := a.bind("do_xmlattr", "autospace?")
	if u, ok := in.(*Undefined); ok {
		u.fail()
	}
	d, ok := in.(*Dict)
	if !ok {
		throw(AttributeErr, "'%s' object has no attribute 'items'", in.TypeName())
	}
	var parts []string
	for k, v := range d.All {
		if _, undefined := v.(*Undefined); undefined || v == None {
			continue
		}
		key, ok := isString(k)
		if !ok {
			throw(TypeErr, "expected string or bytes-like object, got '%s'", k.TypeName())
		}
		if strings.ContainsAny(key, " \t\n\r\v\f/>=") {
			throw(ValueErr, "Invalid character in attribute name: %s", quote(key))
		}
		part := string(escape(k)) + `="` + string(escape(v)) + `"`
		s.spend(len(part))
		parts = append(parts, part)
	}
	text := strings.Join(parts, " ")
	if (p[0] == nil || isTrue(p[0])) && text != "" {
		text = " " + text
	}
	s.spend(len(text))
	return s.safe(text)
}
