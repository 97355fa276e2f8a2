package house

import (
	"slices"
	"strings"
	"testing"
)

// arrow says what the packages of one folder may import of this module. The longest matching folder counts.
type arrow struct {
	folder string
	// may names folders; "x/..." includes what lies below x. A folder's own subfolders are always allowed, except where alone.
	may []string
	// tests: what the folder's tests may import on top, testsMay aside.
	tests []string
	// alone: each package below the folder stands for itself and may not import its siblings.
	alone bool
	// stdlib: nothing from outside this module but the standard library.
	stdlib bool
	// pure: no clock, network, disk or process, so the standard library's doors to them are closed too.
	pure bool
	why  string
}

var domain = []string{"internal/peering", "internal/bgp"}

var arrows = []arrow{
	{folder: "internal/bgp", stdlib: true, pure: true,
		why: "protocol facts, true for every program"},
	{folder: "internal/peering", may: []string{"internal/bgp"}, stdlib: true, pure: true,
		why: "rules of the domain, decided without asking anything"},
	{folder: "internal/jinja", stdlib: true, pure: true,
		why: "a template engine that knows nothing of BGP; loaders are handed in"},
	{folder: "internal/jinja/", may: []string{"internal/jinja/..."}, stdlib: true,
		why: "suites and commands around the engine: they read files of cases and ask Jinja2 itself"},
	{folder: "internal/render", may: append([]string{"internal/jinja/..."}, domain...), pure: true,
		tests: []string{"internal/driver/..."}, // starter templates lie with their platform
		why:   "the same inputs give the same text, in any process"},
	{folder: "internal/driver", may: domain,
		why: "capability interfaces and the registry know no platform"},
	{folder: "internal/driver/cipher", may: append([]string{"internal/driver"}, domain...),
		why: "how configurations write passwords: shared by the platforms that write them so"},
	{folder: "internal/driver/outline", may: domain,
		why: "how configurations that are outlines of statements are cut into stanzas: shared by the platforms that write them so"},
	{folder: "internal/driver/", may: append([]string{"internal/driver", "internal/driver/cipher", "internal/driver/outline"}, domain...), alone: true,
		why: "a platform is one folder and no platform leans on another; secrets come as a resolver"},
	{folder: "internal/driver/openconfig/octest", tests: append([]string{"internal/driver/...", "internal/render"}, domain...),
		why: "holds what the driver sends, for the starter template too, against the complete schema"},
	{folder: "internal/house", why: "looks at the tree, is no part of it"},
	{folder: "internal/", may: domain, alone: true,
		why: "an outside system knows the domain and nobody else"},
	{folder: "activities", may: append([]string{"internal/render", "internal/driver"}, domain...),
		why: "ports beside the structs that need them; never the database or a client"},
	{folder: "workflows", may: append([]string{"activities"}, domain...), pure: true,
		why: "order, waiting, people, undo: replayed, so nothing here may look at the world"},
	{folder: "worker", may: []string{"workflows", "activities"},
		why: "the list of what runs"},
	{folder: "api", may: append([]string{"workflows", "internal/auth"}, domain...),
		why: "speaks HTTP; the rest is behind its own small interfaces"},
	{folder: "db", may: domain,
		tests: []string{"internal/render", "internal/driver/..."}, // what is stored is held against what it renders to
		why:   "speaks SQL and turns rows into domain values"},
	{folder: "db/dbtest", may: append([]string{"db/...", "standalone/pgserver"}, domain...),
		why: "a real PostgreSQL for tests"},
	{folder: "db/internal/dbsqlc", why: "generated: rows and queries alone"},
	{folder: "cmd", may: []string{"activities/...", "api/...", "db/...", "internal/...", "worker/...", "workflows/..."},
		why: "where concrete things meet their users; everything but standalone, which would fatten the lean binary"},
	{folder: "standalone", may: []string{"activities/...", "api/...", "cmd/...", "db/...", "internal/...", "worker/...", "workflows/..."},
		why: "everything that `up`, the lab and the end-to-end tests need"},
}

// testsMay are folders that the tests of any package may import on top of the package's own arrows: test support, and the
// PeeringDB client, whose synthetic server is what its mirror and its workflow are tried on.
var testsMay = []string{"standalone/...", "db/dbtest/...", "internal/driver/drivertest/...", "internal/peeringdb/...", "internal/capture"}

// testOnly are packages that no code but tests (and, for the first, standalone) may import.
var testOnly = []struct{ folder, importer, why string }{
	{"standalone", "standalone", "its own main links it, and nobody else: Temporal's server and the lab stay out of the lean binary"},
	{"db/dbtest", "", "creates and drops databases"},
	{"internal/driver/drivertest", "standalone/lab", "a conformance suite, not a library"},
	{"internal/peeringdb/pdbfake", "standalone", "invents networks: for tests and the demo"},
	{"internal/capture", "", "finds recordings for tests"},
	{"internal/house", "", "rules only"},
}

// doors are the standard library's ways to clock, network, disk and process that a pure package has no business with.
var doors = []string{"database/sql", "io/ioutil", "net", "net/http", "os", "os/exec", "os/signal", "os/user", "syscall"}

func TestPackagesImportOnlyWhatTheArchitectureAllows(t *testing.T) {
	t.Parallel()
	for _, p := range ourPackages(t) {
		rule := arrowOf(p.folder())
		if rule == nil {
			t.Errorf("%s lies in a folder without a rule: say in arrows_test.go what it may import, and why", p.folder())
			continue
		}
		for _, fault := range faults(*rule, p) {
			t.Errorf("%s: %s (%s)", p.folder(), fault, rule.why)
		}
	}
}

func TestTestSupportIsImportedByTestsAlone(t *testing.T) {
	t.Parallel()
	for _, p := range ourPackages(t) {
		for _, imported := range p.Imports {
			for _, only := range testOnly {
				own := within(p.folder(), only.folder) || only.importer != "" && within(p.folder(), only.importer)
				if within(ours(imported), only.folder) && !own && !isTestSupport(p.folder()) {
					t.Errorf("%s imports %s outside its tests (%s)", p.folder(), ours(imported), only.why)
				}
			}
		}
	}
}

// isTestSupport: a helper of tests may build on another one.
func isTestSupport(folder string) bool {
	return within(folder, "db/dbtest", "internal/driver/drivertest")
}

func TestArrowRulesCatchWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		pkg   pkg
		fault string
	}{
		"a workflow that imports the database":   {pkg{ImportPath: "peerflow/workflows", Imports: []string{"peerflow/db"}}, "may not import db"},
		"a workflow that opens files":            {pkg{ImportPath: "peerflow/workflows", Imports: []string{"os"}}, "may not import os"},
		"an activity that imports a platform":    {pkg{ImportPath: "peerflow/activities", Imports: []string{"peerflow/internal/driver/bird"}}, "may not import internal/driver/bird"},
		"a platform that leans on another":       {pkg{ImportPath: "peerflow/internal/driver/bird", Imports: []string{"peerflow/internal/driver/openconfig"}}, "may not import internal/driver/openconfig"},
		"an outside system that knows another":   {pkg{ImportPath: "peerflow/internal/irr", Imports: []string{"peerflow/internal/peeringdb"}}, "may not import internal/peeringdb"},
		"bgp with a module from outside":         {pkg{ImportPath: "peerflow/internal/bgp", Imports: []string{"github.com/jackc/pgx/v5"}}, "may not import github.com/jackc/pgx/v5"},
		"the lean command line with the lab":     {pkg{ImportPath: "peerflow/cmd", Imports: []string{"peerflow/standalone/lab"}}, "may not import standalone/lab"},
		"the api's tests with the database":      {pkg{ImportPath: "peerflow/api", TestImports: []string{"peerflow/db"}}, "may not import db in a test"},
		"the api's tests with a test database":   {pkg{ImportPath: "peerflow/api", XTestImports: []string{"peerflow/db/dbtest"}}, ""},
		"a platform with its own subfolder":      {pkg{ImportPath: "peerflow/internal/driver/bird", Imports: []string{"peerflow/internal/driver/bird/show"}}, ""},
		"a platform with the interfaces":         {pkg{ImportPath: "peerflow/internal/driver/bird", Imports: []string{"peerflow/internal/driver", "golang.org/x/crypto/ssh"}}, ""},
		"a driver's subfolder with a sibling":    {pkg{ImportPath: "peerflow/internal/driver/bird/show", Imports: []string{"peerflow/internal/driver/openconfig"}}, "may not import internal/driver/openconfig"},
		"the render package with the engine":     {pkg{ImportPath: "peerflow/internal/render", Imports: []string{"peerflow/internal/jinja/value"}}, ""},
		"workflows with a package like its name": {pkg{ImportPath: "peerflow/workflows", Imports: []string{"peerflow/workflowsdb"}}, "may not import workflowsdb"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(faults(*arrowOf(test.pkg.folder()), test.pkg), "; ")
			if got != test.fault {
				t.Errorf("faults: %q, want %q", got, test.fault)
			}
		})
	}
}

// arrowOf finds the rule with the longest folder; a folder that ends in a slash stands for what lies below it only.
func arrowOf(folder string) *arrow {
	var best *arrow
	for i, a := range arrows {
		matches := within(folder, a.folder) || strings.HasSuffix(a.folder, "/") && strings.HasPrefix(folder, a.folder)
		if matches && (best == nil || len(a.folder) > len(best.folder)) {
			best = &arrows[i]
		}
	}
	return best
}

func faults(rule arrow, p pkg) []string {
	var list []string
	for _, imported := range p.Imports {
		if !rule.allows(p.folder(), imported, nil) {
			list = append(list, "may not import "+ours(imported))
		}
	}
	for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
		if strings.HasPrefix(imported, module+"/") && !rule.allows(p.folder(), imported, slices.Concat(testsMay, rule.tests)) {
			list = append(list, "may not import "+ours(imported)+" in a test")
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (a arrow) allows(folder, imported string, extra []string) bool {
	if !strings.HasPrefix(imported, module+"/") {
		return a.allowsForeign(imported)
	}
	target := ours(imported)
	if within(target, a.territory(folder)) {
		return true
	}
	return slices.ContainsFunc(slices.Concat(a.may, extra), func(allowed string) bool {
		subtree, recursive := strings.CutSuffix(allowed, "/...")
		return target == subtree || recursive && within(target, subtree)
	})
}

// territory is the folder within which a package may import freely: the rule's own, or where packages stand alone their part of it.
func (a arrow) territory(folder string) string {
	if !a.alone {
		return a.folder
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(folder, a.folder), "/")
	return a.folder + first
}

func (a arrow) allowsForeign(imported string) bool {
	if a.pure && slices.Contains(doors, imported) {
		return false
	}
	host, _, _ := strings.Cut(imported, "/")
	return !a.stdlib || !strings.Contains(host, ".")
}

// ours is an import path without the module's name; a foreign one stays as it is.
func ours(importPath string) string { return strings.TrimPrefix(importPath, module+"/") }
