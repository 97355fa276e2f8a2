package cmd

import (
	"strings"
	"testing"

	"peerflow/db"
)

// A worker keeps where the lines of a text come from, unless it is told not to.
func TestProvenanceIsSwitchedByItsVariable(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{"": "kept", "true": "kept", "false": "not kept", "off": `PEERFLOW_PROVENANCE=off: say true or false`} {
		c, err := ConfigFromEnvironment(func(name string) string { return map[string]string{"PEERFLOW_PROVENANCE": value}[name] })
		got := map[bool]string{true: "not kept", false: "kept"}[(&Parts{Config: c, DB: &db.DB{}}).Activities().Planning.NoProvenance]
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) || len(got) > len(want)+20 {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}
