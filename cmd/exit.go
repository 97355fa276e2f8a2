package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"peerflow/internal/peering"
)

// Exit codes, so that scripts can tell what happened.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitRefused     = 3 // denied, rejected, or in conflict with what is recorded
	exitNotFound    = 4
	exitNotDeployed = 5 // the change was rolled back or failed
	exitWaiting     = 6 // configured here; the other side isn't there yet
	exitUnavailable = 7
)

// ended is an exit code with what is left to say; err nil: it was said.
type ended struct {
	code int
	err  error
}

func (e ended) Error() string {
	if e.err == nil {
		return "ended"
	}
	return e.err.Error()
}

func (e ended) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return ended{exitUsage, peering.Errorf(peering.Invalid, format, args...)}
}

// exitCode is what an error means to a script.
func exitCode(err error) int {
	var e ended
	var u unreachable
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &e):
		return e.code
	case errors.As(err, &u):
		return exitUnavailable
	case errors.Is(err, context.Canceled):
		return exitFailure
	}
	switch refusalOf(err) {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict, http.StatusPreconditionFailed:
		return exitRefused
	case http.StatusNotFound:
		return exitNotFound
	case http.StatusUnprocessableEntity:
		return exitUsage
	case http.StatusServiceUnavailable:
		return exitUnavailable
	}
	switch peering.KindOf(err) {
	case peering.NotFound:
		return exitNotFound
	case peering.Denied, peering.Conflict, peering.Stale:
		return exitRefused
	case peering.Unavailable:
		return exitUnavailable
	}
	return exitFailure
}

// goesOn says after an interrupt that the change isn't one.
func goesOn(err error, changeID int64) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	return ended{exitFailure, fmt.Errorf("change %d goes on by itself: peerflow change watch %d follows it, peerflow change cancel %d ends it", changeID, changeID, changeID)}
}

// stateCode is what a change's end means to a script.
func stateCode(s peering.ChangeState) int {
	if s == peering.ChangeCompleted {
		return exitOK
	}
	if s == peering.ChangeRejected || s == peering.ChangeCancelled {
		return exitRefused
	}
	return exitNotDeployed
}
