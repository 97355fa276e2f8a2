package jinja

import (
	"math/big"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kinds of tokens. An operator's kind is the operator itself.
const (
	kindData     = "data"
	kindName     = "name"
	kindString   = "string"
	kindInt      = "integer"
	kindFloat    = "float"
	kindVarOpen  = "variable_begin"
	kindVarEnd   = "variable_end"
	kindTagOpen  = "block_begin"
	kindTagEnd   = "block_end"
	kindEOF      = "eof"
	kindLexError = "error" // thrown when the parser gets there, not before: the first fault is the one reported
)

var kindNames = map[string]string{
	kindVarOpen: "begin of print statement", kindVarEnd: "end of print statement",
	kindTagOpen: "begin of statement block", kindTagEnd: "end of statement block",
	kindData: "template data / text", kindEOF: "end of template",
}

type position struct{ line, column int32 }

type token struct {
	kind string
	text string
	val  Value // of literals
	pos  position
}

func (t token) describe() string {
	if t.kind == kindName {
		return t.text
	}
	return describeKind(t.kind)
}

func describeKind(kind string) string {
	if name, ok := kindNames[kind]; ok {
		return name
	}
	return kind
}

// operators, longest first.
var operators = []string{
	"//", "**", "==", "!=", ">=", "<=",
	"+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";",
}

// lexer cuts a template into tokens. pos is the offset reached.
type lexer struct {
	opts      *Options
	src       string
	pos       int
	lineStart bool // the last match ended with a newline
	lines     []int
	tokens    []token
	open      []byte // closing brackets awaited
}

func tokenize(opts *Options, source string) []token { return lex(opts, source).tokens }

func lex(opts *Options, source string) *lexer {
	lx := &lexer{opts: opts, src: normalizeNewlines(strings.ToValidUTF8(source, "\uFFFD")), lineStart: true}
	if !opts.KeepTrailingNewline {
		lx.src = strings.TrimSuffix(lx.src, "\n")
	}
	lx.indexLines()
	lx.root()
	last := position{1, 1}
	if n := len(lx.tokens); n > 0 {
		last = lx.tokens[n-1].pos
	}
	lx.tokens = append(lx.tokens, token{kind: kindEOF, pos: last})
	return lx
}

func normalizeNewlines(source string) string {
	if !strings.Contains(source, "\r") {
		return source
	}
	return strings.ReplaceAll(strings.ReplaceAll(source, "\r\n", "\n"), "\r", "\n")
}

func (lx *lexer) indexLines() {
	lx.lines = []int{0}
	for i := 0; i < len(lx.src); i++ {
		if lx.src[i] == '\n' {
			lx.lines = append(lx.lines, i+1)
		}
	}
}

func (lx *lexer) position(offset int) position {
	line := sort.SearchInts(lx.lines, offset+1)
	return position{int32(line), int32(offset - lx.lines[line-1] + 1)}
}

func (lx *lexer) emit(kind, text string, val Value, offset int) {
	lx.tokens = append(lx.tokens, token{kind, text, val, lx.position(offset)})
}

// fail records the fault as the last token.
func (lx *lexer) fail(msg string, offset int) bool {
	lx.emit(kindLexError, msg, nil, offset)
	lx.pos = len(lx.src)
	return false
}

func (lx *lexer) root() {
	for lx.pos < len(lx.src) && lx.chunk() {
	}
}

// chunk reads the text up to the next tag, and that tag.
func (lx *lexer) chunk() bool {
	at := lx.nextTag()
	if at < 0 {
		lx.data(lx.src[lx.pos:], lx.pos)
		lx.pos = len(lx.src)
		return true
	}
	opener := lx.src[at : at+2]
	sign := lx.signAt(at + 2)
	lx.data(lx.beforeTag(lx.src[lx.pos:at], sign, opener == "{{"), lx.pos)
	lx.lineStart = false
	if opener == "{%" {
		if end, ok := lx.rawStart(at + 2 + len(sign)); ok {
			lx.pos = end
			lx.lineStart = lx.src[end-1] == '\n'
			return lx.raw()
		}
	}
	lx.pos = at + 2 + len(sign)
	switch opener {
	case "{#":
		return lx.comment()
	case "{%":
		lx.emit(kindTagOpen, opener, nil, at)
		return lx.code(kindTagEnd)
	}
	lx.emit(kindVarOpen, opener, nil, at)
	return lx.code(kindVarEnd)
}

func (lx *lexer) data(text string, offset int) {
	if text != "" {
		lx.emit(kindData, text, nil, offset)
	}
}

func (lx *lexer) nextTag() int {
	for i := lx.pos; i+1 < len(lx.src); i++ {
		j := strings.IndexByte(lx.src[i:], '{')
		if j < 0 || i+j+1 >= len(lx.src) {
			return -1
		}
		i += j
		switch lx.src[i+1] {
		case '{', '%', '#':
			return i
		}
	}
	return -1
}

// signAt is the whitespace sign after a tag's opener: "-", "+" or nothing.
func (lx *lexer) signAt(i int) string {
	if i < len(lx.src) && (lx.src[i] == '-' || lx.src[i] == '+') {
		return lx.src[i : i+1]
	}
	return ""
}

// beforeTag applies a tag's whitespace sign, or LstripBlocks, to the text before it.
func (lx *lexer) beforeTag(text, sign string, isPrint bool) string {
	if sign == "-" {
		return strings.TrimRightFunc(text, isSpace)
	}
	if sign == "+" || isPrint || !lx.opts.LstripBlocks {
		return text
	}
	start := strings.LastIndexByte(text, '\n') + 1
	if (start > 0 || lx.lineStart) && strings.TrimLeftFunc(text[start:], isSpace) == "" {
		return text[:start]
	}
	return text
}

// rawStart recognizes the rest of {% raw %}.
func (lx *lexer) rawStart(i int) (end int, ok bool) {
	i = lx.skipSpace(i)
	if !strings.HasPrefix(lx.src[i:], "raw") {
		return 0, false
	}
	i = lx.skipSpace(i + len("raw"))
	switch rest := lx.src[i:]; {
	case strings.HasPrefix(rest, "-%}"):
		return lx.skipSpace(i + 3), true
	case strings.HasPrefix(rest, "%}"):
		return i + 2, true
	}
	return 0, false
}

// raw reads the text up to {% endraw %}.
func (lx *lexer) raw() bool {
	for from := lx.pos; ; {
		j := strings.Index(lx.src[from:], "{%")
		if j < 0 {
			return lx.unclosed("Missing end of raw directive")
		}
		at := from + j
		sign := lx.signAt(at + 2)
		i := lx.skipSpace(at + 2 + len(sign))
		if strings.HasPrefix(lx.src[i:], "endraw") {
			if end := lx.tagEnd(lx.skipSpace(i+len("endraw")), "%}"); end > 0 {
				lx.data(lx.beforeTag(lx.src[lx.pos:at], sign, false), lx.pos)
				lx.close(end)
				return true
			}
		}
		from = at + 2
	}
}

func (lx *lexer) comment() bool {
	for i := lx.pos; i < len(lx.src); i++ {
		if end := lx.tagEnd(i, "#}"); end > 0 {
			lx.close(end)
			return true
		}
	}
	return lx.unclosed("Missing end of comment tag")
}

// unclosed is a fault unless the template ends right behind the opening tag.
func (lx *lexer) unclosed(msg string) bool {
	if lx.pos == len(lx.src) {
		return false
	}
	return lx.fail(msg, lx.pos)
}

// tagEnd gives the offset behind a tag's closer at i, with the blanks it takes along; 0 when there is none.
func (lx *lexer) tagEnd(i int, closer string) int {
	rest := lx.src[i:]
	switch {
	case strings.HasPrefix(rest, "-"+closer):
		return lx.skipSpace(i + 1 + len(closer))
	case strings.HasPrefix(rest, "+"+closer) && closer != "}}":
		return i + 1 + len(closer)
	case !strings.HasPrefix(rest, closer):
		return 0
	case lx.opts.TrimBlocks && closer != "}}" && strings.HasPrefix(rest[len(closer):], "\n"):
		return i + len(closer) + 1
	}
	return i + len(closer)
}

func (lx *lexer) close(end int) {
	lx.lineStart = lx.src[end-1] == '\n'
	lx.pos = end
}

func (lx *lexer) skipSpace(i int) int {
	for i < len(lx.src) {
		r, size := utf8.DecodeRuneInString(lx.src[i:])
		if !isSpace(r) {
			break
		}
		i += size
	}
	return i
}

// code reads tokens up to the closer of the tag. Closers inside brackets are operators.
func (lx *lexer) code(closeKind string) bool {
	closer := "%}"
	if closeKind == kindVarEnd {
		closer = "}}"
	}
	lx.open = lx.open[:0]
	for {
		if len(lx.open) == 0 {
			if end := lx.tagEnd(lx.pos, closer); end > 0 {
				lx.emit(closeKind, closer, nil, lx.pos)
				lx.close(end)
				return true
			}
		}
		lx.pos = lx.skipSpace(lx.pos)
		if lx.pos >= len(lx.src) {
			return false
		}
		if len(lx.open) == 0 && lx.tagEnd(lx.pos, closer) > 0 {
			continue
		}
		if !lx.token() {
			return false
		}
	}
}

func (lx *lexer) token() bool {
	c := lx.src[lx.pos]
	r, _ := utf8.DecodeRuneInString(lx.src[lx.pos:])
	switch {
	case '0' <= c && c <= '9':
		return lx.number()
	case isWord(r):
		return lx.name()
	case c == '\'' || c == '"':
		return lx.text(c)
	}
	for _, op := range operators {
		if strings.HasPrefix(lx.src[lx.pos:], op) {
			return lx.operator(op)
		}
	}
	return lx.unexpected()
}

func (lx *lexer) unexpected() bool {
	r, _ := utf8.DecodeRuneInString(lx.src[lx.pos:])
	return lx.fail("unexpected char "+quote(string(r))+" at "+strconv.Itoa(runeCount(lx.src[:lx.pos])), lx.pos)
}

func (lx *lexer) operator(op string) bool {
	switch op {
	case "{", "(", "[":
		lx.open = append(lx.open, map[string]byte{"{": '}', "(": ')', "[": ']'}[op])
	case "}", ")", "]":
		if len(lx.open) == 0 {
			return lx.fail("unexpected '"+op+"'", lx.pos)
		}
		if want := lx.open[len(lx.open)-1]; want != op[0] {
			return lx.fail("unexpected '"+op+"', expected '"+string(want)+"'", lx.pos)
		}
		lx.open = lx.open[:len(lx.open)-1]
	}
	lx.emit(op, op, nil, lx.pos)
	lx.pos += len(op)
	return true
}

// isWord is a character of a name: Python's \w, and marks that combine with a letter.
func isWord(r rune) bool {
	return isRegexpWord(r) || unicode.In(r, unicode.Mn, unicode.Mc)
}

func (lx *lexer) name() bool {
	i := lx.pos
	for i < len(lx.src) {
		r, size := utf8.DecodeRuneInString(lx.src[i:])
		if !isWord(r) {
			break
		}
		i += size
	}
	text := lx.src[lx.pos:i]
	if first, _ := utf8.DecodeRuneInString(text); first != '_' && !unicode.IsLetter(first) {
		return lx.fail("Invalid character in identifier", lx.pos)
	}
	lx.emit(kindName, text, nil, lx.pos)
	lx.pos = i
	return true
}

// digits gives the end of a run of digits in which single underscores may stand between two digits.
func digits(s string, i int, isDigit func(byte) bool) int {
	start := i
	for i < len(s) {
		switch {
		case isDigit(s[i]):
			i++
		case s[i] == '_' && i > start && i+1 < len(s) && isDigit(s[i+1]):
			i += 2
		default:
			return i
		}
	}
	return i
}

func isDecimal(c byte) bool { return '0' <= c && c <= '9' }

func (lx *lexer) number() bool {
	if end := lx.floatEnd(); end > 0 {
		text := lx.src[lx.pos:end]
		f, _ := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
		lx.emit(kindFloat, text, Float(f), lx.pos)
		lx.pos = end
		return true
	}
	end := lx.integerEnd()
	text := lx.src[lx.pos:end]
	if len(text) > maxDigits {
		return lx.fail("Exceeds the limit for integer literals", lx.pos)
	}
	n, ok := new(big.Int).SetString(strings.ReplaceAll(text, "_", ""), 0)
	if !ok {
		n = new(big.Int)
	}
	lx.emit(kindInt, text, normalize(n), lx.pos)
	lx.pos = end
	return true
}

// floatEnd is the end of a float at the current offset; 0 when there is none. After a dot, as in x.1.5, there is none.
func (lx *lexer) floatEnd() int {
	if lx.pos > 0 && lx.src[lx.pos-1] == '.' {
		return 0
	}
	whole := digits(lx.src, lx.pos, isDecimal)
	end := whole
	if end+1 < len(lx.src) && lx.src[end] == '.' && isDecimal(lx.src[end+1]) {
		end = digits(lx.src, end+1, isDecimal)
	}
	if end < len(lx.src) && (lx.src[end] == 'e' || lx.src[end] == 'E') {
		i := end + 1
		if i < len(lx.src) && (lx.src[i] == '+' || lx.src[i] == '-') {
			i++
		}
		if stop := digits(lx.src, i, isDecimal); stop > i {
			return stop
		}
	}
	if end == whole {
		return 0
	}
	return end
}

func (lx *lexer) integerEnd() int {
	if lx.src[lx.pos] != '0' {
		return digits(lx.src, lx.pos, isDecimal)
	}
	if lx.pos+1 < len(lx.src) {
		if isDigit := basedDigit(lx.src[lx.pos+1]); isDigit != nil {
			start := lx.pos + 2
			if start < len(lx.src) && lx.src[start] == '_' {
				start++
			}
			if end := digits(lx.src, start, isDigit); end > start {
				return end
			}
		}
	}
	return digits(lx.src, lx.pos, func(c byte) bool { return c == '0' })
}

func basedDigit(letter byte) func(byte) bool {
	switch letter {
	case 'b', 'B':
		return func(c byte) bool { return c == '0' || c == '1' }
	case 'o', 'O':
		return func(c byte) bool { return '0' <= c && c <= '7' }
	case 'x', 'X':
		return func(c byte) bool { return isDecimal(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
	}
	return nil
}

// text reads a quoted string.
func (lx *lexer) text(mark byte) bool {
	for i := lx.pos + 1; i < len(lx.src); i++ {
		switch lx.src[i] {
		case '\\':
			i++
		case mark:
			body, fault := unescape(lx.src[lx.pos+1 : i])
			if fault != "" {
				return lx.fail(fault, lx.pos)
			}
			lx.emit(kindString, body, Str(body), lx.pos)
			lx.pos = i + 1
			return true
		}
	}
	return lx.unexpected()
}

var simpleEscapes = map[byte]string{
	'\n': "", '\\': `\`, '\'': "'", '"': `"`, 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
}

// unescape resolves backslashes as Python's "unicode-escape" codec does; unknown escapes stay as they are.
func unescape(s string) (text, fault string) {
	if !strings.Contains(s, `\`) {
		return s, ""
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if plain, ok := simpleEscapes[s[i]]; ok {
			b.WriteString(plain)
			continue
		}
		used, fault := numericEscape(&b, s[i:])
		if fault != "" {
			return "", fault
		}
		i += used - 1
	}
	return b.String(), ""
}

// numericEscape handles what follows a backslash that isn't a simple escape, and tells how many bytes it used.
func numericEscape(b *strings.Builder, s string) (used int, fault string) {
	width := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]]
	switch {
	case width > 0:
		n := digits(s, 1, basedDigit('x'))
		if n < 1+width {
			return 0, "truncated \\" + s[:1] + strings.Repeat("X", width) + " escape"
		}
		code, _ := strconv.ParseUint(s[1:1+width], 16, 32)
		if code > unicode.MaxRune {
			return 0, "illegal Unicode character"
		}
		b.WriteRune(rune(code))
		return 1 + width, ""
	case '0' <= s[0] && s[0] <= '7':
		n := min(digits(s, 0, basedDigit('o')), 3)
		code, _ := strconv.ParseUint(s[:n], 8, 32)
		b.WriteRune(rune(code))
		return n, ""
	case s[0] == 'N':
		return 0, "malformed \\N character escape"
	case s[0] >= utf8.RuneSelf:
		r, size := utf8.DecodeRuneInString(s)
		quoted := strings.Trim(quoteASCII(r), "'")
		b.WriteString(quoted)
		return size, ""
	}
	b.WriteByte('\\')
	b.WriteByte(s[0])
	return 1, ""
}

// quoteASCII spells a character as \x, \u or \U does: Python turns it into that before it looks at backslashes.
func quoteASCII(r rune) string {
	text := strconv.FormatInt(int64(r), 16)
	switch {
	case r <= 0xff:
		return `\x` + strings.Repeat("0", 2-len(text)) + text
	case r <= 0xffff:
		return `\u` + strings.Repeat("0", 4-len(text)) + text
	}
	return `\U` + strings.Repeat("0", 8-len(text)) + text
}

// isSpace is Python's idea of white space.
func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }
