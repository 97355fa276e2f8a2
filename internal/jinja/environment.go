package jinja

import (
	"context"
	"crypto/sha256"
	"sync"
)

// UndefinedPolicy says what may be done with a name or attribute that does not exist.
type UndefinedPolicy int

const (
	// UndefinedDefault prints nothing, is false and empty; anything else on it fails.
	UndefinedDefault UndefinedPolicy = iota
	// UndefinedStrict fails on everything but the tests on being defined, and "default".
	UndefinedStrict
	// UndefinedChainable is UndefinedDefault whose attributes and items are undefined too.
	UndefinedChainable
)

// Loader finds the templates that include, import and extends name. A template that does not exist is reported by
// an error that is ErrNotFound; any other error ends the rendering as HostErr.
type Loader interface {
	Load(ctx context.Context, name string) (source string, err error)
}

type (
	// Filter is called for {{ in | name(args) }}.
	Filter func(s *State, in Value, args Args) (Value, error)
	// Test is called for {{ in is name(args) }}.
	Test func(s *State, in Value, args Args) (bool, error)
	// Tag is a statement of the host's: {% name arg, key=arg %}. What it returns is written to the output. A
	// positional argument that is a bare name arrives as that name's text when Literal is set.
	Tag struct {
		Literal bool
		Run     func(s *State, args Args) (Value, error)
	}
)

// Options configures an Environment; the zero value is Jinja2's default environment with a sandbox.
type Options struct {
	TrimBlocks          bool // drop the newline after a block tag
	LstripBlocks        bool // drop blanks before a block tag at the start of a line
	KeepTrailingNewline bool
	Autoescape          bool
	Undefined           UndefinedPolicy
	Loader              Loader // nil: include, import and extends fail with NotFoundErr
	Limits              Limits // zero fields take DefaultLimits
	// Filters, Tests, Globals and Tags are added to the built-in ones and replace those of the same name. All renderings
	// share Globals: no lists or dicts there, which a template could change.
	Filters map[string]Filter
	Tests   map[string]Test
	Globals map[string]Value
	Tags    map[string]Tag
	// Chance, if set, may refuse the filter random and the function lipsum, whose results differ from one rendering to the next.
	Chance func(ctx context.Context) error
	// Finalize, if set, sees every value before it is printed by {{ … }}.
	Finalize func(s *State, v Value) (Value, error)
}

// Environment holds what templates share. It is immutable and used by many goroutines.
type Environment struct {
	opts    Options
	filters map[string]filterDef
	tests   map[string]Test
	globals *Dict
	cache   templateCache
}

// NewEnvironment builds an Environment.
func NewEnvironment(opts Options) *Environment {
	opts.Limits = opts.Limits.withDefaults()
	env := &Environment{opts: opts, globals: NewDict(8)}
	env.filters, env.tests = builtinFilters(opts.Filters), builtinTests(opts.Tests)
	for name, value := range builtinGlobals {
		env.globals.SetStr(name, value)
	}
	for name, value := range opts.Globals {
		env.globals.SetStr(name, value)
	}
	return env
}

// Parse reads a template. The error is an *Error with the line of the fault. Equal sources of one name are parsed once.
func (env *Environment) Parse(name, source string) (tmpl *Template, err error) {
	key := cacheKey{name, sha256.Sum256([]byte(source))}
	if tmpl = env.cache.get(key); tmpl != nil {
		return tmpl, nil
	}
	defer func() {
		if fault := recover(); fault != nil {
			e := asError(fault)
			e.Template = name
			e.Expression = env.expression(source, position{int32(e.Line), int32(e.Column)})
			tmpl, err = nil, e
		}
	}()
	tmpl = compileTemplate(env, name, parse(env, source))
	tmpl.source = source
	env.cache.put(key, tmpl)
	return tmpl, nil
}

// maxCached is how many parsed templates an Environment keeps; beyond it the cache starts afresh.
const maxCached = 1024

type cacheKey struct {
	name string
	sum  [sha256.Size]byte
}

type templateCache struct {
	mu   sync.Mutex
	byID map[cacheKey]*Template
}

func (c *templateCache) get(key cacheKey) *Template {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byID[key]
}

func (c *templateCache) put(key cacheKey, tmpl *Template) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil || len(c.byID) >= maxCached {
		c.byID = map[cacheKey]*Template{}
	}
	c.byID[key] = tmpl
}
