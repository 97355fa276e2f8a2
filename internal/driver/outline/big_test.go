package outline_test

import (
	"fmt"
	"strings"
	"testing"

	"peerflow/internal/driver/outline"
	"peerflow/internal/peering"
)

// many is how many statements a big router's configuration has.
const many = 100_000

// big are configurations of so many statements, in which something is repeated without end.
func big(n int) map[string]struct {
	syntax outline.Syntax
	text   string
} {
	write := func(before string, line func(int) string, after string) string {
		var b strings.Builder
		b.WriteString(before)
		for i := range n {
			b.WriteString(line(i))
		}
		return b.String() + after
	}
	return map[string]struct {
		syntax outline.Syntax
		text   string
	}{
		"one long list": {lines, write("", func(i int) string { return fmt.Sprintf("prefix-list a seq %d permit 192.0.2.0/24\n", i) }, "")},
		"many lists":    {lines, write("", func(i int) string { return fmt.Sprintf("prefix-list a%d permit 192.0.2.0/24\n", i) }, "")},
		"many sessions": {lines, write("router bgp 64496\n", func(i int) string {
			return fmt.Sprintf(" neighbor 2001:db8::%x:%x remote-as 64501\n", i>>16, i&0xffff)
		}, "")},
		"many policies in one block":   {semicolons, write("policies {\n", func(i int) string { return fmt.Sprintf(" policy a%d { from policy a%d; }\n", i, i/2) }, "}\n")},
		"many statements in one block": {newlines, write("policies {\n policy a {\n", func(i int) string { return fmt.Sprintf("  entry %d\n", i) }, " }\n}\n")},
	}
}

// Work grows with the text, and not with its square: at a square this takes longer than a test may.
func TestABigConfigurationIsCutAndJoined(t *testing.T) {
	t.Parallel()
	for name, c := range big(many) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cut, err := c.syntax.Split(c.text)
			if err != nil {
				t.Fatal(err)
			}
			joined, err := c.syntax.Join(cut)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := strings.Count(joined, "\n"), many; got < want {
				t.Errorf("%d lines of %d are left", got, want)
			}
		})
	}
}

func BenchmarkSplit(b *testing.B) {
	for name, c := range big(many) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := c.syntax.Split(c.text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestBlocksStandInSoManyOthersAtMost(t *testing.T) {
	t.Parallel()
	nested := func(depth int) map[string]string {
		var indented, braced strings.Builder
		for i := range depth {
			fmt.Fprintf(&indented, "%srouter-block %d\n", strings.Repeat(" ", i), i)
			fmt.Fprintf(&braced, "policies {\n")
		}
		return map[string]string{
			"indented": "prefix-list a\n" + strings.ReplaceAll(" "+strings.TrimSuffix(indented.String(), "\n"), "\n", "\n ") + "\n",
			"braced":   braced.String() + "policy a { x; }\n" + strings.Repeat("}\n", depth),
		}
	}
	syntaxes := map[string]outline.Syntax{"indented": lines, "braced": semicolons}
	for name, text := range nested(60) {
		if _, err := syntaxes[name].Split(text); err != nil {
			t.Errorf("%s, 60 deep: %v", name, err)
		}
	}
	for name, text := range nested(1000) {
		_, err := syntaxes[name].Split(text)
		if err == nil || peering.KindOf(err) != peering.Invalid || !strings.Contains(err.Error(), "within more than 64 others") || !strings.HasPrefix(err.Error(), "line 6") {
			t.Errorf("%s, 1000 deep: %v", name, err)
		}
	}
}

func TestAStanzaKnowsItsLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		syntax outline.Syntax
		text   string
		want   string
	}{
		"indentation":     {lines, ofLines, "2 4 11 12 19"},
		"semicolons":      {semicolons, ofSemicolons, "3 3 5 7"},
		"lines in braces": {newlines, ofNewlines, "2 4"},
	} {
		cut, err := c.syntax.Split(c.text)
		if err != nil {
			t.Fatal(err)
		}
		var at []string
		for _, s := range cut {
			at = append(at, fmt.Sprint(s.Line))
		}
		if got := strings.Join(at, " "); got != c.want {
			t.Errorf("%s: lines %s, want %s", name, got, c.want)
		}
	}
}
