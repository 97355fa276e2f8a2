package house

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
)

// private is what a public repository must not hold: traces of one machine. Written in pieces, so that this file passes.
var private = []struct {
	pattern *regexp.Regexp
	why     string
}{
	{regexp.MustCompile(`(^|[^\w./-])/wo` + `rk\b`), "a path on somebody's machine"},
	{regexp.MustCompile(`(^|[^\w.-])/(ro` + `ot|ho` + `me/[a-z]\w*)/`), "somebody's home folder"},
	{regexp.MustCompile(`\b(proxy\.go` + `lang\.org|sum\.go` + `lang\.org|registry\.np` + `mjs\.org|pypi\.or` + `g|deb\.deb` + `ian\.org|crates\.i` + `o)\b`),
		"a registry's address: the machine's own settings say where packages come from"},
	{regexp.MustCompile(`-----BEGIN ([A-Z]+ )?PRIVATE ` + `KEY-----`), "a private key: tests make their own"},
}

func TestNothingOfOneMachineIsCommitted(t *testing.T) {
	t.Parallel()
	names := files(t)
	if len(names) < 10 {
		t.Fatalf("git lists only %d files", len(names))
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			continue // deleted in the work tree, or binary
		}
		for number, line := range strings.Split(string(text), "\n") {
			for _, p := range private {
				if found := p.pattern.FindString(line); found != "" {
					t.Errorf("%s:%d: %q: %s", strings.TrimPrefix(name, root+"/"), number+1, strings.TrimSpace(found), p.why)
				}
			}
		}
	}
}

func TestPrivatePatternsCatchWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		line   string
		caught bool
	}{
		"a build folder":                      {`path = "/wo` + `rk/main/x"`, true},
		"a folder of workflows":               {"see /wo" + "rkflows and peerflow/wo" + "rk", false},
		"the superuser's home":                {"HOME=/ro" + "ot/go", true},
		"a person's home":                     {"cd /ho" + "me/ada/peerflow", true},
		"a sysadmin's word for the root":      {"the root/leaf of a tree", false},
		"the module proxy":                    {"GOPROXY=https://proxy.go" + "lang.org", true},
		"a package's documentation":           {"https://go.dev/ref/mod", false},
		"a private key":                       {"-----BEGIN OPENSSH PRIVATE " + "KEY-----", true},
		"a public key":                        {"-----BEGIN PUBLIC KEY-----", false},
		"a URL path that happens to say work": {"https://example.net/wo" + "rk", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caught := false
			for _, p := range private {
				caught = caught || p.pattern.MatchString(test.line)
			}
			if caught != test.caught {
				t.Errorf("%q caught: %v, want %v", test.line, caught, test.caught)
			}
		})
	}
}
