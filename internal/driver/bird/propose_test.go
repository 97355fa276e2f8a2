package bird_test

import (
	"os"
	"strings"
	"testing"

	"peerflow/internal/driver"
	"peerflow/internal/driver/bird"
	"peerflow/internal/peering"
)

// A person pastes what Propose shows, with the secret filled in, and types its
// commands: the router reads as if peerflow had put the artifact there, over a
// connection that has no method that writes.
func TestWhatAPersonPastesReadsAsTheArtifact(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 1)
	n.target.ReadOnly = true
	conn, err := bird.New().Open(n.ctx, n.target, n.secrets)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, writes := conn.(driver.ConfirmedCommitter); writes {
		t.Error("a read-only connection can commit")
	}
	if _, writes := conn.(driver.SessionShutter); writes {
		t.Error("a read-only connection can shut sessions")
	}
	artifact := oursIn + n.sessionText(0, "\n\tpassword \"{secret:17@3}\";", "")
	stanzas, err := bird.Syntax{}.Split(artifact)
	if err != nil {
		t.Fatal(err)
	}
	if artifact, err = (bird.Syntax{}).Join(stanzas); err != nil {
		t.Fatal(err)
	}
	way := peering.Way{Settings: n.Settings(), Artifact: artifact}
	p, err := bird.New().(driver.Proposer).Propose(way)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(p.Text, "{secret:") || strings.Contains(p.Text, clearMD5) || !strings.Contains(p.Text, `password "<secret v3>";`) || !strings.Contains(p.Where, n.Owned) {
		t.Errorf("to paste is\n%s\ninto %s", p.Text, p.Where)
	}
	if len(p.Commands) != 2 || !strings.HasSuffix(p.Commands[1], " configure") || !strings.HasPrefix(p.Commands[1], strings.TrimSuffix(p.Commands[0], " configure check")) {
		t.Errorf("to type is %q", p.Commands)
	}
	runs := func() (string, error) {
		running, err := conn.(driver.OwnedReader).ReadOwned(n.ctx, []peering.SecretRef{{ID: 17, Version: 3}})
		if err != nil {
			return "", err
		}
		return bird.Syntax{}.Join(running.Stanzas)
	}
	paste := func(text string) {
		t.Helper()
		if err := os.WriteFile(n.Owned, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	load := func() {
		t.Helper()
		for _, c := range []string{"check", ""} {
			if _, err := n.Birdc(n.ctx, strings.TrimSpace("configure "+c)); err != nil {
				t.Fatal(err)
			}
		}
	}
	paste(strings.ReplaceAll(p.Text, "<secret v3>", clearMD5))
	if _, err := runs(); err == nil || !strings.Contains(err.Error(), "birdc configure") {
		t.Errorf("pasted and not loaded reads as %v, want what to type", err)
	}
	load()
	if now, err := runs(); err != nil || now != artifact {
		t.Errorf("pasted and loaded reads as\n%s\n%v, want\n%s", now, err, artifact)
	}
	paste(p.Text)
	load()
	if now, err := runs(); err != nil || now == artifact {
		t.Errorf("with a secret that nobody filled in it reads as the artifact, %v", err)
	}
	back, err := bird.New().(driver.Proposer).Propose(way.Back())
	if err != nil || back.Text != "" {
		t.Errorf("the way back is %q, %v", back.Text, err)
	}
}

func TestNobodyCanPasteAPasswordThatIsntOurs(t *testing.T) {
	t.Parallel()
	_, err := bird.New().(driver.Proposer).Propose(peering.Way{Artifact: "protocol bgp a {\n\tpassword \"{redacted:0badcafe}\";\n}\n"})
	if peering.KindOf(err) != peering.Conflict || !strings.Contains(err.Error(), "record it as a secret") {
		t.Errorf("%v", err)
	}
}
