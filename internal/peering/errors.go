package peering

import (
	"errors"
	"fmt"
)

// Kind is what an error means to the one who gets it. Each edge translates it
// once: to an HTTP status, to retryable or not, to an exit code.
type Kind string

const (
	NotFound    Kind = "not_found"
	Conflict    Kind = "conflict"
	Invalid     Kind = "invalid"
	Denied      Kind = "denied"
	Unsupported Kind = "unsupported"
	Unavailable Kind = "unavailable"
	Stale       Kind = "stale" // the row changed since it was read (If-Match)
)

// Error is a domain error: a kind and a text that names the thing and the remedy.
// It never holds a secret, nor a line of configuration.
type Error struct {
	Kind Kind
	Text string
	Err  error // cause, may be nil
}

func (e *Error) Error() string {
	if e.Err == nil {
		return e.Text
	}
	if e.Text == "" {
		return e.Err.Error()
	}
	return e.Text + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// NewError is a domain error without arguments, fit for a package variable.
func NewError(k Kind, text string) error { return &Error{Kind: k, Text: text} }

// Errorf is a domain error; %w wraps as in fmt.Errorf.
func Errorf(k Kind, format string, args ...any) error {
	return &Error{Kind: k, Err: fmt.Errorf(format, args...)}
}

// hidden is a domain error with a cause that its text leaves out.
type hidden struct {
	shown Error
	cause error
}

func (h *hidden) Error() string { return h.shown.Text }
func (h *hidden) Unwrap() error { return &h.shown }

// Hide is a domain error for an error whose own text isn't everybody's: a
// driver's names hosts, users and files. Logs get at it with CauseOf.
func Hide(k Kind, text string, cause error) error {
	return &hidden{shown: Error{Kind: k, Text: text}, cause: cause}
}

// CauseOf is what Hide left out, or nil.
func CauseOf(err error) error {
	var h *hidden
	if errors.As(err, &h) {
		return h.cause
	}
	return nil
}

// KindError is the bare kind, for types that unwrap to it.
func KindError(k Kind) error { return &Error{Kind: k, Text: string(k)} }

// KindOf is the kind of the outermost domain error in the chain, or "" when there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

// ErrFrozen is the cause of a refusal that ends by itself once the freeze is lifted.
var ErrFrozen = NewError(Denied, "frozen")

// ErrShutting is the cause of a refusal that ends by itself once the export guard
// has shut a session on the router.
var ErrShutting = NewError(Denied, "the export guard shuts a session")

// ErrUnapproved is the cause of a refusal that ends once enough people approve:
// votes are missing, were taken back, or no longer count.
var ErrUnapproved = NewError(Denied, "not approved")
