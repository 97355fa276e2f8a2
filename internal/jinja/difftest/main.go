// Command difftest renders random templates with this engine and with Jinja2 itself, and prints where they differ.
// It needs a Python with jinja2:
//
//	go run ./internal/jinja/difftest -n 2000 -python python3
//
// With -found FILE the differences are added to a file of cases, for the tests to keep.
package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
	"unicode"

	"peerflow/internal/jinja/jinjatest"
)

//go:embed oracle.py
var oracle string

func main() {
	differ, err := run(context.Background(), os.Args[1:], os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if differ > 0 {
		os.Exit(1)
	}
}

// answer is what Jinja2 gave.
type answer struct {
	Expected *string `json:"expected"`
	Error    string  `json:"error"`
	Message  string  `json:"message"`
	Lineno   *int    `json:"lineno"`
}

func run(ctx context.Context, args []string, out io.Writer) (differ int, err error) {
	flags := flag.NewFlagSet("difftest", flag.ContinueOnError)
	n := flags.Int("n", 2000, "templates to render")
	seed := flags.Uint64("seed", 1, "of the random templates: the same seed gives the same ones")
	python := flags.String("python", "python3", "interpreter that has jinja2")
	found := flags.String("found", "", "file of cases to add differences to")
	cases := flags.String("cases", "", "file of cases to render instead of random ones; expectations in it are ignored")
	if err := flags.Parse(args); err != nil {
		return 0, err
	}
	list, err := gather(*cases, *n, *seed)
	if err != nil {
		return 0, err
	}
	answers, err := ask(ctx, *python, list)
	if err != nil {
		return 0, err
	}
	var differing []jinjatest.Case
	skipped := 0
	for i, a := range answers {
		c := list[i]
		if unstable(a) {
			skipped++
			continue
		}
		c.Expected, c.Error, c.Lineno = a.Expected, a.Error, 0
		if a.Lineno != nil {
			c.Lineno = *a.Lineno
		}
		if fault := check(ctx, &c); fault != nil {
			differing = append(differing, c)
			fmt.Fprintf(out, "%s\n  %s\n  %v (Jinja2: %s)\n", c.Name, c.Template, fault, a.Message)
		}
	}
	fmt.Fprintf(out, "%d equal, %d different, %d not comparable\n", len(list)-len(differing)-skipped, len(differing), skipped)
	if *found != "" {
		err = keep(*found, differing)
	}
	return len(differing), err
}

func check(ctx context.Context, c *jinjatest.Case) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return c.Check(ctx)
}

// unstable answers can't be the same twice: addresses of Python objects, and Python's own stack and time limits.
func unstable(a answer) bool {
	if a.Expected != nil {
		text := strings.ToLower(strings.Map(lettersOnly, *a.Expected))
		return strings.Contains(text, "at0x") || strings.Contains(text, "0x7f") || strings.Contains(text, "objectat") || strings.Contains(text, "classjinja2") ||
			strings.Contains(text, "builtinmethod") || strings.Contains(text, "boundmethod")
	}
	return a.Error == "TimeoutError" || a.Error == "MemoryError"
}

// lettersOnly finds addresses even where a filter has pulled the text apart.
func lettersOnly(r rune) rune {
	if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
		return r
	}
	return -1
}

func gather(file string, n int, seed uint64) ([]jinjatest.Case, error) {
	if file == "" {
		return generate(n, seed), nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return jinjatest.Read(data)
}

// ask runs the cases through Python.
func ask(ctx context.Context, python string, list []jinjatest.Case) ([]answer, error) {
	cmd := exec.CommandContext(ctx, python, "-c", oracle)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", python, err)
	}
	go func() {
		defer in.Close()
		enc := json.NewEncoder(in)
		for _, c := range list {
			if enc.Encode(c) != nil {
				return
			}
		}
	}()
	answers, err := readAnswers(out, len(list))
	if waitErr := cmd.Wait(); err == nil && waitErr != nil {
		err = fmt.Errorf("run %s: %w", python, waitErr)
	}
	return answers, err
}

func readAnswers(out io.Reader, n int) ([]answer, error) {
	answers := make([]answer, n)
	dec := json.NewDecoder(bufio.NewReader(out))
	for i := range answers {
		if err := dec.Decode(&answers[i]); err != nil {
			return nil, fmt.Errorf("read answer %d of %d: %w", i+1, n, err)
		}
	}
	return answers, nil
}

// keep adds cases to a case file.
func keep(file string, found []jinjatest.Case) error {
	var known []jinjatest.Case
	if data, err := os.ReadFile(file); err == nil {
		if known, err = jinjatest.Read(data); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	for _, c := range known {
		seen[c.Name+c.Template] = true
	}
	for _, c := range found {
		if !seen[c.Name+c.Template] {
			known = append(known, c)
		}
	}
	lines := make([]string, len(known))
	for i, c := range known {
		data, err := json.Marshal(c)
		if err != nil {
			return err
		}
		lines[i] = string(data)
	}
	return os.WriteFile(file, []byte("[\n"+strings.Join(lines, ",\n")+"\n]\n"), 0o644)
}
