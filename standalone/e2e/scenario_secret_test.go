package e2e

import (
	"context"
	"strings"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/standalone/lab"
)

// Two versions of a password that nothing else looks like.
const (
	firstPassword  = "canary-Zm9yZ2V0-1"
	secondPassword = "canary-cmVtZW1i-2"
)

// canary gives a session a password, changes it, fails once with it, and then
// looks for it everywhere that people or backups look.
func canary(s *scene) {
	ctx := context.Background()
	session, peer := s.sessions[12], s.peer(12)
	set := func(clear string) peering.SecretRef {
		r, err := s.Parts.DB.PutSecret(ctx, s.admin, "session 12", clear)
		s.must(err)
		return r
	}
	with := func(clear string) {
		s.must(peer.RemoveNeighbor(ctx, s.ourAddr()))
		s.must(peer.AddNeighbor(ctx, lab.PeerNeighbor{ASN: ourAS, Address: s.ourAddr(), Password: clear}))
	}
	use := func(r peering.SecretRef) peering.Change {
		return s.edit("a password", update(session.RouterID, peering.ObjectSession, session.ID, `{"password": %s}`, ref(r)))
	}
	changed := func(c peering.Change, clear string) {
		s.approve(c)
		s.soaking(c)
		with(clear)
		s.inState(c.ID, 2*time.Minute, peering.ChangeCompleted)
		s.await("the session with its password", 30*time.Second, func(ctx context.Context) bool { return peer.State(ctx, s.ourAddr()) == bgp.Established })
		if !strings.Contains(s.boot(), clear) {
			s.t.Fatal("the router doesn't have the password: this proves nothing")
		}
	}

	first := use(set(firstPassword))
	s.wants(s.plan(first).Routers[0].Diff, `+   password "<secret v1>";`)
	changed(first, firstPassword)

	// A new version changes nothing by itself, and is a line of its own once asked for.
	second := set(secondPassword)
	if c := s.ends(s.deployAll("a version that no session has yet").ID); !strings.Contains(c.Outcome, "nothing to change") {
		s.t.Errorf("%s: %s", c.State, c.Outcome)
	}
	c := use(second)
	diff := s.plan(c).Routers[0].Diff
	s.wants(diff, `-   password "<secret v1>";`)
	s.wants(diff, `+   password "<secret v2>";`)
	s.wants(s.plan(c).Impact.Line(), "resets 1: "+session.PeerAS.String())
	changed(c, secondPassword)

	// An unrelated edit of the same session sends no password line.
	c = s.edit("a name", s.describe(12, "another name"))
	for line := range strings.Lines(s.plan(c).Routers[0].Diff) {
		if strings.Contains(line, "password") && !strings.HasPrefix(line, "  ") {
			s.t.Errorf("the diff of a description sends %q", line)
		}
	}
	s.deploy(c)

	// A configuration that the router refuses must not bring the password into an error.
	template := s.template()
	c = s.edit("a mistake beside the password", update(0, peering.ObjectTemplate, template.ID, `{"body": %q}`,
		strings.Replace(template.Body, "  password", "  no such statement;\n  password", 1)))
	s.approve(c)
	if c = s.ends(c.ID); c.State != peering.ChangeFailed {
		s.t.Errorf("%s: %s", c.State, c.Outcome)
	}
	s.t.Log(c.Outcome)

	if asked := s.pdb.Requests(); len(asked) == 0 || !strings.Contains(asked[0].Authorization, peeringDBKey) {
		s.t.Error("PeeringDB wasn't asked with the key: this proves nothing of it")
	}
	s.pdb.ForgetRequests()
	s.nowhere(map[string]string{"a session's password": firstPassword, "a session's next password": secondPassword,
		"the router's login": inTheMiddle(s.ssh.PrivateKey), "PeeringDB's key": peeringDBKey})
	if asked := s.pdb.Requests(); len(asked) > 0 {
		s.t.Errorf("looking at pages and lists asked PeeringDB: %+v", asked)
	}
}

// inTheMiddle is a line that only this key has.
func inTheMiddle(key string) string {
	lines := strings.Split(key, "\n")
	return lines[len(lines)/2]
}

func (s *scene) wants(text, part string) {
	s.t.Helper()
	if !strings.Contains(text, part) {
		s.t.Errorf("%q isn't in\n%s", part, text)
	}
}

// template is the only template.
func (s *scene) template() peering.Template {
	s.t.Helper()
	list, err := s.Parts.DB.Templates().List(context.Background(), nil, peering.Page{Limit: 2})
	s.must(err)
	return list.Items[0]
}
