package bird

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		raw  string
		want string // part of the refusal, "" accepts
	}{
		"nothing means Debian's":           {``, ""},
		"one alone":                        {`{"owned":"/etc/bird/ours/owned.conf"}`, ""},
		"sudo before birdc":                {`{"birdc":"sudo -n /usr/sbin/birdc -s /run/bird/bird.ctl"}`, ""},
		"an unknown field":                 {`{"socket":"/run/bird.ctl"}`, "unknown field"},
		"text after it":                    {`{} {}`, "text after"},
		"a relative path":                  {`{"main":"bird.conf"}`, "main must be an absolute path"},
		"a path upwards":                   {`{"owned":"/etc/bird/../x.conf"}`, "owned must be"},
		"a quote in a path":                {`{"owned":"/etc/\"bird/x.conf"}`, "owned must be"},
		"a wildcard":                       {`{"owned":"/etc/bird/*.conf"}`, "owned must be"},
		"a command that is a shell script": {`{"birdc":"birdc; reboot"}`, "birdc must be"},
		"an expansion in a command":        {`{"birdc":"birdc $(id)"}`, "birdc must be"},
		"one file for both":                {`{"owned":"/etc/bird/bird.conf"}`, "two files"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseSettings(json.RawMessage(tt.raw))
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	if a, err := (platform{}).Adoption(nil); err != nil || a.File != "/etc/bird/bird.conf" || a.Line != `include "/etc/bird/peerflow/owned.conf";` {
		t.Errorf("adopting takes %+v, %v", a, err)
	}
}

func TestTrialMain(t *testing.T) {
	t.Parallel()
	const ours = "include \"peerflow/owned.conf\";"
	const trial = "include \"/etc/bird/peerflow/candidate-42.conf\";"
	const end = "\ndefine PEERFLOW_DEPLOYMENT = \"42\";\n"
	tests := map[string]struct {
		main, want string
		err        error
		refusal    string
	}{
		"relative include":              {main: "router id 192.0.2.1;\n" + ours + "\n", want: "router id 192.0.2.1;\n" + trial + "\n" + end},
		"absolute include":              {main: "include \"/etc/bird/peerflow/owned.conf\" ;", want: trial + end},
		"others become absolute":        {main: "include \"a/*.conf\";\n" + ours + "\ninclude \"/b.conf\";", want: "include \"/etc/bird/a/*.conf\";\n" + trial + "\ninclude \"/b.conf\";" + end},
		"a statement after the include": {main: "\t" + ours + " define A = 1;", want: trial + " define A = 1;" + end},
		"none":                          {main: "router id 192.0.2.1;", err: driver.ErrNoInclude},
		"in a line comment":             {main: "# " + ours, err: driver.ErrNoInclude},
		"in a block comment":            {main: "/*\n" + ours + "\n*/", err: driver.ErrNoInclude},
		"comment marks in a string":     {main: "define A = \"/*\";\n" + ours, want: "define A = \"/*\";\n" + trial + end},
		"a quote in a comment":          {main: "# don't \" do\n" + ours, want: "# don't \" do\n" + trial + end},
		"not at a line's start is none": {main: "define A = 1; " + ours, err: driver.ErrNoInclude},
		"twice":                         {main: ours + "\n" + ours, refusal: "2 times"},
		"a wildcard takes candidates":   {main: ours + "\ninclude \"peerflow/*.conf\";", refusal: "also takes in candidates"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := trialMain(tt.main, debian, "42")
			switch {
			case tt.err != nil:
				if !errors.Is(err, tt.err) {
					t.Errorf("got %v, want %v", err, tt.err)
				}
			case tt.refusal != "":
				if err == nil || !strings.Contains(err.Error(), tt.refusal) {
					t.Errorf("got %v, want %q", err, tt.refusal)
				}
			case err != nil || got != tt.want:
				t.Errorf("got %v\n%s\nwant\n%s", err, got, tt.want)
			}
		})
	}
}

type vault map[peering.SecretRef]string

func (v vault) Resolve(_ context.Context, ref peering.SecretRef) (string, error) { return v[ref], nil }

func TestSecretsStandInPasswordsAlone(t *testing.T) {
	t.Parallel()
	secrets := vault{{ID: 17, Version: 3}: "s3cret", {ID: 18, Version: 1}: "s3cret", {ID: 19, Version: 1}: "a\"quote", {ID: 20, Version: 1}: ""}
	known := []peering.SecretRef{{ID: 18, Version: 1}, {ID: 17, Version: 3}}
	tests := map[string]struct{ text, refusal string }{
		"a password":                           {"protocol bgp a { password \"{secret:17@3}\"; }\n", ""},
		"equal passwords keep their names":     {"x { password \"{secret:17@3}\"; }\ny { password \"{secret:18@1}\"; }\nz { password \"{secret:17@3}\"; }\n", ""},
		"no secret":                            {"protocol bgp a { }\n", ""},
		"a description":                        {"x {\n description \"{secret:17@3}\"; }\n", "line 2: a secret may stand only in password"},
		"a part of a password":                 {"x { password \"x{secret:17@3}\"; }\n", "one secret and nothing beside it"},
		"outside quotes":                       {"x { password {secret:17@3}; }\n", "line 1: a secret may stand only in password"},
		"a quote in a secret":                  {"x { password \"{secret:19@1}\"; }\n", "secret 19 version 1 holds a quote"},
		"an empty secret":                      {"x { password \"{secret:20@1}\"; }\n", "secret 20 version 1 is empty"},
		"what stands for somebody's password":  {"x {\n password \"{redacted:0badcafe}\"; }\n", "line 2: the router has a password there that isn't one of ours"},
		"a cipher":                             {"x { password \"{secret:17@3|cisco-type7}\"; }\n", "doesn't read cisco-type7, but clear text"},
		"a comment keeps its text":             {"# rotated {secret:17@3}\nx { password \"{secret:17@3}\"; }\n", ""},
		"a description that equals the secret": {"x { description \"s3cret\"; password \"{secret:17@3}\"; }\n", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			filled, err := fill(context.Background(), tt.text, peering.HashText(tt.text), secrets)
			if tt.refusal != "" {
				if err == nil || !strings.Contains(err.Error(), tt.refusal) || strings.Contains(err.Error(), "s3cret") {
					t.Errorf("got %v, want %q", err, tt.refusal)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			r := &Reader{secrets: secrets}
			back, err := r.restore(context.Background(), filled.text, known)
			if err != nil || back != tt.text {
				t.Errorf("got %v\n%s\nwant\n%s", err, back, tt.text)
			}
			if mark(filled.text) != peering.HashText(tt.text) {
				t.Errorf("marked %q", mark(filled.text))
			}
		})
	}
}

func TestWordsOfTheRouterHideSecrets(t *testing.T) {
	t.Parallel()
	c := cleartext{secrets: map[string]peering.SecretRef{"abc": {ID: 1, Version: 2}, "abcdef": {ID: 3, Version: 4}}}
	if got, want := c.hide("unexpected abcdef after abc"), "unexpected <secret v4> after <secret v2>"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	words := "/etc/bird/peerflow/candidate-42.conf:14:9 syntax error"
	if got, want := artifactLines(words, debian.candidate("42")), "line 13:9 syntax error"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestARejectionBlamesTheCandidateForWhatItSaysAlone(t *testing.T) {
	t.Parallel()
	c := &Conn{Reader: &Reader{router: "edge1", settings: debian}}
	for words, kind := range map[string]peering.Kind{
		"/etc/bird/peerflow/candidate-1.conf:2:1 syntax error":      peering.Invalid,
		"/etc/bird/peerflow/main-1.conf: Permission denied":         peering.Denied, // as BIRD runs under a user of its own
		"/etc/bird/bird.conf:9:1 Unable to open: Permission denied": peering.Denied,
	} {
		if err := c.rejected("commit", []reply{{codeConfigurationBad, words}}, trial{name: "1"}); peering.KindOf(err) != kind {
			t.Errorf("%q gave %v (%s)", words, err, peering.KindOf(err))
		}
	}
}

func TestLoadTimeIsComparableOrNothing(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Second)
	const long = "2006-01-02 15:04:05"
	tests := map[string]struct {
		zone      int    // hours that BIRD's clock is ahead of ours
		now, load string // layouts of its now and its load, an hour before
		want      string // fraction of the load, "" for nothing to compare with
	}{
		"milliseconds":           {0, long + ".000", long + ".000", "592"},
		"whole seconds":          {0, long, long, "999999"},
		"a zone in the east":     {9, long + ".000", long + ".000", "592"},
		"a zone in the west":     {-12, long + ".000", long + ".000", "592"},
		"a date alone":           {0, "2006-01-02", "2006-01-02", ""},
		"a time alone":           {0, "15:04:05.000", "15:04:05.000", ""},
		"a date before 20 hours": {0, "15:04:05", "2006-01-02", ""},
		"an order of somebody's": {0, "02.01.2006 15:04:05", "02.01.2006 15:04:05", ""},
		"a now that isn't one":   {0, "2006-01-99 15:04:05", long, ""},
		"a load that isn't one":  {0, long, "2006-01-99 15:04:05", ""},
		"no seconds":             {0, "2006-01-02 15:04", "2006-01-02 15:04", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			there := now.Local().Add(time.Duration(tt.zone) * time.Hour)
			status := "1011-Router ID is 192.0.2.1\n     Current server time is " + there.Format(tt.now) +
				"\n     Last reboot on 2026-11-22 17:10:32.592\n     Last reconfiguration on " + there.Add(-time.Hour+592*time.Millisecond).Format(tt.load) + "\n"
			out, _ := exec.CommandContext(t.Context(), "sh", "-c", "status=$1\n"+loadTime+"loaded", "sh", status).Output()
			want := ""
			if tt.want != "" {
				want = fmt.Sprintf("@%d.%s\n", now.Add(-time.Hour).Unix(), tt.want)
			}
			if string(out) != want {
				t.Errorf("got %q, want %q", out, want)
			}
		})
	}
}
