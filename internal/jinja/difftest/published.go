package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"peerflow/internal/jinja"
	"peerflow/internal/jinja/jinjatest"
)

// suffixes are what templates' files are called by.
var suffixes = []string{".j2", ".jinja", ".jinja2"}

// published parses the templates in a folder with both engines, and prints those that only one of them takes, or for
// which they name another class of error or line. Filters and tests may have any name, since their hosts bring them.
func published(ctx context.Context, python, folder string, out io.Writer) (differ int, err error) {
	list, err := templatesIn(folder)
	if err != nil {
		return 0, err
	}
	answers, err := ask(ctx, python, list, "parse")
	if err != nil {
		return 0, err
	}
	parsed, refused := 0, 0
	for i, a := range answers {
		fault := parse(list[i].Template)
		wanted := &jinja.Error{Class: a.Error}
		if a.Lineno != nil {
			wanted.Line = *a.Lineno
		}
		switch {
		case a.Error == "" && fault == nil:
			parsed++
		case a.Error != "" && fault != nil && fault.Class == wanted.Class && fault.Line == wanted.Line:
			refused++
		default:
			differ++
			fmt.Fprintf(out, "%s\n  %v\n  Jinja2: %s at line %d: %s\n", list[i].Name, fault, a.Error, wanted.Line, a.Message)
		}
	}
	fmt.Fprintf(out, "%d templates parse with both, %d with neither, %d different\n", parsed, refused, differ)
	return differ, nil
}

func templatesIn(folder string) (list []jinjatest.Case, err error) {
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !slices.Contains(suffixes, filepath.Ext(path)) {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil && utf8.Valid(text) {
			list = append(list, jinjatest.Case{Name: path, Template: string(text), Context: json.RawMessage("{}")})
		}
		return err
	})
	return list, err
}

// parse compiles a template in an environment that has the filters and tests that it names.
func parse(text string) (fault *jinja.Error) {
	opts := jinja.Options{Filters: map[string]jinja.Filter{}, Tests: map[string]jinja.Test{}}
	uses, err := jinja.NewEnvironment(opts).Uses("", text)
	for _, u := range uses {
		switch {
		case u.Known:
		case u.Kind == jinja.UseFilter:
			opts.Filters[u.Name] = func(_ *jinja.State, in jinja.Value, _ jinja.Args) (jinja.Value, error) { return in, nil }
		case u.Kind == jinja.UseTest:
			opts.Tests[u.Name] = func(*jinja.State, jinja.Value, jinja.Args) (bool, error) { return false, nil }
		}
	}
	if err == nil {
		_, err = jinja.NewEnvironment(opts).Parse("", text)
	}
	if err != nil && !errors.As(err, &fault) {
		fault = &jinja.Error{Class: jinja.InternalErr, Msg: err.Error()}
	}
	return fault
}
