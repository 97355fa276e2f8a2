package cmd

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"peerflow/api"
	"peerflow/internal/peering"
)

// Client speaks to peerflow's API.
type Client struct {
	URL   string // http://127.0.0.1:8480
	Token string
	HTTP  *http.Client // nil: one that waits half a minute
}

// unreachable is when nobody answers; the address may hold no token.
type unreachable struct{ url string }

func (u unreachable) Error() string {
	return "no peerflow answers at " + u.url + ": is it running, and is --api (PEERFLOW_API) right?"
}

var defaultHTTP = &http.Client{Timeout: 30 * time.Second}

// call sends one request; in and out may be nil. A refusal is an *api.Problem.
func (c *Client) call(ctx context.Context, method, path string, in, out any, headers ...string) error {
	req, err := c.request(ctx, method, path, in, headers...)
	if err != nil {
		return err
	}
	return c.send(req, out)
}

func (c *Client) request(ctx context.Context, method, path string, in any, headers ...string) (*http.Request, error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+path, body)
	if err != nil {
		return nil, fmt.Errorf("%s is no address of an API: %w", c.URL, err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	req.Header.Set("User-Agent", api.CLIAgent+Version())
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return req, nil
}

func (c *Client) send(req *http.Request, out any) error {
	res, err := c.do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return unreachable{c.URL}
	}
	if out == nil || len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, out)
}

// do sends a request; an answer that refuses is an error.
func (c *Client) do(req *http.Request) (*http.Response, error) {
	client := c.HTTP
	if client == nil {
		client = defaultHTTP
	}
	res, err := client.Do(req)
	if err != nil {
		if ended := req.Context().Err(); ended != nil {
			return nil, ended
		}
		return nil, unreachable{c.URL}
	}
	if res.StatusCode < 400 {
		return res, nil
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, unreachable{c.URL}
	}
	return nil, problemOf(res.StatusCode, text)
}

// problemOf reads a refusal, with what it says of single fields.
func problemOf(status int, text []byte) error {
	var p api.Problem
	if json.Unmarshal(text, &p) != nil || p.Detail == "" {
		p.Detail = http.StatusText(status)
	}
	var fields []string
	for _, e := range p.Errors {
		fields = append(fields, fmt.Sprintf("%s: %s", strings.TrimPrefix(e.Location, "body."), e.Message))
	}
	if len(fields) > 0 { // they say more than that something doesn't fit
		p.Detail = strings.Join(fields, "; ")
	}
	p.Status = status
	return &p
}

// fresh is an Idempotency-Key for a request that a person typed once.
func fresh() string { return rand.Text() }

// Wish is what `peer` asks for.
type Wish struct {
	ASN            uint32  `json:"asn"`
	ExchangeIDs    []int64 `json:"exchange_ids,omitempty"`
	AllPorts       bool    `json:"all_ports,omitempty"`
	IncludePending bool    `json:"include_pending,omitempty"`
	Reason         string  `json:"reason,omitempty"`
}

// Peer opens the change that brings up sessions with a network.
func (c *Client) Peer(ctx context.Context, w Wish) (change peering.Change, err error) {
	err = c.call(ctx, http.MethodPost, "/api/v1/peerings", w, &change, "Idempotency-Key", fresh())
	return change, err
}

// OpenChange opens a change of another kind: its body as POST /api/v1/changes takes it.
func (c *Client) OpenChange(ctx context.Context, body any) (change peering.Change, err error) {
	err = c.call(ctx, http.MethodPost, "/api/v1/changes", body, &change, "Idempotency-Key", fresh())
	return change, err
}

// Change reads one change.
func (c *Client) Change(ctx context.Context, id int64) (change peering.Change, err error) {
	err = c.call(ctx, http.MethodGet, changePath(id), nil, &change)
	return change, err
}

func changePath(id int64, rest ...string) string {
	return "/api/v1/changes/" + strconv.FormatInt(id, 10) + strings.Join(rest, "")
}

// Plan reads a change's plan in force, diffs included.
func (c *Client) Plan(ctx context.Context, id int64) (plan api.PlanView, err error) {
	err = c.call(ctx, http.MethodGet, changePath(id, "/plan"), nil, &plan)
	return plan, err
}

// Deployments reads what a change does on its routers.
func (c *Client) Deployments(ctx context.Context, id int64) ([]api.DeploymentView, error) {
	return list[api.DeploymentView](ctx, c, changePath(id, "/deployments"))
}

// Decide approves or rejects a plan by its hash.
func (c *Client) Decide(ctx context.Context, id int64, d peering.Decision, planHash, reason string) (result peering.VoteResult, err error) {
	err = c.call(ctx, http.MethodPost, changePath(id, "/", string(d)), map[string]string{"plan": planHash, "reason": reason}, &result)
	return result, err
}

// Command tells a change to cancel, roll-back, confirm-now, resolve or revoke.
func (c *Client) Command(ctx context.Context, id int64, verb, reason string) (command peering.Command, err error) {
	err = c.call(ctx, http.MethodPost, changePath(id, "/", verb), map[string]string{"reason": reason}, &command)
	return command, err
}

// Sessions lists sessions by filters, e.g. "peer_asn", "64501".
func (c *Client) Sessions(ctx context.Context, filters ...string) ([]api.SessionView, error) {
	return list[api.SessionView](ctx, c, "/api/v1/sessions"+query(filters...))
}

func query(pairs ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			values.Add(pairs[i], pairs[i+1])
		}
	}
	if len(values) == 0 {
		return ""
	}
	return "?" + values.Encode()
}

// list reads every page of a list.
func list[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	return first[T](ctx, c, 0, path)
}

// first reads pages until it has so many records; 0 is all. Lists that have more than one page
// take a limit, others refuse it: all pages but the first are as large as they may be.
func first[T any](ctx context.Context, c *Client, most int, path string) ([]T, error) {
	all := []T{}
	for cursor := ""; ; {
		var page struct {
			Items []T    `json:"items"`
			Next  string `json:"next"`
		}
		at := path
		if cursor != "" {
			at += map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")] + "limit=1000&cursor=" + url.QueryEscape(cursor)
		}
		if err := c.call(ctx, http.MethodGet, at, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if most > 0 && len(all) >= most {
			return all[:most], nil
		}
		if cursor = page.Next; cursor == "" {
			return all, nil
		}
	}
}

// only is the single record that a list has by these filters; what names it for people.
func only[T any](ctx context.Context, c *Client, what, path string) (found T, err error) {
	items, err := list[T](ctx, c, path)
	switch {
	case err != nil:
		return found, err
	case len(items) == 0:
		return found, peering.Errorf(peering.NotFound, "there is no %s", what)
	case len(items) > 1:
		return found, peering.Errorf(peering.Invalid, "%d records fit %s: give the id", len(items), what)
	}
	return items[0], nil
}

// refusalOf is the status of a refusal, 0 for another error.
func refusalOf(err error) int {
	var p *api.Problem
	if errors.As(err, &p) {
		return p.Status
	}
	return 0
}
