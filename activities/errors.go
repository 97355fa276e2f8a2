package activities

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"

	"peerflow/internal/peering"
)

// retryable says for each kind whether trying again may help.
var retryable = map[peering.Kind]bool{
	peering.NotFound:    false,
	peering.Conflict:    false,
	peering.Invalid:     false,
	peering.Denied:      false,
	peering.Unsupported: false,
	peering.Stale:       false,
	peering.Unavailable: true,
}

// patient is an error of a service that says when to ask it again; 0 when it doesn't.
type patient interface{ AskAgainIn() time.Duration }

// What a history is told: so many of many things by name, and texts of so many
// bytes. The rest is in the database.
const (
	named    = 20
	textSize = 4 << 10
)

// fail hands an error to Temporal: the kind becomes the failure's type, kinds
// that trying again can't help are not retried, and a service that names a pause
// gets it in place of the retry policy's. Errors hold no secret and no line of
// configuration, by the drivers' and renderer's promise.
func fail(err error) error {
	if err == nil {
		return nil
	}
	var already *temporal.ApplicationError
	if errors.As(err, &already) {
		return err
	}
	kind := peering.KindOf(err)
	if again, known := retryable[kind]; known && !again {
		return temporal.NewNonRetryableApplicationError(peering.Clip(err.Error(), textSize), string(kind), nil)
	}
	options := temporal.ApplicationErrorOptions{}
	var p patient
	if errors.As(err, &p) {
		options.NextRetryDelay = p.AskAgainIn()
	}
	return temporal.NewApplicationErrorWithOptions(peering.Clip(err.Error(), textSize), string(kind), options)
}
