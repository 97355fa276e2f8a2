package bird

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

func testdata(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// The answers of a live BIRD 2.0.12, one command after the other.
func TestConfigureAnswers(t *testing.T) {
	t.Parallel()
	answers := strings.Split(testdata(t, "configure.txt"), "0001 BIRD 2.0.12 ready.\n")[1:]
	status := parseReplies(answers[0])
	if p := pendingOf(status, "42"); p == nil || p.Owner != "42" || p.Remaining != 29996*time.Millisecond {
		t.Errorf("pending is %+v", p)
	}
	if _, ok := find(parseReplies(answers[1]), codeConfirmed); !ok {
		t.Errorf("a confirmation isn't recognised: %q", answers[1])
	}
	if p := pendingOf(parseReplies(answers[2]), "42"); p != nil {
		t.Errorf("pending after the confirmation: %+v", p)
	}
	if _, ok := find(parseReplies(answers[3]), codeNothingToDo); !ok {
		t.Errorf("a confirmation of nothing isn't recognised: %q", answers[3])
	}
	// The trap that Abort guards against: without a timer, undo goes back one configuration all the same.
	if _, ok := find(parseReplies(answers[4]), codeReconfigured); !ok {
		t.Errorf("an undo after the confirmation isn't recognised: %q", answers[4])
	}
}

func TestNeighborsOfALiveRouter(t *testing.T) {
	t.Parallel()
	replies := parseReplies(testdata(t, "protocols.txt"))
	now := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC) // another zone than the router's
	router := clockOf(replies)
	count := func(n int64) *int64 { return &n }
	family := func(limit int64, received, accepted, announced *int64) []peering.FamilyState {
		return []peering.FamilyState{{
			Family: bgp.IPv4, ImportPolicy: "ours_in", ExportPolicy: "to_peers",
			Limit: &limit, Received: received, Accepted: accepted, Announced: announced,
		}}
	}
	got := neighbors(replies, now)
	want := []peering.Neighbor{
		{Name: "s0", State: bgp.Established, RemoteAS: 64501, HoldTime: 9 * time.Second, LastMessage: now.Add(5877*time.Millisecond - 9*time.Second), Families: family(100, count(5), count(5), count(2))},
		{Name: "s1", State: bgp.Active, RemoteAS: 64501, DownReason: peering.DownAdminPeer, DownText: "Socket: Connection closed: moving racks", Families: family(100, nil, nil, nil)},
		{Name: "s2", State: bgp.Idle, RemoteAS: 64501, DownReason: peering.DownLimitOurs, DownText: "Automatic shutdown: Route limit exceeded", Families: family(3, nil, nil, nil)},
		{Name: "s3", State: bgp.Active, RemoteAS: 64502, DownReason: peering.DownRefused, DownText: "Socket: Connection closed", Families: family(100, nil, nil, nil)},
		{Name: "s4", State: bgp.Active, RemoteAS: 64501, DownReason: peering.DownRefused, DownText: "Socket: Connection refused", Families: family(100, nil, nil, nil)},
		{Name: "s5", State: bgp.Idle, RemoteAS: 64501, AdminDown: true, DownReason: peering.DownAdminOurs, Families: family(100, nil, nil, nil)},
		{Name: "s6", State: bgp.Connect, RemoteAS: 64501, DownReason: peering.DownNoAnswer, Families: family(100, nil, nil, nil)},
	}
	for i := range want {
		want[i].LocalAS, want[i].Transitions = 64496, -1
		want[i].Address = got[i].Address // 127.1.<router>.<number>: the third byte is the test's
		want[i].Since = got[i].Since
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if a := got[3].Address.String(); a != "127.1.1.4" {
		t.Errorf("address of s3 is %s", a)
	}
	if ago := now.Sub(got[0].Since); ago != router.Sub(time.Date(2026, 11, 22, 17, 53, 24, 930e6, time.UTC)) {
		t.Errorf("s0 is up for %s", ago)
	}
}

func TestSince(t *testing.T) {
	t.Parallel()
	const morning, midnight = "10:00:00.000", "23:59:59.900"
	now := time.Date(2026, 11, 22, 9, 0, 1, 0, time.UTC)
	tests := map[string]struct {
		router string // its time of day, on the 22nd
		text   string
		ago    time.Duration // negative is not reported
	}{
		"today":                         {morning, "09:59:00.500", 59500 * time.Millisecond},
		"yesterday evening":             {morning, "22:00:00.000", 12 * time.Hour},
		"as long ago as is possible":    {morning, "14:00:00.000", 20 * time.Hour},
		"today, late":                   {midnight, "04:00:00.000", 20*time.Hour - 100*time.Millisecond},
		"a time of day for any time":    {midnight, "00:59:59.900", 23 * time.Hour},
		"after the router's now":        {morning, "10:00:00.030", 0},
		"after it, and after midnight":  {midnight, "00:00:00.070", 0},
		"an earlier day":                {morning, "2026-11-20", 58 * time.Hour},
		"date and time (iso long)":      {morning, "2026-11-21 10:00:00.000", 24 * time.Hour},
		"date and time, after that now": {morning, "2026-11-22 10:00:00.030", 0},
		"a format that nobody parses":   {morning, "1763800000", -1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			router, err := time.Parse(dateTime, "2026-11-22 "+tt.router)
			if err != nil {
				t.Fatal(err)
			}
			got := sinceOf(tt.text, router, now)
			if tt.ago < 0 && !got.IsZero() || tt.ago >= 0 && now.Sub(got) != tt.ago {
				t.Errorf("since %s, that is %s ago", got, now.Sub(got))
			}
		})
	}
}

func TestAnAnswerIsWhatTheScriptPrinted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		shell string // what the login's shell does, with the command in $1
		out   string
		code  int
		kind  peering.Kind
	}{
		"as it is":                  {`eval "$1"`, "line\nno newline", 75, ""},
		"a shell that talks":        {`echo Welcome; eval "$1"; code=$?; echo Good bye; exit $code`, "line\nno newline", 75, ""},
		"a shell that reads a line": {`read -r line; eval "$1"`, "", 0, peering.Denied},
		"a shell without a use":     {`echo This account is currently not available.; exit 1`, "", 0, peering.Denied},
		"an answer cut short":       {`eval "$1" | head -n 2`, "", 0, peering.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line, words := commandLine(`echo line; printf "$1"; exit 75`, []string{"no newline"})
			cmd := exec.Command("sh", "-c", c.shell, "shell", line)
			cmd.Stdin = strings.NewReader(words)
			out, err := cmd.Output()
			var exit *exec.ExitError
			code := 0
			if errors.As(err, &exit) {
				code = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			got, err := (&shell{router: "edge1"}).answer(string(out), code)
			if got.out != c.out || got.code != c.code || peering.KindOf(err) != c.kind {
				t.Errorf("%q, exit code %d, %v", got.out, got.code, err)
			}
		})
	}
}

// csh reads a "!" and a line's end as its own even in single quotes, fish a backslash,
// a restricted bash no exec; and no line may be longer than 128 KiB.
func TestAnyShellReadsTheCommandLine(t *testing.T) {
	t.Parallel()
	plain := regexp.MustCompile(`^sh -c '[^'!\\\n]{1,100}' peerflow$`)
	if line, _ := commandLine(stageScript, slices.Repeat([]string{"it's \\ here!\n"}, 10_000)); !plain.MatchString(line) {
		t.Errorf("the line is %.200q", line)
	}
}
