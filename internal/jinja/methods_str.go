package jinja

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// strMethod finds a method of text. The two formatting methods stand apart from the table since they look up
// attributes, and so methods, themselves.
func strMethod(name string) method {
	switch name {
	case "format":
		return strFormat
	case "format_map":
		return strFormatMap
	}
	return strMethods[name]
}

var markupMethods = map[string]method{
	"striptags": func(s *State, self Value, a Args) Value { return filterStriptags(s, self, a) },
	"unescape":  func(_ *State, self Value, _ Args) Value { return Str(unescapeHTML(string(self.(Markup)))) },
}

// strMethods are Python's.
var strMethods = map[string]method{
	"upper": mapped("upper", upperText), "lower": mapped("lower", lowerText), "title": mapped("title", titleText),
	"capitalize": mapped("capitalize", capitalizeText), "swapcase": mapped("swapcase", swapCase),
	"casefold": mapped("casefold", caseFold), "strip": escaping(stripping("strip", true, true)),
	"lstrip": escaping(stripping("lstrip", true, false)), "rstrip": escaping(stripping("rstrip", false, true)),
	"split": keeping(strSplit), "rsplit": keeping(strRsplit), "splitlines": keeping(strSplitlines),
	"partition": keeping(strPartition), "rpartition": keeping(strRpartition), "join": strJoin,
	"replace": escaping(strReplace), "removeprefix": escaping(strRemovePrefix), "removesuffix": escaping(strRemoveSuffix),
	"center": escaping(justified("center")), "ljust": escaping(justified("ljust")), "rjust": escaping(justified("rjust")),
	"zfill": escaping(strZfill), "expandtabs": escaping(strExpandtabs), "translate": escaping(strTranslate),
	"find": plain(finding("find", false, false)), "rfind": plain(finding("rfind", true, false)),
	"index": plain(finding("index", false, true)), "rindex": plain(finding("rindex", true, true)),
	"count": plain(strCount), "startswith": plain(affixed("startswith", strings.HasPrefix)),
	"endswith": plain(affixed("endswith", strings.HasSuffix)), "encode": plain(strEncode), "maketrans": plain(strMaketrans),

	"isdigit": asking("isdigit", every(isDigit)), "isdecimal": asking("isdecimal", every(isDecimalRune)),
	"isnumeric": asking("isnumeric", every(unicode.IsNumber)), "isalpha": asking("isalpha", every(unicode.IsLetter)),
	"isalnum": asking("isalnum", every(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })),
	"isspace": asking("isspace", every(isSpace)), "isupper": asking("isupper", isUpper), "islower": asking("islower", isLower),
	"istitle": asking("istitle", isTitle), "isascii": asking("isascii", isASCII),
	"isidentifier": asking("isidentifier", isIdentifier),
	"isprintable":  asking("isprintable", func(text string) bool { return text == "" || every(isPrintable)(text) }),
}

// textFunc is a method of text that doesn't care whether the text is markup.
type textFunc func(s *State, text string, a Args) Value

func plain(fn textFunc) method {
	return func(s *State, self Value, a Args) Value {
		text, _ := isString(self)
		return fn(s, text, a)
	}
}

// keeping makes markup of what a method of markup gives.
func keeping(fn textFunc) method {
	return func(s *State, self Value, a Args) Value {
		text, _ := isString(self)
		result := fn(s, text, a)
		if _, ok := self.(Markup); ok {
			return asMarkup(result)
		}
		return result
	}
}

// escaping is keeping that also escapes the text among a method's arguments.
func escaping(fn textFunc) method {
	return func(s *State, self Value, a Args) Value {
		if _, ok := self.(Markup); ok {
			a = a.escaped()
		}
		return keeping(fn)(s, self, a)
	}
}

func (a Args) escaped() Args {
	out := Args{Pos: slices.Clone(a.Pos), Kw: slices.Clone(a.Kw)}
	for i, v := range out.Pos {
		if text, ok := v.(Str); ok {
			out.Pos[i] = Str(escape(text))
		}
	}
	for i, kw := range out.Kw {
		if text, ok := kw.Value.(Str); ok {
			out.Kw[i].Value = Str(escape(text))
		}
	}
	return out
}

func asMarkup(v Value) Value {
	switch v := v.(type) {
	case Str:
		return Markup(v)
	case *List:
		for i, item := range v.Items {
			v.Items[i] = asMarkup(item)
		}
	case Tuple:
		for i, item := range v {
			v[i] = asMarkup(item)
		}
	}
	return v
}

// mapped makes a method without arguments.
func mapped(name string, fn func(string) string) method {
	return keeping(func(s *State, text string, a Args) Value {
		a.positional(name, 0, 0)
		s.spend(len(text))
		return Str(fn(text))
	})
}

func asking(name string, test func(string) bool) method {
	return plain(func(_ *State, text string, a Args) Value {
		a.positional(name, 0, 0)
		return Bool(test(text))
	})
}

func every(test func(rune) bool) func(string) bool {
	return func(text string) bool {
		return text != "" && strings.IndexFunc(text, func(r rune) bool { return !test(r) }) < 0
	}
}

// textArg is an argument that has to be text.
func textArg(v Value, method string) string {
	text, ok := isString(v)
	if !ok {
		throw(TypeErr, "%s: a str is required, not %s", method, v.TypeName())
	}
	return text
}

func stripping(name string, left, right bool) textFunc {
	return func(_ *State, text string, a Args) Value {
		p := a.positional(name, 0, 1)
		cut := isSpace
		if p[0] != nil && p[0] != None {
			set := textArg(p[0], name)
			cut = func(r rune) bool { return strings.ContainsRune(set, r) }
		}
		if left {
			text = strings.TrimLeftFunc(text, cut)
		}
		if right {
			text = strings.TrimRightFunc(text, cut)
		}
		return Str(text)
	}
}

// splitArgs gives the separator, "" for white space, and the greatest number of cuts, -1 for all.
func splitArgs(name string, a Args) (sep string, cuts int) {
	p := a.bind(name, "sep?", "maxsplit?")
	cuts = wholeNumber(p[1], -1)
	if p[0] == nil || p[0] == None {
		return "", cuts
	}
	if sep = textArg(p[0], name); sep == "" {
		throw(ValueErr, "empty separator")
	}
	return sep, cuts
}

func (s *State) texts(parts []string) Value {
	items := make([]Value, len(parts))
	s.spend(2 * wordSize * len(parts))
	for i, part := range parts {
		items[i] = Str(part)
	}
	return s.newList(items)
}

func strSplit(s *State, text string, a Args) Value {
	sep, cuts := splitArgs("split", a)
	if sep != "" {
		if cuts < 0 {
			return s.texts(strings.Split(text, sep))
		}
		return s.texts(strings.SplitN(text, sep, min(cuts, len(text))+1))
	}
	var parts []string
	for rest := strings.TrimLeftFunc(text, isSpace); rest != ""; {
		end := strings.IndexFunc(rest, isSpace)
		if end < 0 || cuts == 0 {
			parts = append(parts, rest)
			break
		}
		parts = append(parts, rest[:end])
		rest = strings.TrimLeftFunc(rest[end:], isSpace)
		cuts--
	}
	return s.texts(parts)
}

func strRsplit(s *State, text string, a Args) Value {
	sep, cuts := splitArgs("rsplit", a)
	if cuts < 0 {
		return strSplit(s, text, a)
	}
	var parts []string
	if sep == "" {
		text = strings.TrimRightFunc(text, isSpace)
	}
	for ; cuts > 0 && (sep != "" || text != ""); cuts-- {
		at, size := strings.LastIndex(text, sep), len(sep)
		if sep == "" {
			at = strings.LastIndexFunc(text, isSpace)
			_, size = utf8.DecodeRuneInString(text[max(at, 0):])
		}
		if at < 0 {
			break
		}
		parts = append(parts, text[at+size:])
		text = text[:at]
		if sep == "" {
			text = strings.TrimRightFunc(text, isSpace)
		}
	}
	if sep != "" || strings.TrimLeftFunc(text, isSpace) != "" {
		parts = append(parts, text)
	}
	slices.Reverse(parts)
	return s.texts(parts)
}

// splitLines cuts at every line boundary that Python knows.
func splitLines(text string, keepEnds bool) []string {
	var lines []string
	for start := 0; start < len(text); {
		end := strings.IndexFunc(text[start:], isLineEnd)
		if end < 0 {
			return append(lines, text[start:])
		}
		end += start
		_, size := utf8.DecodeRuneInString(text[end:])
		if strings.HasPrefix(text[end:], "\r\n") {
			size = 2
		}
		if keepEnds {
			lines = append(lines, text[start:end+size])
		} else {
			lines = append(lines, text[start:end])
		}
		start = end + size
	}
	return lines
}

func isLineEnd(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
		return true
	}
	return false
}

func strSplitlines(s *State, text string, a Args) Value {
	p := a.bind("splitlines", "keepends?")
	return s.texts(splitLines(text, optionalTrue(p[0])))
}

func strPartition(_ *State, text string, a Args) Value {
	sep := separator("partition", a)
	before, after, found := strings.Cut(text, sep)
	if !found {
		return Tuple{Str(text), Str(""), Str("")}
	}
	return Tuple{Str(before), Str(sep), Str(after)}
}

func strRpartition(_ *State, text string, a Args) Value {
	sep := separator("rpartition", a)
	i := strings.LastIndex(text, sep)
	if i < 0 {
		return Tuple{Str(""), Str(""), Str(text)}
	}
	return Tuple{Str(text[:i]), Str(sep), Str(text[i+len(sep):])}
}

func separator(name string, a Args) string {
	sep := textArg(a.positional(name, 1, 1)[0], name)
	if sep == "" {
		throw(ValueErr, "empty separator")
	}
	return sep
}

func strJoin(s *State, self Value, a Args) Value {
	p := a.positional("join", 1, 1)
	text, _ := isString(self)
	if !isIterable(p[0]) {
		throw(TypeErr, "can only join an iterable")
	}
	if _, ok := self.(Markup); ok {
		return Markup(s.joinIterator(text, s.iterate(p[0]), func(v Value) string { return string(escape(v)) }))
	}
	i := -1
	return Str(s.joinIterator(text, s.iterate(p[0]), func(v Value) string {
		i++
		part, ok := isString(v)
		if !ok {
			throw(TypeErr, "sequence item %d: expected str instance, %s found", i, v.TypeName())
		}
		return part
	}))
}

func strReplace(s *State, text string, a Args) Value {
	p := a.positional("replace", 2, 3)
	return Str(s.replaceText(text, textArg(p[0], "replace"), textArg(p[1], "replace"), wholeNumber(p[2], -1)))
}

func strRemovePrefix(_ *State, text string, a Args) Value {
	return Str(strings.TrimPrefix(text, textArg(a.positional("removeprefix", 1, 1)[0], "removeprefix")))
}

func strRemoveSuffix(_ *State, text string, a Args) Value {
	return Str(strings.TrimSuffix(text, textArg(a.positional("removesuffix", 1, 1)[0], "removesuffix")))
}

// window is the part of text between two positions, and the position at which it starts. Positions count characters.
func window(text string, start, end Value) (part string, offset int, ok bool) {
	n := runeCount(text)
	from, to, _ := sliceBounds(n, optional(start, None), optional(end, None), None)
	if i, isInt := asInt(optional(start, None)); isInt && i > int64(n) {
		return "", 0, false
	}
	if from > to {
		return "", from, false
	}
	if isASCII(text) {
		return text[from:to], from, true
	}
	return string([]rune(text)[from:to]), from, true
}

func finding(name string, last, must bool) textFunc {
	return func(_ *State, text string, a Args) Value {
		p := a.positional(name, 1, 3)
		part, offset, ok := window(text, p[1], p[2])
		i := -1
		if ok {
			if i = strings.Index(part, textArg(p[0], name)); last {
				i = strings.LastIndex(part, textArg(p[0], name))
			}
		}
		if i < 0 {
			if must {
				throw(ValueErr, "substring not found")
			}
			return Int(-1)
		}
		return Int(offset + runeCount(part[:i]))
	}
}

func strCount(_ *State, text string, a Args) Value {
	p := a.positional("count", 1, 3)
	part, _, ok := window(text, p[1], p[2])
	if !ok {
		return Int(0)
	}
	return Int(strings.Count(part, textArg(p[0], "count")))
}

func affixed(name string, has func(text, affix string) bool) textFunc {
	return func(_ *State, text string, a Args) Value {
		p := a.positional(name, 1, 3)
		part, _, ok := window(text, p[1], p[2])
		affixes, isTuple := p[0].(Tuple)
		if !isTuple {
			affixes = Tuple{p[0]}
		}
		for _, affix := range affixes {
			if want, isText := isString(affix); !isText {
				throw(TypeErr, "%s first arg must be str or a tuple of str, not %s", name, affix.TypeName())
			} else if ok && has(part, want) {
				return Bool(true)
			}
		}
		return Bool(false)
	}
}

func justified(name string) textFunc {
	return func(s *State, text string, a Args) Value {
		p := a.positional(name, 1, 2)
		fill := " "
		if p[1] != nil {
			if fill = textArg(p[1], name); runeCount(fill) != 1 {
				throw(TypeErr, "The fill character must be exactly one character long")
			}
		}
		width := wholeNumber(p[0], 0)
		missing := width - runeCount(text)
		if missing <= 0 {
			return Str(text)
		}
		s.spendProduct(len(fill), int64(missing))
		left := 0
		switch name {
		case "center":
			left = missing/2 + missing&width&1
		case "rjust":
			left = missing
		}
		return Str(strings.Repeat(fill, left) + text + strings.Repeat(fill, missing-left))
	}
}

func strZfill(s *State, text string, a Args) Value {
	missing := wholeNumber(a.positional("zfill", 1, 1)[0], 0) - runeCount(text)
	if missing <= 0 {
		return Str(text)
	}
	s.spendProduct(1, int64(missing))
	zeros := strings.Repeat("0", missing)
	if text != "" && (text[0] == '-' || text[0] == '+') {
		return Str(text[:1] + zeros + text[1:])
	}
	return Str(zeros + text)
}

func strExpandtabs(s *State, text string, a Args) Value {
	p := a.bind("expandtabs", "tabsize?")
	size := wholeNumber(p[0], 8)
	var b strings.Builder
	column := 0
	for _, r := range text {
		switch r {
		case '\t':
			if size > 0 {
				n := size - column%size
				s.spend(n)
				b.WriteString(strings.Repeat(" ", n))
				column += n
			}
		case '\n', '\r':
			column = 0
			b.WriteRune(r)
		default:
			column++
			b.WriteRune(r)
		}
	}
	return Str(b.String())
}

func strEncode(_ *State, text string, a Args) Value {
	p := a.bind("encode", "encoding?", "errors?")
	switch name := strings.ReplaceAll(strings.ToLower(toStr(optional(p[0], Str("utf-8")))), "_", "-"); name {
	case "utf-8", "utf8":
		return Bytes(text)
	case "ascii", "us-ascii":
		if !isASCII(text) {
			throw(UnicodeErr, "'ascii' codec can't encode characters")
		}
		return Bytes(text)
	default:
		throw(LookupErr, "unknown encoding: %s", name)
	}
	return nil
}

func strTranslate(s *State, text string, a Args) Value {
	table := a.positional("translate", 1, 1)[0]
	var b strings.Builder
	for _, r := range text {
		to, ok := s.item(table, Int(r))
		if !ok {
			b.WriteRune(r)
			continue
		}
		if code, isInt := asInt(to); isInt {
			b.WriteRune(rune(code))
		} else if to != None {
			b.WriteString(textArg(to, "translate"))
		}
	}
	s.spend(b.Len())
	return Str(b.String())
}

func strMaketrans(s *State, _ string, a Args) Value {
	p := a.positional("maketrans", 1, 3)
	d := NewDict(0)
	if p[1] == nil {
		from, ok := p[0].(*Dict)
		if !ok {
			throw(TypeErr, "if you give only one argument to maketrans it must be a dict")
		}
		for k, v := range from.All {
			if text, ok := isString(k); ok {
				k = Int([]rune(text)[0])
			}
			d.Set(k, v)
		}
		return d
	}
	from, to := []rune(textArg(p[0], "maketrans")), []rune(textArg(p[1], "maketrans"))
	if len(from) != len(to) {
		throw(ValueErr, "the first two maketrans arguments must have equal length")
	}
	for i, r := range from {
		d.Set(Int(r), Int(to[i]))
	}
	if p[2] != nil {
		for _, r := range textArg(p[2], "maketrans") {
			d.Set(Int(r), None)
		}
	}
	return d
}

func isIdentifier(text string) bool {
	for i, r := range text {
		if !isWord(r) || i == 0 && r != '_' && !unicode.IsLetter(r) {
			return false
		}
	}
	return text != ""
}
