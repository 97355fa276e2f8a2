package jinja

import (
	"errors"
	"fmt"
	"strings"
)

// The classes of errors, named as Python and Jinja2 name them, because template authors know those names.
const (
	SyntaxErr      = "TemplateSyntaxError"
	AssertionErr   = "TemplateAssertionError"
	RuntimeErr     = "TemplateRuntimeError"
	NotFoundErr    = "TemplateNotFound"
	NoneFoundErr   = "TemplatesNotFound"
	UndefinedErr   = "UndefinedError"
	SecurityErr    = "SecurityError"
	FilterErr      = "FilterArgumentError"
	TypeErr        = "TypeError"
	ValueErr       = "ValueError"
	KeyErr         = "KeyError"
	IndexErr       = "IndexError"
	AttributeErr   = "AttributeError"
	OverflowErr    = "OverflowError"
	DivisionErr    = "ZeroDivisionError"
	RecursionErr   = "RecursionError"
	PythonRunErr   = "RuntimeError"
	UnicodeErr     = "UnicodeEncodeError"
	LookupErr      = "LookupError"
	PySyntaxErr    = "SyntaxError"
	LimitErr       = "LimitError"       // one of Limits was reached; Jinja2 has no such class
	CancelledErr   = "CancelledError"   // the context ended; Unwrap gives its cause
	HostErr        = "HostError"        // a filter, tag or function of the host failed; Unwrap gives its error
	InternalErr    = "InternalError"    // a fault of this package
	OpaqueErr      = "OpaqueValueError" // something else than printing was tried on an Opaque value
	maxShownCalls  = 8                  // of Stack, innermost first
	maxShownDetail = 400                // bytes of a message, so that data in it stays short
)

// Error says what went wrong and where. Of the template's text it holds one expression at most.
type Error struct {
	Class    string // one of the constants above
	Template string // name given to Parse, or the loader's name of an included one
	Line     int    // 1-based; 0 when unknown
	Column   int    // 1-based, in bytes; 0 when unknown
	Msg      string
	// Expression is the tag of the fault on one line, without what it has in quotes: {{ x | map(attribute='…') }}. At
	// most 100 characters; "" when unknown.
	Expression string
	Stack      []Call // from the outermost caller inwards; empty when the fault lies in the template itself
	cause      error
}

// Call is one step of the way to an error: an include, an import, a block or a macro, and where it was entered.
type Call struct {
	What     string // such as "macro neighbor" or "include"
	Template string
	Line     int
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Template != "" {
		fmt.Fprintf(&b, "%s: ", e.Template)
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d", e.Line)
		if e.Column > 0 {
			fmt.Fprintf(&b, ", column %d", e.Column)
		}
		b.WriteString(": ")
	}
	fmt.Fprintf(&b, "%s: %s", e.Class, e.Msg)
	if e.Expression != "" {
		fmt.Fprintf(&b, " (in %s)", e.Expression)
	}
	for i := len(e.Stack) - 1; i >= 0; i-- {
		if i < len(e.Stack)-maxShownCalls {
			fmt.Fprintf(&b, " (and %d more)", i+1)
			break
		}
		fmt.Fprintf(&b, " (in %s, from %s line %d)", e.Stack[i].What, e.Stack[i].Template, e.Stack[i].Line)
	}
	return b.String()
}

// Unwrap gives the host's or the context's error, if one is the cause.
func (e *Error) Unwrap() error { return e.cause }

// Errorf makes an error of the given class for a filter, test or function of the host to return.
func Errorf(class, format string, args ...any) error {
	return &Error{Class: class, Msg: fmt.Sprintf(format, args...)}
}

// throw ends the rendering. Panics of *Error stay inside this package: Render and Parse turn them into errors.
func throw(class, format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	if len(msg) > maxShownDetail {
		msg = strings.ToValidUTF8(msg[:maxShownDetail], "") + "…"
	}
	panic(&Error{Class: class, Msg: msg})
}

// asError turns a recovered panic into an *Error. A runtime fault of this package becomes InternalErr, so that
// a hostile template can't take the process down.
func asError(recovered any) *Error {
	switch e := recovered.(type) {
	case *Error:
		return e
	case error:
		return &Error{Class: InternalErr, Msg: e.Error()}
	}
	return &Error{Class: InternalErr, Msg: fmt.Sprint(recovered)}
}

// hostError keeps an *Error's class and wraps anything else as HostErr.
func hostError(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		copied := *own
		return &copied
	}
	return &Error{Class: HostErr, Msg: err.Error(), cause: err}
}
