package peering

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Some joins the first n of a list and counts the rest, so that a text stays
// short however large the router is that it speaks of.
func Some(list []string, n int, sep string) string {
	if len(list) <= n {
		return strings.Join(list, sep)
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:n], sep), len(list)-n)
}

// Clip cuts a text to at most so many bytes and an ellipsis, at the end of a letter.
func Clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}
