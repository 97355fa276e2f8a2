package activities

import (
	"errors"

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

// fail hands an error to Temporal: the kind becomes the failure's type, and
// kinds that trying again can't help are not retried. Errors hold no secret and
// no line of configuration, by the drivers' and renderer's promise.
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
		return temporal.NewNonRetryableApplicationError(err.Error(), string(kind), nil)
	}
	return temporal.NewApplicationError(err.Error(), string(kind))
}
