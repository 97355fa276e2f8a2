package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"
)

// Screen is where a command shows what happens: in colours and with lines that
// renew themselves on a terminal, in plain lines elsewhere.
type Screen struct {
	Out    io.Writer
	Colour bool
	Live   bool // the last line may be written over
}

// NewScreen looks what out can do; NO_COLOR is honoured.
func NewScreen(out io.Writer, getenv func(string) string) Screen {
	f, ok := out.(*os.File)
	terminal := ok && term.IsTerminal(int(f.Fd())) && getenv("TERM") != "dumb"
	return Screen{Out: out, Live: terminal, Colour: terminal && getenv("NO_COLOR") == ""}
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

// table prints rows in columns; the first row is the heading.
func (s Screen) table(rows [][]string) {
	w := tabwriter.NewWriter(s.Out, 0, 4, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // a closed pipe is the reader's wish
}

func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
