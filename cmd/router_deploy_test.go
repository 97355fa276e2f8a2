package cmd

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"peerflow/internal/peering"
)

func TestRouterDeployBringsWhatIsRecorded(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		end     peering.ChangeState
		outcome string
		flags   string
		code    int
		says    string
	}{
		"confirmed":             {peering.ChangeCompleted, "confirmed on 1 router", "--yes", exitOK, "confirmed on 1 router"},
		"rolled back by itself": {peering.ChangeRolledBack, "announced 900 prefixes, expected 3", "--yes", exitNotDeployed, "announced 900"},
		"rejected":              {peering.ChangeRejected, "rejected by bob: no", "--yes", exitRefused, "rejected by bob"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.network()
			done := b.workflow(tt.end, tt.outcome)
			code, stdout, stderr := b.cli("admin", "", append([]string{"router", "deploy", "edge1", "--reason", "drift"}, strings.Fields(tt.flags)...)...)
			<-done
			if code != tt.code {
				t.Errorf("exit %d, want %d: %s", code, tt.code, stderr)
			}
			for _, want := range []string{"change/1  deploy what is recorded to edge1", "adds 1 session", "approved by admin: 1 of 1", tt.says} {
				if !strings.Contains(stdout, want) {
					t.Errorf("%q isn't in\n%s", want, stdout)
				}
			}
			b.wants(b.do("admin", "GET", "/api/v1/changes/1", ""), 200, `"kind":"deploy"`)
			b.wants(b.do("admin", "GET", "/api/v1/changes/1", ""), 200, `"reason":"drift"`)
		})
	}
}

func TestRouterDeployPrintsOneJSONDocumentAndSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.network()
	planned := make(chan struct{})
	go func() {
		defer close(planned)
		c := b.first(func(peering.Change) bool { return true })
		b.check(b.db.MoveChange(b.Context(), c.ID, peering.ChangeDraft, "can't be planned: no worker", "")) // it waits for no agreement
		b.plan(c)
	}()
	code, stdout, stderr := b.cli("admin", "", "router", "deploy", "1", "--json")
	<-planned
	var r peerReport
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != exitOK || r.Change.Kind != peering.KindDeploy || r.Plan == nil {
		t.Fatalf("exit %d, %v: %s%s", code, err, stdout, stderr)
	}
	if !strings.Contains(stderr, "peerflow change approve 1 --plan ") {
		t.Errorf("progress says %s", stderr)
	}
	if code, _, stderr := b.cli("admin", "", "router", "deploy", "edge9"); code != exitNotFound || !strings.Contains(stderr, "router edge9") {
		t.Errorf("an unknown router: exit %d, %s", code, stderr)
	}
	if code, _, _ := b.cli("admin", "", "router", "deploy"); code != exitUsage {
		t.Errorf("no router: exit %d", code)
	}
}

// What a remedy says to type is a command, with words that it takes.
func TestRemediesNameCommands(t *testing.T) {
	t.Parallel()
	named := regexp.MustCompile("peerflow (router deploy) ([^ :;,)]+)")
	texts := []string{peering.BringBack("edge1")}
	for _, sync := range []peering.Sync{peering.Drifted, peering.SyncInterfered, peering.NotDeployed, peering.Reverted} {
		_, why := peering.DisplayOf(peering.Session{RouterID: 7, Intent: peering.Present, Sync: sync}, peering.Agreed, peering.Manage, nil, time.Time{}, 0)
		texts = append(texts, why)
	}
	for _, text := range texts {
		found := named.FindStringSubmatch(text)
		if found == nil {
			t.Errorf("no command in %q", text)
			continue
		}
		c, args, err := Root().Find(append(strings.Fields(found[1]), found[2]))
		if err != nil || c.Name() != "deploy" || len(args) != 1 {
			t.Errorf("%q is no command: %v", found[0], err)
		}
	}
}
