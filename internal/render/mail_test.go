package render

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerflow/internal/peering"
)

// Mails are rendered to a peer with sessions of every kind and to one with few, strictly.
func TestMailStartersRenderWhatPeopleRead(t *testing.T) {
	t.Parallel()
	f := exampleNetwork(t)
	for _, m := range mails {
		body, err := Starter(m.name)
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, asn := range []int64{64496, 64497, 65551} {
			var id int64
			for _, a := range f.AutonomousSystems {
				if a.ASN == asn {
					id = a.ID
				}
			}
			text, err := renderText(t.Context(), peering.Template{Name: m.name, Body: body}, f.variables(job{Email: id}), plain)
			if err != nil {
				t.Fatalf("%s to AS%d: %v", m.name, asn, err)
			}
			all.WriteString(text + "\n----\n")
			subject, rest, _ := strings.Cut(text, "\n")
			if strings.TrimSpace(subject) == "" || !strings.HasPrefix(rest, "\nDear ") {
				t.Errorf("%s to AS%d: subject %q, then %.20q", m.name, asn, subject, rest)
			}
		}
		file := "testdata/starter/" + m.name + ".txt"
		if *update {
			if err := os.WriteFile(file, []byte(all.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), all.String()); diff != "" {
			t.Errorf("%s:\n%s", m.name, diff)
		}
	}
}
