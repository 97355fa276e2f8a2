package house

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// unlinked names what a part of the product must not reach, however many steps away.
var unlinked = []struct {
	folders   []string
	forbidden []string
	why       string
}{
	{[]string{"cmd/peerflow"},
		[]string{"go.temporal.io/server", "github.com/temporalio/ui-server", "github.com/osrg/gobgp", "github.com/openconfig/ygot", "peerflow/standalone", "modernc.org/sqlite"},
		"the lean binary is a client of Temporal and of routers; with these it would weigh 150 MB more"},
	{[]string{"workflows", "activities"},
		[]string{"peerflow/db", "peerflow/cmd", "peerflow/internal/driver/", "github.com/jackc/pgx", "github.com/scrapli"},
		"a workflow reaches the world through an activity, an activity through a port that cmd fills"},
	{[]string{"internal/peering", "internal/bgp", "internal/jinja"},
		[]string{"net/http", "database/sql", "os/exec", "go.temporal.io"},
		"decisions need no clock, network or disk"},
	// pongo2 links net/http, for a loader of templates that nothing here makes; arrows_test.go keeps render itself from it.
	{[]string{"internal/render"},
		[]string{"database/sql", "os/exec", "go.temporal.io"},
		"decisions need no clock, network or disk"},
}

func TestNothingIsLinkedThatShouldNotBe(t *testing.T) {
	t.Parallel()
	for _, rule := range unlinked {
		for _, folder := range present(rule.folders) {
			said := map[string]bool{}
			for _, dependency := range dependencies(t, folder) {
				hit := firstWithin(dependency.ImportPath, rule.forbidden)
				if hit != "" && !said[hit] {
					t.Errorf("%s links %s (%s); go mod why tells through whom", folder, dependency.ImportPath, rule.why)
				}
				said[hit] = true
			}
		}
	}
}

func TestLinkRulesCatchWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		importPath string
		rule       int
		caught     bool
	}{
		"the lean binary and a package of Temporal's server": {"go.temporal.io/server/common/log", 0, true},
		"the lean binary and Temporal's client":              {"go.temporal.io/sdk/client", 0, false},
		"the lean binary and a major version of GoBGP":       {"github.com/osrg/gobgp/v4/pkg/server", 0, true},
		"a workflow and a platform":                          {"peerflow/internal/driver/bird", 1, true},
		"a workflow and the driver's interfaces":             {"peerflow/internal/driver", 1, false},
		"a decision and a socket":                            {"net/http", 2, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := firstWithin(test.importPath, unlinked[test.rule].forbidden) != ""; got != test.caught {
				t.Errorf("%s caught: %v, want %v", test.importPath, got, test.caught)
			}
		})
	}
}

// OpenTelemetry's log package lost its pre-1.0 API: with anything newer Temporal's server 1.32 no longer compiles.
// goose 3.28 and others ask for more, and what they raised stays in go.mod when they are gone.
func TestOpenTelemetryStaysWhereTemporalNeedsIt(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	// A module that nothing needs any more may be gone; one that is there has this version.
	pins := map[string]string{
		"go.opentelemetry.io/otel/log": "v0.20.0",
		"go.temporal.io/server":        "v1.32.1",
		"github.com/pressly/goose/v3":  "v3.27.3",
	}
	for path, want := range pins {
		found := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(path) + ` (\S+)`).FindSubmatch(text)
		if found != nil && string(found[1]) != want {
			t.Errorf("go.mod requires %s %s, want %s: these versions fit together", path, found[1], want)
		}
	}
}

// present drops the folders that hold no Go file.
func present(folders []string) []string {
	var list []string
	for _, folder := range folders {
		if found, _ := filepath.Glob(filepath.Join(root, folder, "*.go")); len(found) > 0 {
			list = append(list, folder)
		}
	}
	return list
}

// firstWithin names the first forbidden path that is this one or a parent of it; one that ends in a slash means its children only.
func firstWithin(importPath string, forbidden []string) string {
	for _, f := range forbidden {
		if within(importPath, f) || f[len(f)-1] == '/' && len(importPath) > len(f) && importPath[:len(f)] == f {
			return f
		}
	}
	return ""
}
