package peeringdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"peerflow/internal/peering"
)

// Fault is the way in which PeeringDB failed us.
type Fault string

const (
	Throttled    Fault = "throttled"    // ask again after RetryAfter, not before
	Unauthorized Fault = "unauthorized" // the key is wrong or was not taken
	Unavailable  Fault = "unavailable"  // out of reach, 5xx, an HTML page, silence
	Broken       Fault = "broken"       // an answer that must not be used
)

// Error is a failed request or a refused answer. It holds neither key nor address.
type Error struct {
	Fault      Fault
	Type       peering.PDBType
	Status     int           // HTTP; 0 when there was no answer, or when its content was refused
	RetryAfter time.Duration // of Throttled; at least a second
	Detail     string
	Err        error
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "peeringdb %s: %s", e.Type, e.Fault)
	if e.Status != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", e.Status)
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, ", again in %s", e.RetryAfter.Round(time.Second))
	}
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap gives the domain's kind too: a wrong key is denied, all else may pass.
func (e *Error) Unwrap() []error {
	kind := peering.Unavailable
	if e.Fault == Unauthorized {
		kind = peering.Denied
	}
	if e.Err == nil {
		return []error{peering.KindError(kind)}
	}
	return []error{peering.KindError(kind), e.Err}
}

// AskAgainIn is RetryAfter of a throttled request, and 0 of every other error.
func (e *Error) AskAgainIn() time.Duration {
	if e.Fault != Throttled {
		return 0
	}
	return e.RetryAfter
}

// FaultOf is the fault of a PeeringDB error in the chain, or "".
func FaultOf(err error) Fault {
	var e *Error
	if errors.As(err, &e) {
		return e.Fault
	}
	return ""
}

// RetryAfter is how long a throttled error asks to wait; 0 for every other error.
func RetryAfter(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.AskAgainIn()
	}
	return 0
}

// retryAfter reads the header (RFC 9110 §10.2.3: seconds or a date). Without a
// usable one a minute is assumed, the period of PeeringDB's shortest limit.
func retryAfter(header string, now time.Time) time.Duration {
	d := time.Minute
	if seconds, err := strconv.Atoi(strings.TrimSpace(header)); err == nil {
		d = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, time.Second), 24*time.Hour)
}

// errorText is the server's own explanation, if the body is JSON and has one.
func errorText(body io.Reader) string {
	var envelope struct {
		Meta struct {
			Error string `json:"error"`
		} `json:"meta"`
	}
	if json.NewDecoder(body).Decode(&envelope) != nil {
		return ""
	}
	return clip(envelope.Meta.Error)
}

// clip keeps a server's text on one line and short.
func clip(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}
