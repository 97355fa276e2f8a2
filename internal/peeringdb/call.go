package peeringdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"sync"
	"time"

	"peerflow/internal/peering"
)

// call is one request's body: capped in size, given up when the server stalls,
// and closed once.
type call struct {
	ctx    context.Context
	cancel func()
	timer  *time.Timer
	typ    peering.PDBType
	body   io.ReadCloser
	max    int64
	stall  time.Duration
	read   int64
	once   sync.Once
}

// newCall has its own context, for the stall timer must reach a server that never
// answers.
func newCall(ctx context.Context, t peering.PDBType, most int64, stall time.Duration) *call {
	ctx, cancelTimeout := context.WithTimeoutCause(ctx, maxAnswerTime, errStalled)
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(stall, func() { cancel(errStalled) })
	timer.Stop()
	end := func() {
		timer.Stop()
		cancel(context.Canceled)
		cancelTimeout()
	}
	return &call{ctx: ctx, cancel: end, timer: timer, typ: t, max: most, stall: stall}
}

// Read runs the stall timer only while it waits for the server: a slow consumer
// is no stalled server.
func (c *call) Read(p []byte) (int, error) {
	c.timer.Reset(c.stall)
	n, err := c.body.Read(p)
	c.timer.Stop()
	c.read += int64(n)
	if c.read > c.max {
		return n, &Error{Fault: Broken, Type: c.typ, Detail: fmt.Sprintf("the answer is larger than %d bytes", c.max)}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, c.fault(err)
	}
	return n, err
}

// fault tells the caller's own cancellation from a server that is out of reach.
func (c *call) fault(err error) error {
	cause := context.Cause(c.ctx)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return &Error{Fault: Broken, Type: c.typ, Detail: "the answer was cut off", Err: err}
	}
	if cause != nil && !errors.Is(cause, errStalled) {
		return cause
	}
	if cause != nil {
		err = cause
	}
	return &Error{Fault: Unavailable, Type: c.typ, Err: withoutAddress(err)}
}

// withoutAddress drops the URL, which may hold a password.
func withoutAddress(err error) error {
	var withAddress *url.Error
	if errors.As(err, &withAddress) {
		return withAddress.Err
	}
	return err
}

func (c *call) close() {
	c.once.Do(func() {
		if c.body != nil {
			_ = c.body.Close() // nothing was written: no error here matters
		}
		c.cancel()
	})
}
