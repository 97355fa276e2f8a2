package peering

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Longest texts of records that people name, in characters.
const (
	longestName        = 100 // as Peering Manager's
	longestDescription = 200 // likewise
	longestLine        = 255 // what came from PeeringDB fits
	longestWord        = 64  // what a router itself names: a VRF, an interface
)

var wordShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9./:_-]*$`)

// labelled checks what most small records have: slug, name (the slug when left out) and description.
func labelled(slug string, name *string, description string) error {
	return firstError(named(slug, name), oneLine("slug", slug, longestName), oneLine("name", *name, longestName),
		oneLine("description", description, longestDescription))
}

// oneLine refuses text that wouldn't stay on one line of a configuration, or that is longer than so many characters.
func oneLine(field, text string, most int) error {
	switch n := utf8.RuneCountInString(text); {
	case n > most:
		return Errorf(Invalid, "%s has %d characters: at most %d", field, n, most)
	case !utf8.ValidString(text), strings.ContainsFunc(text, breaks):
		return Errorf(Invalid, "%s is one line of text, without control characters", field)
	case secretSpelt.MatchString(text):
		return Errorf(Invalid, "%s holds \"{secret:\", which stands for passwords in configurations: leave the brace out", field)
	}
	return nil
}

// plainText is oneLine without what a router's configuration would take for more than text.
func plainText(field, text string, most int) error {
	if strings.ContainsAny(text, "\"'`\\;{}#!") || strings.Contains(text, "/*") {
		return Errorf(Invalid, "%s has no quotes, backslashes, semicolons nor braces, and none of #, ! and /*: it goes into configurations as it is", field)
	}
	return oneLine(field, text, most)
}

// breaks are the letters that end a line, or that a terminal would act on.
func breaks(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

// StrangersText is a text of others, such as PeeringDB's, made fit for records, configurations and terminals: on one line,
// without NUL, and without the brace of what looks like a secret's placeholder.
func StrangersText(text string) string {
	return secretSpelt.ReplaceAllStringFunc(strings.Map(func(r rune) rune {
		switch {
		case r == 0:
			return -1
		case breaks(r):
			return ' '
		}
		return r
	}, text), func(spelt string) string { return strings.TrimLeft(spelt, "{") })
}

// word holds what a router names to one word that no platform takes for anything else; "" is none.
func word(field, text string) error {
	if text == "" || wordShape.MatchString(text) && len(text) <= longestWord {
		return nil
	}
	return Errorf(Invalid, "%s %.80q: give one word of letters, digits and . / : _ -, of at most %d characters", field, text, longestWord)
}
