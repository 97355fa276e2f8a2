package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// Screen is where a command shows what happens: in colours and with lines that
// renew themselves on a terminal, in plain lines elsewhere.
type Screen struct {
	Out    io.Writer
	Colour bool
	Live   bool // the last line may be written over
	Width  int  // columns of the terminal; 0 elsewhere, where nothing is cut
}

// NewScreen looks what out can do; NO_COLOR is honoured.
func NewScreen(out io.Writer, getenv func(string) string) Screen {
	f, ok := out.(*os.File)
	terminal := ok && term.IsTerminal(int(f.Fd())) && getenv("TERM") != "dumb"
	s := Screen{Out: out, Live: terminal, Colour: terminal && getenv("NO_COLOR") == ""}
	if terminal {
		s.Width, _, _ = term.GetSize(int(f.Fd())) // a size that can't be had cuts nothing
	}
	return s
}

const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (s Screen) paint(code, text string) string {
	if !s.Colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s Screen) line(format string, args ...any) { fmt.Fprintf(s.Out, format+"\n", args...) }

// over writes a line that the next one replaces; nothing without a terminal.
func (s Screen) over(text string) {
	if s.Live {
		fmt.Fprintf(s.Out, "\r\x1b[K%s", text)
	}
}

// clear takes the line that over wrote away.
func (s Screen) clear() { s.over("") }

// diff prints a diff with its additions and removals in colour.
func (s Screen) diff(text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"), strings.HasPrefix(line, "@@"):
			line = s.paint(cyan, line)
		case strings.HasPrefix(line, "+"):
			line = s.paint(green, line)
		case strings.HasPrefix(line, "-"):
			line = s.paint(red, line)
		}
		s.line("  %s", line)
	}
}

// table prints rows in columns; the first row is the heading. On a terminal the
// last column ends at its edge.
func (s Screen) table(rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row[:len(row)-1] {
			b.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
		s.line("%s", strings.TrimRight(cut(b.String()+row[len(row)-1], s.Width), " "))
	}
}

// cut ends a line at a width; 0 leaves it whole.
func cut(line string, width int) string {
	letters := []rune(line)
	if width == 0 || len(letters) <= width {
		return line
	}
	return string(letters[:width-1]) + "…"
}

// count says how many there are: "1 session", "2 sessions".
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
