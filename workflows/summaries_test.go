package workflows_test

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"google.golang.org/protobuf/proto"

	"peerflow/activities"
	"peerflow/workflows"
)

// answering registers an activity that gives a result, whatever it is asked.
func answering(env *testsuite.TestWorkflowEnvironment, name string, result any) {
	f := reflect.MakeFunc(reflect.FuncOf([]reflect.Type{reflect.TypeFor[context.Context](), reflect.TypeFor[any]()},
		[]reflect.Type{reflect.TypeOf(result), reflect.TypeFor[error]()}, false), func([]reflect.Value) []reflect.Value {
		return []reflect.Value{reflect.ValueOf(result), reflect.Zero(reflect.TypeFor[error]())}
	})
	env.RegisterActivityWithOptions(f.Interface(), activity.RegisterOptions{Name: name})
}

// Whoever adds an activity says what it does.
func TestEveryActivityHasASummary(t *testing.T) {
	t.Parallel()
	known := workflows.ActivitySummaries()
	for _, group := range []any{&activities.Planning{}, &activities.Approving{}, &activities.Changing{}, &activities.Deploying{}, &activities.Routers{}, &activities.Mirroring{}} {
		of := reflect.TypeOf(group)
		for i := range of.NumMethod() {
			name := of.Method(i).Name
			if text, ok := known[name]; !ok || text == "" {
				t.Errorf("activity %s has no summary", name)
			}
			delete(known, name)
		}
	}
	for name := range known {
		t.Errorf("there is no activity %s", name)
	}
}

// Temporal refuses to start a workflow whose summary, as it stores it, has more than 400 bytes.
func TestASummaryOfAnyTextFits(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"short": "provision AS64501 by anna", "lines": "one\n two\tthree", "long": strings.Repeat("because ", 200),
		"quotes": strings.Repeat(`"`, 500), "brackets": strings.Repeat("<", 500), "short, and long as it is stored": strings.Repeat("<", 150), "wide": strings.Repeat("Zürich ", 200), "broken": "a\xff" + strings.Repeat("b", 500),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := workflows.OneLine(text)
			payload, err := converter.GetDefaultDataConverter().ToPayload(got)
			if err != nil || proto.Size(payload) > 400 || strings.ContainsAny(got, "\n\t") || !utf8.ValidString(got) {
				t.Errorf("%d bytes: %q, %v", proto.Size(payload), got, err)
			}
			if len(text) < 60 && got != strings.Join(strings.Fields(text), " ") {
				t.Errorf("%q became %q", text, got)
			}
		})
	}
}
