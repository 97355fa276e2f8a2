package jinja

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// maxShownExpression is how much of a tag an error shows, in characters.
const maxShownExpression = 100

// expression is the tag that holds a place, on one line and without what stands in quotes, which may be anything. Of a
// long one it is what follows the place. "" when no tag is there.
func (env *Environment) expression(source string, at position) string {
	if at.column == 0 {
		return ""
	}
	lx := lex(&env.opts, source)
	behind := sort.Search(len(lx.tokens), func(i int) bool { return lx.tokens[i].pos.after(at) })
	open := behind - 1
	if open > 0 && lx.tokens[open].kind == kindEOF {
		open--
	}
	if open > 0 && ends(lx.tokens[open]) { // what is missing is told there
		open--
	}
	for open >= 0 && lx.tokens[open].kind != kindVarOpen && lx.tokens[open].kind != kindTagOpen {
		if lx.tokens[open].kind == kindData || ends(lx.tokens[open]) {
			return ""
		}
		open--
	}
	if open < 0 {
		return ""
	}
	all := lx.shown(open)
	if len(all) <= len("{{") {
		return ""
	}
	if utf8.RuneCountInString(all) <= maxShownExpression {
		return all
	}
	rest := []rune("… " + lx.shown(behind-1))
	if len(rest) > maxShownExpression {
		rest = append(rest[:maxShownExpression-1], '…')
	}
	return string(rest)
}

// shown is a tag from one of its tokens on.
func (lx *lexer) shown(first int) string {
	var b strings.Builder
	for i, t := range lx.tokens[first:] {
		if t.kind == kindLexError || t.kind == kindEOF || b.Len() > 4*maxShownExpression {
			break
		}
		at := lx.lines[t.pos.line-1] + int(t.pos.column) - 1
		if i > 0 && strings.IndexByte(" \t\n\v\f", lx.src[at-1]) >= 0 {
			b.WriteByte(' ')
		}
		if t.kind == kindString {
			b.WriteString("'…'")
		} else {
			b.WriteString(t.text)
		}
		if ends(t) {
			break
		}
	}
	return b.String()
}

func ends(t token) bool { return t.kind == kindVarEnd || t.kind == kindTagEnd }

func (p position) after(other position) bool {
	return p.line > other.line || p.line == other.line && p.column > other.column
}
