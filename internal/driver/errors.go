package driver

import (
	"peerflow/internal/peering"
)

// Errors that every driver gives for the same situation; match with errors.Is.
// None of them ever holds a line of configuration.
var (
	ErrFenced      = peering.NewError(peering.Conflict, "a newer attempt has taken over this router")
	ErrPending     = peering.NewError(peering.Conflict, "another commit waits for its confirmation on this router")
	ErrNotPending  = peering.NewError(peering.Conflict, "this deployment's commit is not pending on the router")
	ErrLocked      = peering.NewError(peering.Conflict, "another session holds the router's configuration")
	ErrHostKey     = peering.NewError(peering.Denied, "the router's host key or certificate is not the recorded one: check who answers there, then record the new one")
	ErrLogin       = peering.NewError(peering.Denied, "the router refused the login: check its username and credential")
	ErrReopens     = peering.NewError(peering.Conflict, "a commit would open what was closed on the router meanwhile: enable it, or close it in the configuration, then ask for the change again")
	ErrUnreachable = peering.NewError(peering.Unavailable, "the router can't be reached")
	ErrAnswered    = peering.NewError(peering.Unavailable, "the router answered with an error")
	ErrReadOnly    = peering.NewError(peering.Denied, "this router is in mode observe: nothing is written to it")
	ErrNoInclude   = peering.NewError(peering.Invalid, "the router's main configuration doesn't include the part that peerflow owns")
)

// RejectedError is a router's refusal of a candidate, with its own words,
// which the driver has cleared of secrets.
type RejectedError struct{ Words string }

func (e *RejectedError) Error() string { return "the router refuses the configuration: " + e.Words }

// Unwrap makes a rejection an invalid input: it is never retried.
func (e *RejectedError) Unwrap() error { return peering.KindError(peering.Invalid) }
