// Package jinjatest runs files of conformance cases against the engine: a template, its context, and the text or the
// error that Jinja2 gives for them. The conformance command, the differential test and the Go tests share it.
package jinjatest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"peerflow/internal/jinja"
)

// Case is one entry of a case file.
type Case struct {
	Name         string            `json:"name"`
	Group        string            `json:"group"`
	Template     string            `json:"template"`
	Context      json.RawMessage   `json:"context"`
	Expected     *string           `json:"expected,omitempty"`
	Error        string            `json:"error,omitempty"`  // class of the error that must come; instead of Expected
	Lineno       int               `json:"lineno,omitempty"` // its line; 0: any
	TrimBlocks   bool              `json:"trim_blocks,omitempty"`
	LstripBlocks bool              `json:"lstrip_blocks,omitempty"`
	Undefined    string            `json:"undefined,omitempty"` // "strict", "chainable" or nothing
	Templates    map[string]string `json:"templates,omitempty"` // what the loader offers
}

// Read decodes a case file.
func Read(data []byte) ([]Case, error) {
	var cases []Case
	if err := json.Unmarshal(data, &cases); err != nil {
		return nil, fmt.Errorf("read cases: %w", err)
	}
	return cases, nil
}

type loader map[string]string

func (l loader) Load(_ context.Context, name string) (string, error) {
	source, ok := l[name]
	if !ok {
		return "", jinja.ErrNotFound
	}
	return source, nil
}

// Environment is what the case asks for.
func (c *Case) Environment() *jinja.Environment {
	opts := jinja.Options{TrimBlocks: c.TrimBlocks, LstripBlocks: c.LstripBlocks, Loader: loader(c.Templates)}
	switch c.Undefined {
	case "strict":
		opts.Undefined = jinja.UndefinedStrict
	case "chainable":
		opts.Undefined = jinja.UndefinedChainable
	}
	return jinja.NewEnvironment(opts)
}

// Render renders the case's template.
func (c *Case) Render(ctx context.Context) (string, error) {
	vars := jinja.NewDict(0)
	if len(c.Context) > 0 {
		v, err := jinja.FromJSON(c.Context)
		if err != nil {
			return "", err
		}
		if d, ok := v.(*jinja.Dict); ok {
			vars = d
		}
	}
	tmpl, err := c.Environment().Parse("", c.Template)
	if err != nil {
		return "", err
	}
	return tmpl.Render(ctx, vars)
}

// Check renders the case and tells what is wrong: nothing, or what was wanted and what came.
func (c *Case) Check(ctx context.Context) error {
	text, err := c.Render(ctx)
	wanted, got := c.wanted(), fmt.Sprintf("%q", text)
	var e *jinja.Error
	if errors.As(err, &e) {
		got = fmt.Sprintf("%s at line %d (%s)", e.Class, e.Line, e.Msg)
		if c.Error == e.Class && (c.Lineno == 0 || c.Lineno == e.Line) {
			return nil
		}
	} else if err == nil && c.Expected != nil && *c.Expected == text {
		return nil
	}
	return fmt.Errorf("wanted %s\n  got    %s", wanted, got)
}

func (c *Case) wanted() string {
	switch {
	case c.Expected != nil:
		return fmt.Sprintf("%q", *c.Expected)
	case c.Lineno > 0:
		return fmt.Sprintf("%s at line %d", c.Error, c.Lineno)
	}
	return c.Error
}
