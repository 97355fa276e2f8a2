// Package peeringdb reads PeeringDB's API (version 2) and keeps a mirror of it up
// to date: whole types at first, then what changed since, and single networks on
// demand.
//
// It never writes to PeeringDB, and holds no SQL: the mirror is behind the Store
// interface. An answer that is cut off, truncated, empty or not what was asked
// for is refused as a whole. Start with Syncer in sync.go; Client is the API as
// it behaves, decode.go the reading of an answer, pdbfake a server like it.
package peeringdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"peerflow/internal/peering"
)

// DefaultBaseURL is the public API.
const DefaultBaseURL = "https://www.peeringdb.com/api"

// Client asks PeeringDB. The zero value asks the public API anonymously; a Client
// is used by pointer and may be shared.
type Client struct {
	BaseURL   string // up to and including /api; empty = DefaultBaseURL
	APIKey    string // of a user or an organisation; empty = anonymous
	UserAgent string // must not begin with PeeringDB/, which triggers the server's version check; empty = "peerflow"
	// HTTP gives the transport. Its timeout and redirect policy are not used.
	HTTP *http.Client

	// Pace is the least time between two requests; 0 = 3 s without a key, 2 s with
	// one, which stays under PeeringDB's 20 and 40 requests a minute, and none
	// towards this machine; negative = none.
	Pace time.Duration
	// MaxBody is the most bytes taken of one answer, unpacked; 0 = 256 MiB (the
	// largest type has about 40 MB).
	MaxBody int64
	// Stall is how long the server may stay silent, before or within an answer; 0 = 60 s.
	Stall time.Duration
	// Now tells the time for pace and throttling; nil = time.Now.
	Now func() time.Time

	mu      sync.Mutex
	next    time.Time            // when the next request may start
	blocked map[string]time.Time // by type and query: until when the server has us throttled; "" = for all
}

// Meta is what an answer says about itself. It is complete when the rows have ended.
type Meta struct {
	// Generated is when the server's cache of the answer was built; zero for a live
	// one. Not a cursor: it runs ahead of the rows at times.
	Generated time.Time
	// AuthStatus is authenticated or unauthenticated, empty when the server doesn't
	// tell. The two see different rows of some types.
	AuthStatus string
	Unreadable int64 // rows that could not be used
	// FirstUnreadable says which, and why; empty when all were read.
	FirstUnreadable string
}

const (
	maxRedirects  = 3
	maxAnswerTime = 10 * time.Minute
	maxErrorBody  = 64 << 10

	// A 429 is about all requests of the last minute or about this one request, and
	// doesn't say which.
	throttleAll = time.Minute
)

var errStalled = errors.New("the server stopped answering")

// Fetch asks for a whole type (since zero: rows with status ok only) or for what
// changed at or after since, tombstones included. The caller ends the stream by
// ranging over its rows or with Close.
func (c *Client) Fetch(ctx context.Context, t peering.PDBType, since time.Time) (*Stream, error) {
	query := url.Values{"depth": {"0"}}
	if !since.IsZero() {
		query.Set("since", strconv.FormatInt(since.Unix(), 10))
	}
	return c.fetch(ctx, t, query, func(row peering.PDBRow) error {
		if row.Head().Updated.Unix() < since.Unix() && !since.IsZero() {
			return fmt.Errorf("row %d is older than asked for: the server ignored since", row.Head().ID)
		}
		return nil
	})
}

// fetch sends one request and checks all that can be told before the first row.
// assert sees each readable row: PeeringDB ignores parameters it doesn't know.
func (c *Client) fetch(ctx context.Context, t peering.PDBType, query url.Values, assert func(peering.PDBRow) error) (*Stream, error) {
	if _, ok := kinds[t]; !ok {
		return nil, peering.Errorf(peering.Invalid, "peeringdb type %q is not known", t)
	}
	request := string(t) + "?" + query.Encode()
	if err := c.wait(ctx, t, request); err != nil {
		return nil, err
	}
	call := newCall(ctx, t, c.maxBody(), c.stall())
	resp, err := c.send(call, request)
	if err != nil {
		call.close()
		return nil, err
	}
	call.body = resp.Body
	if err := c.check(call, resp); err != nil {
		call.close()
		c.block(request, RetryAfter(err))
		return nil, err
	}
	meta := &Meta{AuthStatus: resp.Header.Get("X-Auth-Status")}
	reader := &answer{call: call, meta: meta, assert: assert, kind: kinds[t]}
	return &Stream{Rows: reader.rows, Meta: meta, close: call.close}, nil
}

func (c *Client) send(call *call, request string) (*http.Response, error) {
	address := c.base() + "/" + request
	req, err := http.NewRequestWithContext(call.ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, peering.Errorf(peering.Invalid, "peeringdb address: %w", withoutAddress(err))
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.userAgent())
	call.timer.Reset(call.stall)
	resp, err := c.httpClient(req.URL).Do(req)
	call.timer.Stop()
	if err != nil {
		return nil, call.fault(err)
	}
	return resp, nil
}

// check refuses an answer by its status and headers.
func (c *Client) check(call *call, resp *http.Response) error {
	e := &Error{Type: call.typ, Status: resp.StatusCode}
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		e.Fault, e.RetryAfter = Throttled, retryAfter(resp.Header.Get("Retry-After"), c.now())
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		e.Fault = Unauthorized
	case resp.StatusCode >= 500:
		e.Fault = Unavailable
	case resp.StatusCode != http.StatusOK:
		e.Fault = Broken
	case mediaType == "text/html":
		return &Error{Fault: Unavailable, Type: call.typ, Detail: "an HTML page instead of JSON"}
	case mediaType != "application/json":
		return &Error{Fault: Broken, Type: call.typ, Detail: fmt.Sprintf("content type %q instead of JSON", mediaType)}
	case c.APIKey != "" && resp.Header.Get("X-Auth-Status") == "unauthenticated":
		return &Error{Fault: Unauthorized, Type: call.typ, Detail: "the API key was not taken"}
	default:
		return nil
	}
	e.Detail = errorText(io.LimitReader(call, maxErrorBody))
	if e.Status == http.StatusNotFound {
		e.Detail = strings.TrimSuffix(e.Detail, ".") + ": is PEERFLOW_PEERINGDB_URL that of an API (PeeringDB's own is " + DefaultBaseURL + ")?"
	}
	return e
}

// httpClient adds the key to requests for the base's own origin and to no other,
// so that a redirect can't carry it away. net/http alone would hand it to another
// port and to subdomains.
func (c *Client) httpClient(base *url.URL) *http.Client {
	var next http.RoundTripper
	if c.HTTP != nil {
		next = c.HTTP.Transport
	}
	if next == nil {
		next = http.DefaultTransport
	}
	return &http.Client{
		Transport: keyed{next: next, scheme: base.Scheme, host: base.Host, key: c.APIKey},
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fmt.Errorf("more than %d redirects", maxRedirects)
			}
			return nil
		},
	}
}

type keyed struct {
	next              http.RoundTripper
	scheme, host, key string
}

func (k keyed) RoundTrip(req *http.Request) (*http.Response, error) {
	if k.key == "" || req.URL.Scheme != k.scheme || req.URL.Host != k.host {
		return k.next.RoundTrip(req)
	}
	withKey := req.Clone(req.Context())
	withKey.Header.Set("Authorization", "Api-Key "+k.key)
	return k.next.RoundTrip(withKey)
}

// wait keeps the pace, and fails at once while PeeringDB has us throttled: asking
// again would only prolong it.
func (c *Client) wait(ctx context.Context, t peering.PDBType, request string) error {
	c.mu.Lock()
	now := c.now()
	left := max(c.blocked[""].Sub(now), c.blocked[request].Sub(now))
	if left > 0 {
		c.mu.Unlock()
		return &Error{Fault: Throttled, Type: t, RetryAfter: left, Detail: "still throttled by an earlier answer; not asked"}
	}
	start := now
	if c.next.After(now) {
		start = c.next
	}
	c.next = start.Add(c.pace())
	c.mu.Unlock()
	timer := time.NewTimer(start.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// block keeps a throttled request back for as long as the server said, and all
// others for the period of the general limit.
func (c *Client) block(request string, d time.Duration) {
	if d == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	maps.DeleteFunc(c.blocked, func(_ string, until time.Time) bool { return until.Before(now) })
	if c.blocked == nil {
		c.blocked = map[string]time.Time{}
	}
	c.blocked[""], c.blocked[request] = now.Add(min(d, throttleAll)), now.Add(d)
}

func (c *Client) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

func (c *Client) pace() time.Duration {
	switch {
	case c.Pace < 0:
		return 0
	case c.Pace > 0:
		return c.Pace
	case loopback(c.base()):
		return 0
	case c.APIKey != "":
		return 2 * time.Second // the documentation's own advice
	}
	return 3 * time.Second
}

// loopback tells a server on this machine, which needs no sparing.
func loopback(base string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && addr.IsLoopback()
}

func (c *Client) base() string {
	if c.BaseURL == "" {
		return DefaultBaseURL
	}
	return strings.TrimRight(c.BaseURL, "/")
}

func (c *Client) userAgent() string {
	if c.UserAgent == "" {
		return "peerflow"
	}
	return c.UserAgent
}

func (c *Client) maxBody() int64 {
	if c.MaxBody == 0 {
		return 256 << 20
	}
	return c.MaxBody
}

func (c *Client) stall() time.Duration {
	if c.Stall == 0 {
		return time.Minute
	}
	return c.Stall
}
