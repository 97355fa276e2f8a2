package peering

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTextsStayShortHoweverManyThingsTheySpeakOf(t *testing.T) {
	t.Parallel()
	var many []string
	impact := Impact{Resets: 50_000}
	for range impact.Resets {
		many = append(many, "AS4200000000")
	}
	impact.ResetASNs, impact.Pending = many, many
	if line := impact.Line(); len(line) > 1000 || strings.Count(line, "and 49980 more") != 2 {
		t.Errorf("%d bytes: %.200s", len(line), line)
	}
	if line := (Impact{Warnings: []string{"a", "b", "c", "d"}}).Line(); !strings.HasSuffix(line, "warning: a; b; c and 1 more") {
		t.Errorf("warned: %s", line)
	}
	if got := Some(many[:3], 3, ", "); got != "AS4200000000, AS4200000000, AS4200000000" {
		t.Errorf("three of three: %s", got)
	}
	if got := Some(many[:3], 2, " "); got != "AS4200000000 AS4200000000 and 1 more" {
		t.Errorf("two of three: %s", got)
	}
	long := strings.Repeat("é", 1000)
	for most := range 7 {
		if got := Clip(long, most); !utf8.ValidString(got) || len(got) > most+len("…") {
			t.Errorf("clipped to %d: %q", most, got)
		}
	}
	if Clip("short", 5) != "short" {
		t.Error("a short text is cut")
	}
}
