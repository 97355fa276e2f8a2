package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"peerflow/internal/peering"
)

// statuses is what each kind of error means over HTTP.
var statuses = map[peering.Kind]int{
	peering.NotFound:    http.StatusNotFound,
	peering.Conflict:    http.StatusConflict,
	peering.Invalid:     http.StatusUnprocessableEntity,
	peering.Denied:      http.StatusForbidden,
	peering.Unsupported: http.StatusUnprocessableEntity,
	peering.Unavailable: http.StatusServiceUnavailable,
	peering.Stale:       http.StatusPreconditionFailed,
}

// Problem is an error as RFC 9457 writes it.
type Problem struct {
	Type      string       `json:"type,omitempty"`
	Title     string       `json:"title"`
	Status    int          `json:"status"`
	Detail    string       `json:"detail"` // names the thing and the remedy; never a secret
	Kind      peering.Kind `json:"kind,omitempty"`
	RequestID string       `json:"request_id,omitempty"`
	Errors    []FieldError `json:"errors,omitempty"`
}

// FieldError is one finding on one field. The value that was sent isn't given
// back: it may be a password.
type FieldError struct {
	Location string `json:"location" doc:"where, such as body.reason"`
	Message  string `json:"message"`
}

func (p *Problem) Error() string { return p.Detail }

// GetStatus is huma's way to ask.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is RFC 9457's.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

func newProblem(status int, kind peering.Kind, detail string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: detail, Kind: kind}
}

// again is when to try once more what can't be done now (Retry-After, RFC 9110 §10.2.3; seconds).
const again = "5"

// GetHeaders is huma's way to ask.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", again)
	}
	return h
}

// problemOf translates an error. One without a kind is ours: it is logged, and the
// caller gets the request's id alone. So is the cause of one that hides it.
func problemOf(ctx context.Context, log *slog.Logger, err error) *Problem {
	var p *Problem
	if !errors.As(err, &p) {
		p = translate(ctx, log, err)
	}
	var bulk *peering.BulkError
	if errors.As(err, &bulk) {
		for _, item := range bulk.Items {
			p.Errors = append(p.Errors, FieldError{Location: fmt.Sprintf("body[%d]", item.Index), Message: item.Err.Error()})
		}
	}
	p.RequestID = requestID(ctx)
	return p
}

func translate(ctx context.Context, log *slog.Logger, err error) *Problem {
	kind := peering.KindOf(err)
	if cause := peering.CauseOf(err); cause != nil && kind == peering.Unavailable {
		log.Warn("request refused", "request", requestID(ctx), "error", err, "cause", cause)
	}
	if status, known := statuses[kind]; known {
		return newProblem(status, kind, err.Error())
	}
	log.Error("request failed", "request", requestID(ctx), "error", err)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return newProblem(http.StatusServiceUnavailable, peering.Unavailable, "this took too long: try again")
	}
	return newProblem(http.StatusInternalServerError, "", "something went wrong here; the server's log has it under request "+requestID(ctx))
}

// withoutValues turns what huma found wrong with a request into a problem: its
// own kind of error repeats what was sent.
func withoutValues(ctx huma.Context, _ string, v any) (any, error) {
	found, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := newProblem(found.Status, peering.Invalid, found.Detail)
	p.RequestID = requestID(ctx.Context())
	for _, e := range found.Errors {
		p.Errors = append(p.Errors, FieldError{Location: e.Location, Message: e.Message})
		if e.Location == "header."+idempotencyKey {
			p.Detail = idempotencyRemedy + ": " + e.Message
			p.Errors[len(p.Errors)-1].Message = p.Detail
		}
	}
	return p, nil
}

// writeProblem is for what happens before huma has the request.
func writeProblem(w http.ResponseWriter, r *http.Request, p *Problem) {
	p.RequestID = requestID(r.Context())
	maps.Copy(w.Header(), p.GetHeaders())
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client is gone, or it has it
}
