// Command difftest renders random templates with this engine and with Jinja2 itself, and prints where they differ,
// each time with the case that a file of cases takes. It needs a Python with jinja2:
//
//	go run ./internal/jinja/difftest -n 50000 -seed 7
//
// With -found FILE the differences are added to a file of cases, for the tests to keep. With -published FOLDER the
// templates in it are parsed by both.
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
	"slices"
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
	python := flags.String("python", "", "interpreter that has jinja2; the first that is found when empty")
	found := flags.String("found", "", "file of cases to add differences to")
	cases := flags.String("cases", "", "file of cases to render instead of random ones; expectations in it are ignored")
	folder := flags.String("published", "", "folder of templates to parse instead, such as a clone of what others publish")
	if err := flags.Parse(args); err != nil {
		return 0, err
	}
	if *python == "" {
		if *python, err = jinjatest.Python(); err != nil {
			return 0, err
		}
	}
	if *folder != "" {
		return published(ctx, *python, *folder, out)
	}
	list, err := gather(*cases, *n, *seed)
	if err != nil {
		return 0, err
	}
	answers, err := ask(ctx, *python, list)
	if err != nil {
		return 0, err
	}
	differing, skipped := compare(ctx, list, answers)
	unexplained, err := explain(ctx, *python, differing)
	if err != nil {
		return 0, err
	}
	for _, d := range unexplained {
		line, err := json.Marshal(d.Case)
		if err != nil {
			return 0, err
		}
		fmt.Fprintf(out, "%s\n  %s\n  %v (Jinja2: %s)\n  case: %s\n", d.Name, d.Template, d.fault, d.message, line)
	}
	equal := len(list) - len(differing) - skipped
	fmt.Fprintf(out, "seed %d: %d equal, %d different, %d as intended, %d not comparable\n",
		*seed, equal, len(unexplained), len(differing)-len(unexplained), skipped)
	if *found != "" {
		err = keep(*found, unexplained)
	}
	return len(unexplained), err
}

// difference is a case whose expectation the engine doesn't meet.
type difference struct {
	jinjatest.Case
	fault   error
	message string // of Jinja2, when it failed
}

// compare gives the cases that differ from Jinja2's answers, and the number that can't be compared.
func compare(ctx context.Context, list []jinjatest.Case, answers []answer) (differing []difference, skipped int) {
	for i, a := range answers {
		if unstable(a) {
			skipped++
			continue
		}
		c := list[i]
		c.Expected, c.Error, c.Lineno = a.Expected, a.Error, 0
		if a.Lineno != nil {
			c.Lineno = *a.Lineno
		}
		if fault := check(ctx, &c); fault != nil {
			differing = append(differing, difference{c, fault, a.Message})
		}
	}
	return differing, skipped
}

// explain drops the differences that docs/decisions/0003 intends and that show themselves: few methods of bytes (5), and
// what is equal once Jinja2 evaluates no constants while it compiles (4).
func explain(ctx context.Context, python string, differing []difference) ([]difference, error) {
	if len(differing) == 0 {
		return nil, nil
	}
	list := make([]jinjatest.Case, len(differing))
	for i, d := range differing {
		list[i] = d.Case
	}
	answers, err := ask(ctx, python, list, "unfolded")
	if err != nil {
		return nil, err
	}
	unfolded, _ := compare(ctx, list, answers)
	return slices.DeleteFunc(differing, func(d difference) bool {
		still := slices.ContainsFunc(unfolded, func(u difference) bool { return u.Name == d.Name })
		return !still || strings.Contains(d.fault.Error(), "('bytes object' has no attribute") || strings.Contains(d.fault.Error(), "('bytes' object has no attribute")
	}), nil
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
func ask(ctx context.Context, python string, list []jinjatest.Case, arguments ...string) ([]answer, error) {
	cmd := exec.CommandContext(ctx, python, append([]string{"-c", oracle}, arguments...)...)
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
func keep(file string, found []difference) error {
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
			known = append(known, c.Case)
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
