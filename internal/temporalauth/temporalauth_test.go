package temporalauth

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHeadersAreAcceptedAndNameThePerson(t *testing.T) {
	t.Parallel()
	ctx := WithUser(context.Background(), "Zoë Müller / NOC")
	h, err := Headers("a-secret").GetHeaders(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !Accepts("a-secret", h[Header]) {
		t.Errorf("%q was not accepted", h[Header])
	}
	for _, c := range h[UserHeader] {
		if c < ' ' || c > '~' {
			t.Errorf("%q is not printable ASCII, which gRPC asks for", h[UserHeader])
		}
	}
	if got := DecodeUser(h[UserHeader]); got != "Zoë Müller / NOC" {
		t.Errorf("user = %q", got)
	}
}

func TestAcceptsOnlyTheSecret(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ secret, header string }{
		"nothing":                     {"a-secret", ""},
		"another secret":              {"a-secret", "Bearer b-secret"},
		"a prefix":                    {"a-secret", "Bearer a-secre"},
		"another scheme":              {"a-secret", "Basic a-secret"},
		"no secret set, none given":   {"", "Bearer "},
		"no secret set, header empty": {"", ""},
	} {
		if Accepts(c.secret, c.header) {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestNoSecretSendsNothing(t *testing.T) {
	t.Parallel()
	if h, err := Headers("").GetHeaders(WithUser(context.Background(), "dave")); len(h) != 0 || err != nil {
		t.Errorf("%v, %v", h, err)
	}
}

func TestProviderDoesNotPrintItsSecret(t *testing.T) {
	t.Parallel()
	if text := fmt.Sprintf("%v %+v %s", Headers("a-secret"), Headers("a-secret"), Headers("a-secret")); strings.Contains(text, "a-secret") {
		t.Error(text)
	}
}

func TestLoadOrCreateKeepsOneSecretForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "temporal.secret")
	first, err := LoadOrCreate(path)
	if err != nil || len(first) != 64 {
		t.Fatalf("%q, %v", first, err)
	}
	if again, err := LoadOrCreate(path); again != first || err != nil {
		t.Errorf("the second time: %q, %v", again, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	if len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestLoadOrCreateRefusesAnEmptyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "temporal.secret")
	if err := os.WriteFile(path, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreate(path); err == nil {
		t.Error("an empty secret was accepted")
	}
}
