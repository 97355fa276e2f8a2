package render

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"github.com/flosch/pongo2/v6"

	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// What a template in pongo2 may use. Whatever isn't here is refused by name: tags that reach other templates, files or the
// clock, that call themselves, or that keep values, which can double at each step; filters that build texts of any length.
var (
	pongoTags    = strings.Fields("autoescape comment cycle firstof for if ifequal ifnotequal templatetag widthratio " + tickName)
	pongoRefused = strings.Fields("block extends filter ifchanged import include lorem macro now set spaceless ssi with")
	pongoFilters = strings.Fields("add capfirst cut default default_if_none divisibleby escape first float get_digit integer last length length_is lower make_list pluralize safe slice split title upper wordcount yesno")
	pongoBanned  = strings.Fields("addslashes e escapejs center date floatformat iriencode join linebreaks linebreaksbr linenumbers ljust phone2numeric random removetags rjust stringformat striptags time truncatechars truncatechars_html truncatewords truncatewords_html urlencode urlize urlizetrunc wordwrap")
)

// pongo2 counts nothing and can't be stopped, so what it is given is small, and a loop looks at the clock at every turn.
const (
	maxPongoBody   = 256 << 10 // bytes of a template
	maxPongoSigns  = 5000      // of each sign that nests an expression, or makes a text grow
	maxPongoOutput = 64 << 20
	maxPongoTurns  = 20_000_000 // of all loops together
)

// pongoSlots are the renderings that may run at a time; one whose time is up keeps its place until it has really ended.
var pongoSlots = make(chan struct{}, 4)

// pongoTime is the clock and the purse of one rendering.
type pongoTime struct {
	ctx   context.Context
	turns int
	out   strings.Builder
}

// pongoStop ends a rendering from within: pongo2 ignores errors of writers.
type pongoStop struct{ err *jinja.Error }

func (p *pongoTime) stop(class, format string, args ...any) {
	panic(pongoStop{&jinja.Error{Class: class, Msg: fmt.Sprintf(format, args...)}})
}

func (p *pongoTime) look() {
	if err := p.ctx.Err(); err != nil {
		p.stop(jinja.CancelledErr, "%v", context.Cause(p.ctx))
	}
}

func (p *pongoTime) Write(text []byte) (int, error) {
	p.look()
	if p.out.Len()+len(text) > maxPongoOutput {
		p.stop(jinja.LimitErr, "the template built a text of more than %d bytes", maxPongoOutput)
	}
	return p.out.Write(text)
}

// The tag that a loop begins with. Templates never see it.
const (
	tickName = "peerflow_tick"
	tick     = "{% " + tickName + " %}"
	clockVar = "peerflow_clock"
)

type tickNode struct{}

func (tickNode) Execute(ctx *pongo2.ExecutionContext, _ pongo2.TemplateWriter) *pongo2.Error {
	clock := ctx.Public[clockVar].(*pongoTime)
	if clock.turns++; clock.turns > maxPongoTurns {
		clock.stop(jinja.LimitErr, "the template took more than %d steps", maxPongoTurns)
	}
	clock.look()
	return nil
}

// registerTick adds the tag to pongo2's table, which all of a process share.
var registerTick = sync.OnceValue(func() error {
	return pongo2.RegisterTag(tickName, func(*pongo2.Parser, *pongo2.Token, *pongo2.Parser) (pongo2.INodeTag, *pongo2.Error) {
		return tickNode{}, nil
	})
})

// renderPongo renders a router's template in pongo2.
func renderPongo(ctx context.Context, d peering.Desired, secrets *printing) (string, error) {
	if err := pongoSize(d.Template.Body); err != nil {
		return "", err
	}
	if !d.Template.Lenient {
		if err := pongoNames(d.Template.Body); err != nil {
			return "", err
		}
	}
	vars, err := pongoContext(d, secrets)
	if err != nil {
		return "", err
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	select {
	case pongoSlots <- struct{}{}:
	case <-limited.Done():
		return "", &jinja.Error{Class: jinja.CancelledErr, Msg: "other templates in pongo2 are being rendered"}
	}
	clock := &pongoTime{ctx: limited}
	vars[clockVar] = clock
	ended := make(chan error, 1)
	go func() {
		defer func() { <-pongoSlots }()
		ended <- executePongo(d.Template, vars, clock)
	}()
	select {
	case err = <-ended:
	case <-limited.Done(): // it ends by itself at its next turn or print
		return "", &jinja.Error{Class: jinja.CancelledErr, Msg: context.Cause(limited).Error()}
	}
	if err != nil {
		return "", err
	}
	text := strings.ReplaceAll(clock.out.String(), tick, "")
	if at := strings.Index(text, wholeValue); at >= 0 {
		return "", &jinja.Error{Class: jinja.TypeErr, Msg: fmt.Sprintf("line %d of the text prints a whole record or list, which has no text in pongo2: print one of its fields, or loop over it",
			strings.Count(text[:at], "\n")+1)}
	}
	return text, nil
}

// wholeValue is in what pongo2 prints of a map or a list of ours: Go's name of its type.
const wholeValue = "interface {} Value>"

const unescaped = "{% autoescape off %}"

// executePongo parses and runs a template. Its panics end here.
func executePongo(t peering.Template, vars pongo2.Context, clock *pongoTime) (err error) {
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case pongoStop:
			err = fault.err
		default:
			err = &jinja.Error{Class: jinja.RuntimeErr, Msg: fmt.Sprintf("pongo2 gave up: %.200v", fault)}
		}
	}()
	set, err := pongoSet(t)
	if err != nil {
		return err
	}
	body := strings.TrimSuffix(t.Body, "\n") // as Jinja2 does
	if t.LstripBlocks {
		body = blanks.ReplaceAllString(body, "$1")
	}
	if t.TrimBlocks && strings.HasPrefix(body, "\n") {
		body = "\n" + body // the tag in front takes one
	}
	tmpl, err := set.FromString(unescaped + loops.ReplaceAllString(body, "${0}"+tick) + "{% endautoescape %}")
	if err != nil {
		return pongoError(jinja.SyntaxErr, err)
	}
	if err := tmpl.ExecuteWriterUnbuffered(vars, clock); err != nil {
		return pongoError(jinja.RuntimeErr, err)
	}
	return nil
}

// noTemplates is a loader that finds nothing.
type noTemplates struct{}

func (noTemplates) Abs(_, name string) string { return name }
func (noTemplates) Get(name string) (io.Reader, error) {
	return nil, fmt.Errorf("there is no template %.100q", name)
}

// pongoSet is made for each rendering: pongo2's isn't for goroutines to share, and its templates change when they run.
func pongoSet(t peering.Template) (*pongo2.TemplateSet, error) {
	if err := registerTick(); err != nil {
		return nil, err
	}
	set := pongo2.NewSet(t.Name, noTemplates{})
	set.Options = &pongo2.Options{TrimBlocks: t.TrimBlocks} // its LStripBlocks takes blanks within lines too
	var errs []error
	for _, name := range pongoRefused {
		errs = append(errs, set.BanTag(name))
	}
	for _, name := range pongoBanned {
		errs = append(errs, set.BanFilter(name))
	}
	return set, errors.Join(errs...)
}

var (
	blanks  = regexp.MustCompile(`(?m)^[ \t]+(\{[%#])`)
	loops   = regexp.MustCompile(`\{%-?\s*for\s(?:[^%]|%[^}])*%\}`)
	refused = regexp.MustCompile(`Usage of (tag|filter) '(\w+)' is not allowed`)
)

// pongoError is an error with its place, and with a remedy for what is refused.
func pongoError(class string, err error) error {
	var failed *pongo2.Error
	if !errors.As(err, &failed) {
		return &jinja.Error{Class: class, Msg: peering.Clip(err.Error(), 300)}
	}
	e := &jinja.Error{Class: class, Line: failed.Line, Column: failed.Column, Msg: peering.Clip(failed.OrigError.Error(), 300)}
	if e.Line == 1 {
		e.Column = max(e.Column-len(unescaped), 1)
	}
	if m := refused.FindStringSubmatch(e.Msg); m != nil {
		e.Class, e.Msg = jinja.SecurityErr, fmt.Sprintf("the %s %q isn't for router templates in pongo2, which can't be stopped: leave it out, or write the template in jinja2", m[1], m[2])
	}
	return e
}

// pongoSize refuses what would nest or grow without end.
func pongoSize(body string) error {
	if len(body) > maxPongoBody {
		return &jinja.Error{Class: jinja.LimitErr, Msg: fmt.Sprintf("a template in pongo2 has at most %d bytes: write it in jinja2", maxPongoBody)}
	}
	for _, sign := range []string{"(", "[", "+", "|", "^"} {
		if strings.Count(body, sign) > maxPongoSigns {
			return &jinja.Error{Class: jinja.LimitErr, Msg: fmt.Sprintf("a template in pongo2 has at most %d of the sign %q: write it in jinja2", maxPongoSigns, sign)}
		}
	}
	for _, tag := range loops.FindAllString(body, -1) {
		if strings.Count(tag, `"`)%2+strings.Count(tag, "'")%2 > 0 {
			return &jinja.Error{Class: jinja.SyntaxErr, Msg: fmt.Sprintf("a loop over a text with %%} in it: %.60q", tag)}
		}
	}
	return nil
}
