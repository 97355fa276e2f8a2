package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"peerflow/internal/peering"
	"peerflow/internal/temporalauth"
	"peerflow/standalone/up"
	"peerflow/workflows"
)

// Pages of others, names of others and strangers on every socket that peerflow
// opens get nothing, and what reaches our own door is in the audit.
func TestTheDoorsLetNobodyElseIn(t *testing.T) {
	var before []netip.AddrPort
	s := siege{scene: stage(t, 0, func(*up.Options) { before = listening(t) })}
	s.change = s.provision(knownAS, "wanted")
	s.foreign = s.change
	s.before = s.look()
	opened := slices.DeleteFunc(listening(t), func(a netip.AddrPort) bool { return slices.Contains(before, a) })
	for _, attack := range []struct {
		name string
		try  func(siege)
	}{
		{"peerflow listens where its documents say", func(s siege) { s.sockets(opened) }},
		{"strangers on every socket", func(s siege) { s.knock(opened) }},
		{"pages and names of others", siege.pages},
	} {
		t.Run(attack.name, func(t *testing.T) {
			part := s
			part.scene = s.in(t)
			attack.try(part)
			part.held()
		})
	}
}

// listening lists the TCP sockets on which this process and those it started listen, as the kernel has them.
func listening(t *testing.T) []netip.AddrPort {
	t.Helper()
	ours := map[string]bool{} // by inode
	for _, pid := range processes(t) {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid)) // it may have ended
		for _, file := range files {
			if target, err := os.Readlink(file); err == nil && strings.HasPrefix(target, "socket:[") {
				ours[strings.Trim(target, "socket:[]")] = true
			}
		}
	}
	var found []netip.AddrPort
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			const listen = "0A"
			if len(f) > 9 && f[3] == listen && ours[f[9]] {
				found = append(found, kernelAddr(t, f[1]))
			}
		}
	}
	return found
}

// processes are this process and all below it.
func processes(t *testing.T) []int {
	t.Helper()
	pids := []int{os.Getpid()}
	for i := 0; i < len(pids); i++ {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pids[i]))
		for _, task := range tasks {
			text, _ := os.ReadFile(task) // it may have ended
			for _, child := range strings.Fields(string(text)) {
				pid, err := strconv.Atoi(child)
				if err != nil {
					t.Fatal(err)
				}
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// kernelAddr reads 0100007F:1F90, words of four bytes in the machine's order, which is little-endian wherever this runs.
func kernelAddr(t *testing.T, text string) netip.AddrPort {
	t.Helper()
	address, port, _ := strings.Cut(text, ":")
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		t.Fatal(err)
	}
	var raw []byte
	for word := range slices.Chunk([]byte(address), 8) {
		v, err := strconv.ParseUint(string(word), 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		raw = append(raw, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
	}
	a, ok := netip.AddrFromSlice(raw)
	if !ok {
		t.Fatal(text)
	}
	return netip.AddrPortFrom(a, uint16(n))
}

func (s siege) api() netip.AddrPort {
	return netip.MustParseAddrPort(strings.TrimPrefix(s.URL, "http://"))
}

// sockets holds what was opened against docs/architecture.md: the API, Temporal's
// frontend, and the four ports between its services; PostgreSQL has none.
func (s siege) sockets(opened []netip.AddrPort) {
	internal := 0
	for _, a := range opened {
		if !a.Addr().IsLoopback() {
			s.t.Errorf("%s isn't on loopback", a)
		}
		switch {
		case a == s.api(), a.String() == s.TemporalAddress():
		case a.Port() >= 20000 && a.Port() < 32000:
			internal++
		default:
			s.t.Errorf("nothing is documented to listen on %s", a)
		}
	}
	if len(opened) != 6 || internal < 4 {
		s.t.Errorf("listening on %v: want the API %s, Temporal %s and four between its services", opened, s.api(), s.TemporalAddress())
	}
}

// knock speaks HTTP, and Temporal's language with whatever a stranger may have, to every socket but the API's.
func (s siege) knock(opened []netip.AddrPort) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	start := func(c client.Client) error {
		limited, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		_, err := c.ExecuteWorkflow(limited, client.StartWorkflowOptions{ID: "deployment/1", TaskQueue: workflows.ControlQueue}, workflows.DeployRouter, workflows.DeployRouterInput{Deployment: 1})
		return err
	}
	ways := map[string]client.Options{
		"nothing":                     {},
		"a token of our API":          {HeadersProvider: temporalauth.Headers(s.Token)},
		"the secret and no key":       {HeadersProvider: temporalauth.Headers(s.secret())},
		"a certificate of its own":    {ConnectionOptions: client.ConnectionOptions{TLS: strangersTLS(s.t)}},
		"its certificate and a token": {ConnectionOptions: client.ConnectionOptions{TLS: strangersTLS(s.t)}, HeadersProvider: temporalauth.Headers(s.secret())},
	}
	for _, a := range opened {
		if a == s.api() {
			continue
		}
		frontend := a.String() == s.TemporalAddress()
		for what, o := range ways {
			if frontend && what == "the secret and no key" {
				continue // who has that is let in: see the hostile poller
			}
			o.HostPort, o.Logger = a.String(), silent{}
			c, err := client.NewLazyClient(o)
			s.must(err)
			err = start(c)
			c.Close()
			var denied *serviceerror.PermissionDenied
			if err == nil || frontend && o.ConnectionOptions.TLS == nil && !errors.As(err, &denied) {
				s.t.Errorf("%s with %s: %v", a, what, err)
			}
		}
		path := "http://" + a.String() + "/api/v1/namespaces/default/workflows/" + url.PathEscape(workflowOf(s.change)) + "/signal/" + workflows.SignalLookAgain
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader("{}"))
		s.must(err)
		req.Header.Set("Authorization", "Bearer "+s.secret())
		res, err := (&http.Client{Timeout: 5 * time.Second}).Do(req)
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode < 400 {
				s.t.Errorf("%s speaks HTTP: %s", a, res.Status)
			}
		}
	}
}

// strangersTLS trusts anybody and shows a certificate that nobody knows.
func strangersTLS(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// The names of the real one are no secret.
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "peerflow-temporal-internal"}, DNSNames: []string{"peerflow-temporal-internal"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// ask sends what a browser or a program might; headers come in pairs.
func (s siege) ask(method, path, body string, headers ...string) (int, http.Header) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, s.URL+path, strings.NewReader(body))
	s.must(err)
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	c := http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.Do(req)
	s.must(err)
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	s.must(err)
	return res.StatusCode, res.Header
}

// pages tries what somebody can do who has the administrator's browser open a page, or a name point at us.
func (s siege) pages() {
	status, header := s.ask("POST", "/login", "token="+url.QueryEscape(s.Token), "Content-Type", "application/x-www-form-urlencoded", "Origin", s.URL)
	if status != http.StatusSeeOther {
		s.t.Fatalf("the administrator's own login: %d", status)
	}
	cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
	approve := fmt.Sprintf("/api/v1/changes/%d/approve", s.change.ID)
	vote := fmt.Sprintf(`{"plan": %q}`, s.change.PlanHash)
	temporal := "/temporal/api/v1/namespaces/default/workflows/" + url.PathEscape(workflowOf(s.change))
	decision := fmt.Sprintf(`{"decision": "approve", "plan": %q}`, s.change.PlanHash[:8])
	bearer := "Bearer " + s.Token
	const json, page, byName, role = "application/json", "write from another page", "call by another name", "log in"

	for name, a := range map[string]struct {
		method, path, body string
		headers            []string
		status             int // 0: any refusal
		act                string
	}{
		"a page posts with the cookie":               {"POST", approve, vote, []string{"Content-Type", json, "Cookie", cookie, "Origin", "http://evil.example"}, 403, page},
		"a page posts with a token":                  {"POST", approve, vote, []string{"Content-Type", json, "Authorization", bearer, "Origin", "http://evil.example"}, 403, page},
		"a sandboxed page posts":                     {"POST", approve, vote, []string{"Content-Type", json, "Authorization", bearer, "Origin", "null"}, 403, page},
		"a browser says cross-site":                  {"POST", approve, vote, []string{"Content-Type", json, "Cookie", cookie, "Sec-Fetch-Site", "cross-site"}, 403, page},
		"a page of another port of ours":             {"POST", approve, vote, []string{"Content-Type", json, "Cookie", cookie, "Origin", "http://127.0.0.1:1"}, 403, page},
		"text, as forms send it":                     {"POST", approve, vote, []string{"Content-Type", "text/plain", "Authorization", bearer}, 415, "write without JSON"},
		"the cookie in place of a token":             {"POST", approve, vote, []string{"Content-Type", json, "Cookie", cookie, "Origin", s.URL}, 401, role},
		"a page asks Temporal's UI to decide":        {"POST", temporal + "/update/decide", decision, []string{"Content-Type", "text/plain", "Cookie", cookie, "Origin", "http://evil.example"}, 403, page},
		"a page asks Temporal's UI to terminate":     {"POST", temporal + "/terminate", "{}", []string{"Content-Type", "text/plain", "Cookie", cookie, "Sec-Fetch-Site", "same-site"}, 403, page},
		"Temporal's UI without its own token":        {"POST", temporal + "/update/decide", decision, []string{"Content-Type", json, "Cookie", cookie, "Origin", s.URL}, 0, ""},
		"Temporal's UI without a login":              {"POST", temporal + "/update/decide", decision, []string{"Content-Type", json}, 401, role},
		"a login from another page":                  {"POST", "/login", "token=pf_x", []string{"Content-Type", "application/x-www-form-urlencoded", "Origin", "http://evil.example"}, 403, page},
		"a name pointed at the API":                  {"POST", approve, vote, []string{"Content-Type", json, "Authorization", bearer, "Host", "evil.example"}, 421, byName},
		"a name pointed at the API, with the origin": {"GET", "/api/v1/sites", "", []string{"Authorization", bearer, "Host", "evil.example:8480", "Origin", "http://evil.example:8480"}, 421, byName},
		"a name pointed at the documents":            {"GET", "/docs/", "", []string{"Cookie", cookie, "Host", "evil.example"}, 421, byName},
		"a name pointed at OpenAPI":                  {"GET", "/openapi.json", "", []string{"Cookie", cookie, "Host", "127.0.0.1.evil.example"}, 421, byName},
		"a name pointed at Temporal's UI":            {"GET", "/temporal/", "", []string{"Cookie", cookie, "Host", "evil.example"}, 421, byName},
		"a name pointed at Temporal's UI that posts": {"POST", temporal + "/update/decide", decision, []string{"Content-Type", json, "Cookie", cookie, "Host", "evil.example", "Origin", "http://evil.example"}, 421, byName},
	} {
		status, _ := s.ask(a.method, a.path, a.body, a.headers...)
		if status != a.status && (a.status != 0 || status < 400) {
			s.t.Errorf("%s: status %d, want %d", name, status, a.status)
		}
		if a.act != "" && s.audited(a.act) == 0 {
			s.t.Errorf("%s: nothing of %q in the audit", name, a.act)
		}
	}
}

// audited counts the events of a refused act.
func (s siege) audited(act string) int {
	s.t.Helper()
	found, err := s.Parts.DB.ListAudit(context.Background(), []peering.Filter{{Field: "act", Values: []string{act}}, {Field: "refused", Values: []string{"true"}}}, peering.Page{Limit: 100})
	s.must(err)
	return len(found.Items)
}
