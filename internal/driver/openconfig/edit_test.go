package openconfig_test

import (
	"cmp"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	gpb "github.com/openconfig/gnmi/proto/gnmi"

	"peerflow/internal/peering"
	"peerflow/standalone/lab/gnmid"
)

// sentText collects what the router is sent, values and paths.
type sentText struct {
	mu  sync.Mutex
	all strings.Builder
}

func (s *sentText) see(r *gpb.SetRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range r.GetDelete() {
		fmt.Fprintln(&s.all, "delete", p)
	}
	for _, u := range append(r.GetReplace(), r.GetUpdate()...) {
		fmt.Fprintln(&s.all, u.GetPath(), string(u.GetVal().GetJsonIetfVal()))
	}
}

// take gives what was sent since the last call.
func (s *sentText) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.all.Reset()
	return s.all.String()
}

const clearOfEdits = "tcp-md5-4711"

func TestTenUnrelatedPushesSendNoPassword(t *testing.T) {
	t.Parallel()
	var sent sentText
	b := setup(t, "127.90.36.", func(c *gnmid.Config) { c.OnSet = sent.see })
	rotated := peering.SecretRef{ID: 17, Version: 4}
	b.secrets[md5Ref], b.secrets[rotated] = clearOfEdits, "another-md5"
	b.peer(64501, 11, clearOfEdits, "198.51.100.0/24")
	c := b.open()
	text := strings.Replace(artifactBase, `"description": "AS64501"`, `"description": "AS64501", "auth-password": "{secret:17@3}"`, 1) + `
	  {"neighbor": {"config": {"neighbor-address": "192.0.2.12", "peer-as": 64502, "peer-group": "pf-peers", "description": "other"}}}`
	b.deploy(c, b.deployment(1, text, time.Minute))
	if !strings.Contains(sent.take(), clearOfEdits) {
		t.Fatal("the first push doesn't send the password: nothing would be proven")
	}
	b.established(c, "192.0.2.11")
	since := b.neighbor(c, "192.0.2.11").Since

	for i, edit := range [][2]string{
		{`"description": "other"`, `"description": "other, edited"`}, // another neighbor
		{`"peer-as": 64502`, `"peer-as": 64503`},
		{`24..28`, `24..26`}, // what its policy refers to
		{`"set-local-pref": 200`, `"set-local-pref": 150`},
		{`"description": "AS64501"`, `"description": "Example Net"`}, // the same neighbor
		{`"description": "Example Net", `, ``},
		{`"auth-password"`, `"description": "again", "auth-password"`},
		{`"max-prefixes": 100`, `"max-prefixes": 200`},
		{`"afi-safis": {"afi-safi": [{"config": {"afi-safi-name": "IPV4_UNICAST", "enabled": true},`,
			`"apply-policy": {"config": {"import-policy": ["pf-in"], "export-policy": ["pf-out"]}}, "afi-safis": {"afi-safi": [{"config": {"afi-safi-name": "IPV4_UNICAST", "enabled": true},`},
		{`"apply-policy": {"config": {"import-policy": ["pf-in"], "export-policy": ["pf-out"]}}, "afi-safis"`, `"afi-safis"`},
	} {
		next := strings.Replace(text, edit[0], edit[1], 1)
		if next == text {
			t.Fatalf("edit %d changes nothing", i)
		}
		text = next
		d := b.deployment(int64(i+2), text, time.Minute)
		b.deploy(c, d)
		b.runs(b.read(c, md5Ref), d)
		if said := sent.take(); strings.Contains(said, clearOfEdits) || strings.Contains(said, "auth-password") || said == "" {
			t.Errorf("%s sends\n%s", edit[1], said)
		}
	}
	if n := b.neighbor(c, "192.0.2.11"); !n.Established() || !n.Since.Equal(since) {
		t.Errorf("the session restarted: since %s, now %+v", since, n)
	}

	text = strings.Replace(text, "{secret:17@3}", "{secret:17@4}", 1)
	d := b.deployment(99, text, time.Minute)
	b.deploy(c, d)
	b.runs(b.read(c, rotated), d)
	if !strings.Contains(sent.take(), "another-md5") {
		t.Error("a new version of the secret isn't sent")
	}

	d = b.deployment(100, strings.Replace(text, "{secret:17@4}", "{secret:17@3|junos-9}", 1), time.Minute)
	if err := cmp.Or(c.Stage(b.Context(), d), c.Commit(b.Context(), d)); peering.KindOf(err) != peering.Invalid || !strings.Contains(err.Error(), "doesn't read junos-9") {
		t.Errorf("a cipher that this platform doesn't read: %v", err)
	}
}
