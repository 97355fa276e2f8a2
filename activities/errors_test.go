package activities

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.temporal.io/sdk/temporal"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// Temporal takes 2 MiB; what a router or a renderer says may be longer.
func TestWhatAHistoryIsToldIsBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a line that the router doesn't like\n", 100_000)
	for _, err := range []error{errors.New(long), peering.NewError(peering.Invalid, long), peering.Errorf(peering.Unavailable, "read router edge1: %w", errors.New(long))} {
		var told *temporal.ApplicationError
		if !errors.As(fail(err), &told) || len(told.Message()) > textSize+10 {
			t.Errorf("kind %q: %d bytes", peering.KindOf(err), len(told.Message()))
		}
	}
	next, err := stageFailed(&driver.RejectedError{Words: long})
	if err != nil || len(next.Text) > textSize+10 || next.State != peering.DeploymentFailed || !strings.HasSuffix(next.Text, "nothing was written") {
		t.Errorf("rejected: %v, %d bytes, ends %q", err, len(next.Text), next.Text[max(0, len(next.Text)-30):])
	}
	var addresses, reasons []string
	var omitted []peering.Omission
	for i := range 5000 {
		addresses = append(addresses, fmt.Sprintf("2001:db8::%x", i))
		omitted = append(omitted, peering.Omission{Text: fmt.Sprintf("session %d exists", i)})
	}
	reasons = few(addresses)
	if len(reasons) != named+1 || reasons[named] != "and 4980 more" || len(few(addresses[:named])) != named {
		t.Errorf("%d of 5000: %v", len(reasons), reasons)
	}
	if text := leftOut(omitted); len(text) > 1000 || !strings.HasSuffix(text, "and 4980 more") {
		t.Errorf("left out: %d bytes", len(text))
	}
}
