package render

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"peerflow/internal/capture"
	"peerflow/internal/jinja"
	"peerflow/internal/jinja/jinjatest"
	"peerflow/internal/peering"
)

// job is one rendering, of ours and of the oracle's.
type job struct {
	name       string
	Template   string            `json:"template"`
	Trim       bool              `json:"trim,omitempty"`
	Lstrip     bool              `json:"lstrip,omitempty"`
	Undefined  string            `json:"undefined,omitempty"`
	Router     int64             `json:"router,omitempty"`
	Email      int64             `json:"email,omitempty"`
	NewNetwork []int64           `json:"new_network,omitempty"`
	Dataset    string            `json:"dataset,omitempty"`
	Parts      map[string]string `json:"configurations,omitempty"`
}

// answer is what became of it.
type answer struct {
	Output  string `json:"output"`
	Error   string `json:"error"`
	Message string `json:"message"`
}

// asked has real Jinja2 render all jobs over the same network.
func asked(t *testing.T, jobs []job) []answer {
	t.Helper()
	var in, out, faults bytes.Buffer
	for _, j := range jobs {
		line, err := json.Marshal(j)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(line, '\n'))
	}
	python, err := jinjatest.Python()
	if err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-B", "oracle/oracle.py", "testdata/network.json")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &faults
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, faults.String())
	}
	answers := make([]answer, 0, len(jobs))
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var a answer
		if err := decoder.Decode(&a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	if len(answers) != len(jobs) {
		t.Fatalf("%d answers to %d jobs", len(answers), len(jobs))
	}
	return answers
}

// answered is our own rendering of a job.
func (f *fixture) answered(ctx context.Context, j job) answer {
	around := surroundings{library: f.library(j.Parts), now: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)}
	text, err := renderText(around.in(ctx), peering.Template{Name: "it", Body: j.Template, TrimBlocks: j.Trim, LstripBlocks: j.Lstrip, Lenient: j.Undefined == ""}, f.variables(j), plain)
	if err == nil {
		return answer{Output: text}
	}
	var failed *jinja.Error
	if !errors.As(err, &failed) {
		return answer{Error: "?", Message: err.Error()}
	}
	return answer{Error: failed.Class, Message: err.Error()}
}

func (f *fixture) library(parts map[string]string) map[string][]inclusion {
	library := map[string][]inclusion{}
	for name, body := range parts {
		library[kindConfiguration] = append(library[kindConfiguration], inclusion{0, name, body, nil})
	}
	for _, r := range f.Configs {
		library[kindConfiguration] = append(library[kindConfiguration], inclusion{r.ID, r.Name, r.Template, nil})
	}
	for _, r := range f.Emails {
		library[kindEmail] = append(library[kindEmail], inclusion{r.ID, r.Name, r.Template, nil})
	}
	for _, r := range f.Exports {
		library[kindExportTemplate] = append(library[kindExportTemplate], inclusion{r.ID, r.Name, r.Template, func(ctx context.Context) (string, error) {
			vars := jinja.NewDict(1)
			vars.SetStr("dataset", f.dataset(r.ContentType))
			return renderText(ctx, peering.Template{Name: r.Name, Body: r.Template, Lenient: true}, vars, plain)
		}})
	}
	return library
}

func (f *fixture) variables(j job) *jinja.Dict {
	vars := jinja.NewDict(2)
	switch {
	case j.Router != 0:
		return f.configuration(f.routers[j.Router])
	case j.Email != 0:
		vars.SetStr("affiliated_autonomous_systems", where("AutonomousSystem", f.AutonomousSystems, func(a *AutonomousSystem) bool { return a.Affiliated }))
		vars.SetStr("autonomous_system", f.systems[j.Email])
	case len(j.NewNetwork) == 2:
		vars.SetStr("autonomous_systems", jinja.NewList(f.systems[j.NewNetwork[0]], f.networks[j.NewNetwork[1]]))
	case j.Dataset != "":
		vars.SetStr("dataset", f.dataset(j.Dataset))
	}
	return vars
}

// deliberate are the snippets that we render differently, with the reason. docs/templates.md tells of each.
var deliberate = map[string]string{
	"{% for o in dataset %}{{ o.id }}:{{ o | direct_peers(group='nosuch') | length }} {% endfor %}": "a slug that no group has selects nobody, and not everybody",
	"{{ local_as | communities('name') }}":                                                          "the field is given, where theirs fails on its own manager",
	"{% for x in local_as.tags %}{{ x }}{% endfor %}":                                               "a manager is walked as its all()",
	"{{ local_as.tags | length }}":                                                                  "a manager is counted as its all()",
	"{{ (dataset | get(asn=64496)).tags | filter(slug='filter-prefixes') | join(',') }}":            "a manager is filtered as its all()",
	"{{ dataset.filter(affiliated='x') | count }}":                                                  "text that is no boolean equals none",
	"{{ dataset.filter(config_context__isnull=true) | count }}":                                     "lookups go over all that a template sees",
}

// TestSnippetsRenderAsPeeringManagerRendersThem asks each filter, attribute and collection in every way that the snippets know.
func TestSnippetsRenderAsPeeringManagerRendersThem(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/snippets.json")
	if err != nil {
		t.Fatal(err)
	}
	var groups []struct {
		About     string   `json:"about"`
		For       job      `json:"for"`
		Templates []string `json:"templates"`
	}
	if err := json.Unmarshal(text, &groups); err != nil {
		t.Fatal(err)
	}
	var jobs []job
	var about []string
	for _, g := range groups {
		for _, body := range g.Templates {
			j := g.For
			j.Template = body
			jobs, about = append(jobs, j), append(about, g.About)
		}
	}
	f := exampleNetwork(t)
	for i, want := range asked(t, jobs) {
		got := f.answered(t.Context(), jobs[i])
		differs := got.Output != want.Output || (got.Error == "") != (want.Error == "")
		if reason := deliberate[jobs[i].Template]; reason != "" {
			if !differs {
				t.Errorf("%s renders alike: it is no difference (%s)", jobs[i].Template, reason)
			}
			continue
		}
		if differs {
			t.Errorf("%s\n%s\n got %s\nwant %s\n%s", about[i], jobs[i].Template, shown(got), shown(want), parting(got.Output, want.Output))
		}
	}
}

func shown(a answer) string {
	if a.Error != "" {
		return a.Error + ": " + a.Message
	}
	return fmt.Sprintf("%.1500q", a.Output)
}

// parting is where two texts begin to differ, with what stands around it.
func parting(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	from := max(i-60, 0)
	return fmt.Sprintf("at %d: got %.200q, want %.200q", i, a[from:], b[from:])
}

// examples are the 17 templates of Peering Manager's documentation, and what each is for.
func examples(t *testing.T) []job {
	t.Helper()
	folder := capture.Need(t, "templating", "peering-manager-docs")
	files, err := filepath.Glob(folder + "/*.j2")
	if err != nil || len(files) != 17 {
		t.Fatalf("%d templates in %s, want 17: %v", len(files), folder, err)
	}
	parts := map[string]string{}
	body := func(name string) string {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for i, name := range []string{"Default config", "Sub - BGP Groups", "Sub - BGP Neighbors", "Sub - Route Policy", "Sub - Route Policy Communities", "Sub - Route Policy Prefix Lists"} {
		parts["GITHUB Nokia SROS "+name] = body(fmt.Sprintf("examples-nokia-sros-%d.j2", i+1))
	}
	var jobs []job
	for _, file := range files {
		name := filepath.Base(file)
		for _, switched := range []bool{false, true} {
			j := job{name: name, Template: body(name), Parts: parts, Trim: switched, Lstrip: switched}
			switch {
			case strings.Contains(name, "peering-request-email"):
				for id := int64(1); id <= 11; id++ {
					j.Email = id
					jobs = append(jobs, j)
				}
			case strings.Contains(name, "new-network-email"):
				for id := int64(1); id <= 8; id++ {
					j.NewNetwork = []int64{1, id}
					jobs = append(jobs, j)
				}
			default:
				for id := int64(1); id <= 6; id++ {
					j.Router = id
					jobs = append(jobs, j)
				}
			}
		}
	}
	return jobs
}

func TestTheDocumentationsTemplatesRenderByteForByte(t *testing.T) {
	t.Parallel()
	jobs := examples(t)
	f := exampleNetwork(t)
	filled, raised := 0, 0
	for i, want := range asked(t, jobs) {
		got := f.answered(t.Context(), jobs[i])
		if got.Output != want.Output || (got.Error == "") != (want.Error == "") {
			t.Errorf("%.80q…\n got %s\nwant %s\n%s", jobs[i].Template, shown(got), shown(want), parting(got.Output, want.Output))
		}
		if want.Error == "" && strings.TrimSpace(want.Output) != "" {
			filled++
		}
		if jobs[i].name == "examples-arista-eos-0.j2" && got.Error == jinja.UndefinedErr && strings.Contains(got.Message, "'session' is undefined") {
			raised++
		}
	}
	if raised == 0 {
		t.Error("the example for Arista EOS asks for the policies of an undefined session: that must fail")
	}
	if filled < 120 {
		t.Errorf("%d renderings gave text: the network shows too little", filled)
	}
}
