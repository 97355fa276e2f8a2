package bird_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"peerflow/internal/peering"
	"peerflow/standalone/lab"
)

// passwordLines are the lines of the owned file that hold a password, each with
// the head of its protocol and its place there.
func passwordLines(t *testing.T, file string) []string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	block, place := "", 0
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "protocol ") {
			block, place = strings.TrimSpace(line), 0
		}
		place++
		if strings.Contains(line, "password") {
			found = append(found, fmt.Sprintf("%s %d %s", block, place, strings.TrimSpace(line)))
		}
	}
	return found
}

func TestTenUnrelatedPushesMoveNoPasswordLine(t *testing.T) {
	t.Parallel()
	n := startNetwork(t, 1)
	p, err := lab.StartPeer(n.ctx, lab.PeerConfig{ASN: 64501, Address: n.peer(1), Prefixes: lab.Routes(500, 5),
		Neighbors: []lab.PeerNeighbor{{ASN: 64496, Address: n.address, Password: clearMD5}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	text := oursIn + n.sessionText(0, "", "") + "\n" + n.sessionText(1, "\n\tpassword \"{secret:17@3}\";", "")
	n.push(text)
	lines := passwordLines(t, n.Owned)
	if len(lines) != 1 || !strings.Contains(lines[0], clearMD5) {
		t.Fatalf("the owned file has the password lines %q", lines)
	}
	since := n.await("s1", "up with its password", established).Since
	n.await("s0", "up", established)
	other := n.neighbor("s0").Since

	for i, edit := range []struct{ from, to string }{
		{"\"first\"", "\"s0 edited\""},
		{"limit 100", "limit 90"},
		{"{ accept; }", "{ bgp_local_pref = 200; accept; }"},
		{"bgp_local_pref = 200", "bgp_local_pref = 150"},
		{"filter ours_in { ", "filter also_in { accept; }\n\nfilter ours_in { "},
		// of the session itself
		{"\"first\"", "\"s1 edited\""},
		{"\"s1 edited\"", "\"s1 edited again\""},
		{"limit 100", "limit 80"},
		{"import filter ours_in; import limit 80", "import filter also_in; import limit 80"},
		{"limit 80", "limit 70"},
	} {
		next := strings.Replace(text, edit.from, edit.to, 1)
		if i >= 5 {
			last := strings.LastIndex(text, "protocol bgp s1")
			next = text[:last] + strings.Replace(text[last:], edit.from, edit.to, 1)
		}
		if next == text {
			t.Fatalf("edit %d changes nothing", i)
		}
		text = next
		n.push(text)
		if now := passwordLines(t, n.Owned); !slices.Equal(now, lines) {
			t.Errorf("%s: password lines are %q, were %q", edit.to, now, lines)
		}
	}
	for name, began := range map[string]time.Time{"s0": other, "s1": since} {
		if now := n.neighbor(name); !now.Established() || now.Since.Sub(began).Abs() > time.Second {
			t.Errorf("%s restarted: up since %s, was %s", name, now.Since, began)
		}
	}
	n.secrets[peering.SecretRef{ID: 17, Version: 4}] = "another password"
	n.push(strings.Replace(text, "17@3", "17@4", 1))
	if now := passwordLines(t, n.Owned); slices.Equal(now, lines) {
		t.Error("a new version of the secret moves no line: nothing would be proven")
	}
}
