package openconfig_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	gpb "github.com/openconfig/gnmi/proto/gnmi"

	"peerflow/internal/driver"
	"peerflow/internal/driver/openconfig"
	"peerflow/internal/peering"
)

// asTyped reads a Set as gnmic does from its request file.
func asTyped(t *testing.T, text string) *gpb.SetRequest {
	t.Helper()
	var file struct {
		Deletes  []string
		Replaces []struct {
			Path     string
			Value    json.RawMessage
			Encoding string
		}
	}
	if err := json.Unmarshal([]byte(text), &file); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	r := &gpb.SetRequest{}
	for _, d := range file.Deletes {
		r.Delete = append(r.Delete, typedPath(t, d))
	}
	for _, u := range file.Replaces {
		if u.Encoding != "json_ietf" {
			t.Errorf("%s is encoded as %q", u.Path, u.Encoding)
		}
		r.Replace = append(r.Replace, &gpb.Update{Path: typedPath(t, u.Path), Val: &gpb.TypedValue{Value: &gpb.TypedValue_JsonIetfVal{JsonIetfVal: u.Value}}})
	}
	return r
}

var (
	typedElem = regexp.MustCompile(`/([a-z-]+)((?:\[[^\]]+\])*)`)
	typedKey  = regexp.MustCompile(`\[([a-z-]+)=([^\]]+)\]`)
)

func typedPath(t *testing.T, text string) *gpb.Path {
	t.Helper()
	p := &gpb.Path{}
	for _, m := range typedElem.FindAllStringSubmatch(text, -1) {
		e := &gpb.PathElem{Name: m[1], Key: map[string]string{}}
		for _, k := range typedKey.FindAllStringSubmatch(m[2], -1) {
			e.Key[k[1]] = k[2]
		}
		p.Elem = append(p.Elem, e)
	}
	return p
}

// A person sends what Propose shows, with the secrets filled in, and later the way
// back: the router reads as if peerflow had committed either.
func TestWhatAPersonSendsReadsAsTheArtifact(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.41.")
	b.secrets[md5Ref], b.secrets[otherMD5Ref] = "tcp-md5", "other-md5"
	target := b.target()
	target.ReadOnly = true
	c, err := openconfig.New().Open(t.Context(), target, b.secrets)
	b.must(err)
	t.Cleanup(func() { c.Close() })
	read := func() (peering.Running, string) {
		t.Helper()
		running, err := c.(driver.OwnedReader).ReadOwned(t.Context(), []peering.SecretRef{md5Ref, otherMD5Ref})
		b.must(err)
		return running, join(t, running.Stanzas)
	}
	base, nothing := read()
	d := b.deployment(1, withPasswords, time.Minute)
	way := peering.Way{Address: target.Address, Settings: target.Settings, Base: nothing, Identity: base.Identity, Artifact: d.Artifact}
	send := func(w peering.Way, fill bool) string {
		t.Helper()
		p, err := openconfig.New().(driver.Proposer).Propose(w)
		b.must(err)
		if strings.Contains(p.Text, "tcp-md5") || strings.Contains(p.Text, "{secret:") {
			t.Errorf("to send is\n%s", p.Text)
		}
		text := p.Text
		if fill { // the person knows which is whose
			text = strings.NewReplacer("<secret v3>", "tcp-md5", "<secret v1>", "other-md5").Replace(text)
		}
		b.must(b.router.OperatorSet(t.Context(), asTyped(t, text)))
		return p.Text
	}
	if text := send(way, true); !strings.Contains(text, "<secret v3>") || !strings.Contains(text, `/neighbor[neighbor-address=192.0.2.12]`) {
		t.Errorf("to send is\n%s", text)
	}
	now, text := read()
	if text != d.Artifact || now.Identity != d.Hash || now.Pending != nil {
		t.Errorf("it runs %s as\n%s\nwant\n%s", now.Identity, text, d.Artifact)
	}
	// A password that stays is neither shown nor sent again.
	next := b.deployment(2, strings.Replace(d.Artifact, "24..28", "24..26", 1), time.Minute)
	later := peering.Way{Address: target.Address, Settings: target.Settings, Base: text, Identity: now.Identity, Artifact: next.Artifact}
	if text := send(later, false); strings.Contains(text, "auth-password") {
		t.Errorf("to send is\n%s", text)
	}
	if now, text = read(); text != next.Artifact || now.Identity != next.Hash {
		t.Errorf("it runs %s as\n%s", now.Identity, text)
	}
	send(later.Back(), false)
	if now, text = read(); text != d.Artifact || now.Identity != d.Hash {
		t.Errorf("put back, it runs %s as\n%s", now.Identity, text)
	}
	if n := b.neighbor(c.(driver.NeighborReader), "192.0.2.10"); n.RemoteAS != 64510 {
		t.Errorf("the foreign neighbor is now of %s", n.RemoteAS)
	}
}
