package bird

import (
	"context"
	"encoding/base64"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"peerflow/internal/peering"
)

// readScript prints one line per fact: its name and what there is, in base64. It
// asks for the status twice, so that a configuration loaded meanwhile is noticed.
const readScript = `owned=$1 birdc=$2 main=$3
unset TZ
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin LC_ALL=C
export PATH LC_ALL
bird() { timeout 60 $birdc -v "$@" </dev/null; }
` + loadTime + `fact() { printf '%s ' "$1"; base64 -w 0; printf '\n'; }
status=$(bird show status)
[ -n "$status" ] || exit 70
printf '%s\n' "$status" | fact before
bird configure status | fact pending
bird eval PEERFLOW_ARTIFACT | fact artifact
bird eval PEERFLOW_DEPLOYMENT | fact deployment
if [ -r "$main" ]; then cat -- "$main" | fact main; fi
if [ -r "$owned" ]; then
  cat -- "$owned" | fact owned
  since=$(loaded) || exit 81
  changed "$owned" | fact edited
fi
if [ -r "${owned%/*}/installed.conf" ]; then cat -- "${owned%/*}/installed.conf" | fact installed; fi
for f in "${owned%/*}"/candidate-[0-9]*.conf; do
  if [ -f "$f" ] && [ -r "$f" ]; then cat -- "$f" | fact "${f##*/}"; fi
done
bird show status | fact after
`

// readTries is how often a read starts again when somebody loads a configuration in the middle of it.
const readTries = 3

// ReadOwned reads what BIRD runs of our part, what it would boot, and what is pending.
func (r *Reader) ReadOwned(ctx context.Context, known []peering.SecretRef) (peering.Running, error) {
	for range readTries {
		facts, err := r.readFacts(ctx)
		if err != nil {
			return peering.Running{}, err
		}
		if facts.generation != "" {
			return r.interpret(ctx, facts, known)
		}
	}
	return peering.Running{}, peering.Errorf(peering.Unavailable, "%s: its configuration changes faster than it can be read", r.router)
}

// facts is one consistent look at the router.
type facts struct {
	generation string // "" when the configuration changed during the look
	rebooted   string // when the daemon started
	artifact   string // hash of what runs, "" for none
	deployment string // whose trial was loaded last, "" for none
	pending    *peering.Pending
	main       string
	owned      string
	edited     bool              // the owned file was written after BIRD loaded what it runs
	installed  string            // our own copy of the owned file as we wrote it last
	candidates map[string]string // text by deployment
	readAt     time.Time
}

func (r *Reader) readFacts(ctx context.Context) (facts, error) {
	res, err := r.shell.run(ctx, readScript, nil, r.settings.Owned, r.settings.Birdc, r.settings.Main)
	if err != nil {
		return facts{}, err
	}
	if err := r.exitError(res); err != nil {
		return facts{}, err
	}
	raw, err := decodeFacts(res.out)
	if err != nil {
		return facts{}, fmt.Errorf("%s: %w", r.router, err)
	}
	if err := r.readable(raw); err != nil {
		return facts{}, err
	}
	f := facts{main: raw["main"], owned: raw["owned"], edited: raw["edited"] != "", installed: raw["installed"], candidates: candidates(raw), readAt: time.Now()}
	before, after := generation(raw["before"]), generation(raw["after"])
	f.rebooted, _ = loads(raw["before"])
	if before == "" || after == "" {
		return facts{}, silent(r.router)
	}
	if peering.SameGeneration(before, after) {
		f.generation = before
	}
	if f.artifact, err = value(r.router, parseReplies(raw["artifact"])); err != nil {
		return facts{}, err
	}
	if f.deployment, err = value(r.router, parseReplies(raw["deployment"])); err != nil {
		return facts{}, err
	}
	f.pending = pendingOf(parseReplies(raw["pending"]), f.deployment)
	return f, nil
}

// readable refuses to take a file that this login can't see for an empty one.
func (r *Reader) readable(raw map[string]string) error {
	for name, file := range map[string]string{"main": r.settings.Main, "owned": r.settings.Owned} {
		if _, ok := raw[name]; !ok {
			return peering.Errorf(peering.Denied, "%s: this login can't read %s: make the file if it isn't there, and let the login's group read it", r.router, file)
		}
	}
	return nil
}

func decodeFacts(out string) (map[string]string, error) {
	raw := map[string]string{}
	for line := range strings.Lines(out) {
		name, encoded, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		text, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, peering.NewError(peering.Unavailable, "what was read from it is cut short")
		}
		raw[name] = string(text)
	}
	return raw, nil
}

func candidates(raw map[string]string) map[string]string {
	found := map[string]string{}
	for name, text := range raw {
		if middle, ok := strings.CutPrefix(name, "candidate-"); ok {
			found[strings.TrimSuffix(middle, ".conf")] = text
		}
	}
	return found
}

// loads reads when BIRD started and when it loaded what it runs. After an undo
// the second is again the time of the earlier load: what runs is that very load.
func loads(status string) (rebooted, loaded string) {
	for _, r := range parseReplies(status) {
		if at, ok := strings.CutPrefix(r.text, "Last reboot on "); ok {
			rebooted = at
		}
		if at, ok := strings.CutPrefix(r.text, "Last reconfiguration on "); ok {
			loaded = at
		}
	}
	return rebooted, loaded
}

func generation(status string) string {
	rebooted, loaded := loads(status)
	if loaded == "" {
		return ""
	}
	return peering.TimedGeneration(loaded, rebooted)
}

var undoIn = regexp.MustCompile(`undo in ([0-9.]+) s`)

// pendingOf reads configure status. The owner is the deployment whose trial is
// loaded; somebody's own configure with timeout has none.
func pendingOf(replies []reply, deployment string) *peering.Pending {
	text, ok := find(replies, codeUndoScheduled)
	if !ok {
		return nil
	}
	p := &peering.Pending{Owner: deployment}
	if m := undoIn.FindStringSubmatch(text); m != nil {
		seconds, err := strconv.ParseFloat(m[1], 64)
		if err == nil {
			p.Remaining = time.Duration(seconds * float64(time.Second))
		}
	}
	return p
}

func (r *Reader) interpret(ctx context.Context, f facts, known []peering.SecretRef) (peering.Running, error) {
	if err := checkIncludes(includes(f.main, path.Dir(r.settings.Main)), r.settings); err != nil {
		return peering.Running{}, fmt.Errorf("%s: %w", r.router, err)
	}
	boot, err := r.restore(ctx, f.owned, known)
	if err != nil {
		return peering.Running{}, fmt.Errorf("%s: owned file: %w", r.router, err)
	}
	text, err := r.runningText(ctx, f, known, boot)
	if err != nil {
		return peering.Running{}, fmt.Errorf("%s: what it runs: %w", r.router, err)
	}
	running := peering.Running{Identity: f.artifact, Pending: f.pending, Generation: f.generation, Incarnation: f.rebooted, ReadAt: f.readAt, RevertsToLoad: true}
	if running.Boot, err = (Syntax{}).Split(boot); err != nil {
		return peering.Running{}, fmt.Errorf("%s: owned file: %w", r.router, err)
	}
	if running.Stanzas, err = (Syntax{}).Split(text); err != nil {
		return peering.Running{}, fmt.Errorf("%s: what it runs: %w", r.router, err)
	}
	return running, nil
}

// runningText finds the text that BIRD loaded. Two cases: BIRD loaded its main file
// (boot, or anybody's plain configure), and with it the owned file as it was then;
// or it loaded a trial of ours, and with it the candidate, which may be installed
// and discarded since.
func (r *Reader) runningText(ctx context.Context, f facts, known []peering.SecretRef, boot string) (string, error) {
	if f.deployment == "" && !f.edited {
		return boot, nil
	}
	candidate := f.candidates[f.deployment]
	switch f.artifact {
	case "":
		return "", r.unknown(f)
	case mark(candidate):
		return r.restore(ctx, candidate, known)
	case mark(f.installed):
		return r.restore(ctx, f.installed, known)
	case peering.HashText(boot):
		return boot, nil
	}
	return "", r.unknown(f)
}

// unknown says why nobody can tell what runs.
func (r *Reader) unknown(f facts) error {
	if f.deployment == "" {
		return peering.Errorf(peering.Conflict, "%s was changed after BIRD loaded it: load the change (birdc configure) or take it back", r.settings.Owned)
	}
	return peering.Errorf(peering.Conflict, "no file in %s that this login can read is what BIRD runs (artifact %.12s)", r.settings.folder(), f.artifact)
}

// mark is the artifact hash in a file's first line, "" for none.
func mark(text string) string {
	m := header.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return m[1]
}
