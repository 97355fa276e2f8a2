package workflows_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"peerflow/activities"
	"peerflow/workflows"
)

// texts are the free texts that travel through histories, each with what it
// says. Ids, hashes, counts, times and enumerated words need no entry; a
// configuration, a diff, a prefix list or a secret gets none.
var texts = listed(map[string]string{
	"a SHA-256 in hex": "PlanResult.Hash CompareResult.Hash Decide.Plan VoteInput.Plan",
	"a site's slug, or a router's name": "CompareRouterInput.Site DeployRouterInput.Site ProposeRouterInput.Site PlanInput.Site PollRouterInput.Site QueuedDeployment.Site " +
		"WaitResult.Site ScopeResult.Sites PlannedRouter.Name QueuedDeployment.Router",
	"a person's or a rule's name":                 "Tally.By Tally.Expired Tally.Rejecter Tally.Rule Tally.Solo PlanResult.Rule",
	"a person's reason, at most 1000 bytes":       "Decide.Reason VoteInput.Reason Tally.Reason Standing.Cancel WaitResult.Cancelled LookUpResult.Summary",
	"an approval code: any presentation burns it": "Decide.Code VoteInput.Code",
	"Temporal's own id of an update":              "VoteInput.UpdateID",
	"why to look again: one word":                 "LookAgainSignal.Why",
	"one sentence for people: names, counts, an error's text; clipped where it speaks of many things or in a router's words": "AbortInput.Reason " +
		"AgreeResult.Text AwaitedResult.Text BeginResult.Frozen BeginResult.Refused BeginResult.Unapproved DeployChangeResult.Outcome DeployRouterResult.Text DeploymentStatus.Text " +
		"DescribeResult.Outcome EndInput.Text LookUpResult.Outcome LookUpResult.Text MoveInput.Outcome MoveInput.Step Next.Text PlanResult.Impact PlanResult.Moved " +
		"ContinuedChange.Note PollResult.Error SessionsResult.Text StepInput.Text UnpolledInput.Text VoteResult.Text WaitInput.Text",
	"the text to send to a peer, clipped: what it would be sent by mail": "AgreeResult.Ask",
	"addresses, and what was found of them; of many the first":           "PollResult.Breached PollResult.Changed",
})

func listed(by map[string]string) map[string]string {
	all := map[string]string{}
	for what, fields := range by {
		for f := range strings.FieldsSeq(fields) {
			all[f] = what
		}
	}
	return all
}

// carried are the types of everything that a workflow or an activity is given or answers.
func carried() map[string]reflect.Type {
	types := map[string]reflect.Type{}
	method := func(name string, f reflect.Type) {
		for i := range f.NumIn() {
			types[name+" takes"] = f.In(i) // the last one: before it come receiver and context
		}
		if f.NumOut() == 2 {
			types[name+" answers"] = f.Out(0)
		}
	}
	for _, a := range []any{&activities.Planning{}, &activities.Approving{}, &activities.Changing{}, &activities.Deploying{}, &activities.Routers{}, &activities.Mirroring{}} {
		t := reflect.TypeOf(a)
		for i := range t.NumMethod() {
			method(t.Method(i).Name, t.Method(i).Type)
		}
	}
	for name, w := range released {
		method(name, reflect.TypeOf(w))
	}
	types["signal look_again"] = reflect.TypeFor[workflows.LookAgainSignal]()
	types["update decide"] = reflect.TypeFor[workflows.Decide]()
	return types
}

// A history carries ids, hashes, counts and short texts for people.
func TestNothingThatTravelsThroughAHistoryCanHoldAConfiguration(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	seen := map[reflect.Type]bool{}
	var walk func(where string, v reflect.Type)
	walk = func(where string, v reflect.Type) {
		switch {
		case v == reflect.TypeFor[time.Time](), v.Kind() == reflect.String && v.PkgPath() != "": // a moment; a word of an enumeration
		case v.Kind() == reflect.Bool, v.Kind() >= reflect.Int && v.Kind() <= reflect.Uint64, v == reflect.TypeFor[error]():
		case v.Kind() == reflect.String:
			used[where] = true
			if texts[where] == "" {
				t.Errorf("%s is a free text: say in texts what it holds, if it may travel", where)
			}
		case v.Kind() == reflect.Slice && v.Elem().Kind() != reflect.Uint8, v.Kind() == reflect.Pointer:
			walk(where, v.Elem())
		case v.Kind() == reflect.Struct:
			if seen[v] {
				return
			}
			seen[v] = true
			for _, f := range reflect.VisibleFields(v) {
				if !f.Anonymous && f.Tag.Get("json") != "-" {
					walk(v.Name()+"."+f.Name, f.Type)
				}
			}
		default:
			t.Errorf("%s is a %s: a history carries ids, and the rest is in the database", where, v)
		}
	}
	for where, v := range carried() {
		walk(where, v)
	}
	for where := range texts {
		if !used[where] {
			t.Errorf("texts names %s, which doesn't travel", where)
		}
	}
}

// configuration is what a router's or a template's text looks like.
var configuration = regexp.MustCompile(`protocol bgp |filter pf_|import limit|neighbor-address|auth-password|\{secret:|@@ |(?m:^[-+] )|PRIVATE KEY|password`)

// mostBytes is how long one payload of a small network's history may be. 2 MiB is Temporal's limit, for any.
const mostBytes = 4 << 10

func TestRecordedHistoriesHoldNoConfiguration(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "replay", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	looked := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var history any
		if err := json.Unmarshal(text, &history); err != nil {
			t.Fatal(err)
		}
		inHistory(history, "", func(at, s string) {
			looked++
			if found := configuration.FindString(s); found != "" {
				t.Errorf("%s: %s holds %q: %s", filepath.Base(file), at, found, s)
			}
			if len(s) > mostBytes {
				t.Errorf("%s: %s has %d bytes", filepath.Base(file), at, len(s))
			}
		})
	}
	if looked < 1000 {
		t.Errorf("only %d texts were looked at", looked)
	}
}

// inHistory shows each text of a recorded history: payloads decoded, failures and details as they are.
func inHistory(v any, at string, look func(at, text string)) {
	switch v := v.(type) {
	case map[string]any:
		for name, w := range v {
			inHistory(w, at+"."+name, look)
		}
	case []any:
		for _, w := range v {
			inHistory(w, at, look)
		}
	case string:
		if decoded, err := base64.StdEncoding.DecodeString(v); err == nil && strings.HasSuffix(at, ".data") {
			v = string(decoded)
		}
		look(at, v)
	}
}
