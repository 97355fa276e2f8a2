package jinja

import (
	"regexp"
	"slices"
	"strings"
)

var (
	linkPattern = regexp.MustCompile(`(?i)^(?:(?:https?://|www\.)(?:[\p{L}\p{N}_%-]+\.)*(?:[a-z]{2,63}|xn--[\p{L}\p{N}_%]{2,59})` +
		`|(?:[\p{L}\p{N}_%-]{2,63}\.)+(?:com|net|int|edu|gov|org|info|mil)` +
		`|https?://(?:\p{Nd}{1,3}(?:\.\p{Nd}{1,3}){3}|\[(?:[\p{Nd}a-f]{0,4}:){2}(?:[\p{Nd}a-f]{0,4}:?){1,6}\]))` +
		`(?::\p{Nd}{1,5})?(?:[/?#]\S*)?\n?$`)
	mailPattern   = regexp.MustCompile(`^\S+@[\p{L}\p{N}_][\p{L}\p{N}_.-]*\.[\p{L}\p{N}_]+\n?$`)
	schemePattern = regexp.MustCompile(`^[\p{L}\p{N}_.+-]{2,}:/{0,2}$`)
	headPattern   = regexp.MustCompile(`^(?:[(<]|&lt;)+`)
	tailPattern   = regexp.MustCompile(`(?:[)>.,\n]|&gt;)+$`)
)

// urlizer turns addresses in text into links.
type urlizer struct {
	limit   int // characters shown of an address; -1: all
	attrs   string
	schemes []string
}

func filterUrlize(s *State, in Value, a Args) Value {
	p := a.bind("do_urlize", "trim_url_limit?", "nofollow?", "target?", "rel?", "extra_schemes?")
	u := urlizer{limit: -1}
	if p[0] != nil && p[0] != None {
		u.limit = wholeNumber(p[0], -1)
	}
	u.attrs = ` rel="` + escapeHTML(linkRel(optional(p[3], Str("")), optionalTrue(p[1]))) + `"`
	if p[2] != nil && isTrue(p[2]) {
		u.attrs += ` target="` + string(escape(p[2])) + `"`
	}
	if p[4] != nil && p[4] != None {
		for item := range s.each(p[4]) {
			scheme := toStr(item)
			if !schemePattern.MatchString(scheme) {
				throw(FilterErr, "%s is not a valid URI scheme prefix.", quote(scheme))
			}
			u.schemes = append(u.schemes, scheme)
		}
	}
	var b strings.Builder
	for _, word := range splitKeeping(string(escape(in))) {
		s.step(1)
		b.WriteString(u.word(word))
	}
	s.spend(b.Len())
	return s.safe(b.String())
}

// linkRel joins the relations asked for with "noopener", in order.
func linkRel(rel Value, nofollow bool) string {
	parts := []string{"noopener"}
	if isTrue(rel) {
		parts = append(parts, strings.Fields(toStr(rel))...)
	}
	if nofollow {
		parts = append(parts, "nofollow")
	}
	slices.Sort(parts)
	return strings.Join(slices.Compact(parts), " ")
}

// splitKeeping cuts text into words and the white space between them.
func splitKeeping(text string) []string {
	var parts []string
	start, blank := 0, false
	for i, r := range text {
		if i > 0 && isSpace(r) != blank {
			parts = append(parts, text[start:i])
			start = i
		}
		blank = isSpace(r)
	}
	return append(parts, text[start:])
}

func (u urlizer) word(word string) string {
	head := headPattern.FindString(word)
	middle := word[len(head):]
	tail := tailPattern.FindString(middle)
	middle = middle[:len(middle)-len(tail)]
	for _, pair := range [][2]string{{"(", ")"}, {"<", ">"}, {"&lt;", "&gt;"}} {
		opened := strings.Count(middle, pair[0])
		if opened <= strings.Count(middle, pair[1]) {
			continue
		}
		for range min(opened, strings.Count(tail, pair[1])) {
			end := strings.Index(tail, pair[1]) + len(pair[1])
			middle, tail = middle+tail[:end], tail[end:]
		}
	}
	return head + u.link(middle) + tail
}

func (u urlizer) link(text string) string {
	switch {
	case linkPattern.MatchString(text):
		href := text
		if !strings.HasPrefix(text, "https://") && !strings.HasPrefix(text, "http://") {
			href = "https://" + text
		}
		return `<a href="` + href + `"` + u.attrs + `>` + u.shown(text) + `</a>`
	case strings.HasPrefix(text, "mailto:") && mailPattern.MatchString(text[len("mailto:"):]):
		return `<a href="` + text + `">` + text[len("mailto:"):] + `</a>`
	case strings.Contains(text, "@") && !strings.HasPrefix(text, "www.") && !strings.HasPrefix(text, "@") &&
		!strings.Contains(text, ":") && mailPattern.MatchString(text):
		return `<a href="mailto:` + text + `">` + text + `</a>`
	}
	for _, scheme := range u.schemes {
		if text != scheme && strings.HasPrefix(text, scheme) {
			text = `<a href="` + text + `"` + u.attrs + `>` + text + `</a>`
		}
	}
	return text
}

func (u urlizer) shown(text string) string {
	if u.limit >= 0 && runeCount(text) > u.limit {
		return string([]rune(text)[:u.limit]) + "..."
	}
	return text
}
