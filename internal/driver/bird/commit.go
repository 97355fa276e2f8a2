package bird

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// Stage puts candidate-<deployment>.conf and main-<deployment>.conf into the
// working folder. It writes the same files however often it is called.
func (c *Conn) Stage(ctx context.Context, commit driver.Commit) error {
	files, err := c.prepare(ctx, strconv.FormatInt(commit.Deployment, 10), commit)
	if err != nil {
		return err
	}
	_, err = c.script(ctx, stageScript, files.name, commit, files.stdin(), files.lengths()...)
	return err
}

// CheckCandidate lets BIRD parse the candidate under a name of its own and removes it again.
func (c *Conn) CheckCandidate(ctx context.Context, commit driver.Commit) error {
	files, err := c.prepare(ctx, "check-"+rand.Text(), commit)
	if err != nil {
		return err
	}
	res, err := c.script(ctx, checkScript, files.name, commit, files.stdin(), files.lengths()...)
	if err != nil {
		return err
	}
	replies := parseReplies(res.out)
	if _, ok := find(replies, codeCheckedOK); ok {
		return nil
	}
	return c.rejected("check the candidate", replies, files)
}

// Commit loads the staged candidate under BIRD's undo timer.
func (c *Conn) Commit(ctx context.Context, commit driver.Commit) error {
	seconds := int64(commit.Timer / time.Second)
	if seconds < 1 || commit.Timer%time.Second != 0 {
		return peering.Errorf(peering.Invalid, "rollback timer %s: BIRD counts whole seconds, 1 at least", commit.Timer)
	}
	files, err := c.prepare(ctx, strconv.FormatInt(commit.Deployment, 10), commit)
	if err != nil {
		return err
	}
	_, others, err := c.closed(ctx, commit.Artifact)
	if err != nil {
		return err
	}
	args := append(files.lengths(), strconv.FormatInt(seconds, 10), files.original)
	res, err := c.script(ctx, commitScript, files.name, commit, files.stdin(), append(args, others...)...)
	if errors.Is(err, driver.ErrReopens) {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(res.out))
	}
	if err != nil {
		return err
	}
	replies := parseReplies(res.out)
	_, scheduled := find(replies, codeUndoScheduled)
	if _, refused := refusal(replies); !refused && scheduled {
		return nil
	}
	return c.rejected("commit", replies, files)
}

// Confirm makes the pending trial stay. Its "nothing to do" comes when another
// writer's plain configure has taken the timer away between our look and our word.
func (c *Conn) Confirm(ctx context.Context, commit driver.Commit) error {
	res, err := c.run(ctx, confirmScript, commit)
	if err != nil {
		return err
	}
	replies := parseReplies(res.out)
	if _, ok := find(replies, codeConfirmed); ok {
		return nil
	}
	return c.nothingToDo("confirm", replies)
}

// Abort undoes the pending trial at once.
func (c *Conn) Abort(ctx context.Context, commit driver.Commit) error {
	res, err := c.run(ctx, abortScript, commit, c.closedMeanwhile(ctx)...)
	if err != nil {
		return err
	}
	replies := parseReplies(res.out)
	for _, done := range []int{codeReconfigured, codeInProgress, codeQueued} {
		if _, ok := find(replies, done); ok {
			return nil
		}
	}
	return c.nothingToDo("undo", replies)
}

// Install makes the candidate the owned file: copied, synced, renamed, and
// compared on the router. It refuses when BIRD doesn't run this artifact.
func (c *Conn) Install(ctx context.Context, commit driver.Commit) error {
	if err := c.proveInclude(ctx); err != nil {
		return err
	}
	_, err := c.run(ctx, installScript, commit)
	return err
}

// Discard removes the deployment's files, except while they are what runs.
func (c *Conn) Discard(ctx context.Context, commit driver.Commit) error {
	_, err := c.run(ctx, discardScript, commit)
	return err
}

func (c *Conn) run(ctx context.Context, script string, commit driver.Commit, args ...string) (result, error) {
	return c.script(ctx, script, strconv.FormatInt(commit.Deployment, 10), commit, nil, args...)
}

// nothingToDo translates the daemon's answer to a confirm or undo that had no effect.
func (c *Conn) nothingToDo(act string, replies []reply) error {
	if _, ok := find(replies, codeNothingToDo); ok {
		return fmt.Errorf("%s: %w", c.router, driver.ErrNotPending)
	}
	return failed(c.router, act, replies)
}

// rejected gives the daemon's words about a candidate, without secrets and with our own line numbers.
func (c *Conn) rejected(act string, replies []reply, files trial) error {
	r, refused := refusal(replies)
	if !refused || r.code != codeConfigurationBad {
		return failed(c.router, act, replies)
	}
	words := files.candidate.hide(r.text)
	if strings.Contains(words, "Permission denied") {
		return peering.Errorf(peering.Denied, "%s: BIRD may not read a file that is loaded (%s): let BIRD's group read it, and give %s to that group, setgid", c.router, words, c.settings.folder())
	}
	return &driver.RejectedError{Words: artifactLines(words, c.settings.candidate(files.name))}
}

var position = regexp.MustCompile(`^:(\d+):(\d+) `)

// artifactLines says "line 7:12" of the artifact where BIRD names the candidate, which has one line more.
func artifactLines(words, candidate string) string {
	rest, ours := strings.CutPrefix(words, candidate)
	m := position.FindStringSubmatch(rest)
	if !ours || m == nil {
		return words
	}
	line, _ := strconv.Atoi(m[1]) // digits
	return fmt.Sprintf("line %d:%s %s", line-1, m[2], rest[len(m[0]):])
}

// trial is the pair of files that a deployment loads.
type trial struct {
	name      string
	candidate cleartext
	main      string
	original  string // SHA-256 of the main file that was copied, hex
}

func (t trial) stdin() []byte { return []byte(t.candidate.text + t.main) }

func (t trial) lengths() []string {
	return []string{strconv.Itoa(len(t.candidate.text)), strconv.Itoa(len(t.main))}
}

func (c *Conn) prepare(ctx context.Context, name string, commit driver.Commit) (trial, error) {
	if peering.HashText(commit.Artifact) != commit.Hash {
		return trial{}, peering.NewError(peering.Invalid, "the artifact's text isn't the one its hash names")
	}
	main, err := c.readMain(ctx)
	if err != nil {
		return trial{}, err
	}
	copied, err := trialMain(main, c.settings, name)
	if err != nil {
		return trial{}, err
	}
	filled, err := fill(ctx, commit.Artifact, commit.Hash, c.secrets)
	return trial{name: name, candidate: filled, main: copied, original: fmt.Sprintf("%x", sha256.Sum256([]byte(main)))}, err
}

func (c *Conn) proveInclude(ctx context.Context) error {
	main, err := c.readMain(ctx)
	if err != nil {
		return err
	}
	_, err = trialMain(main, c.settings, "")
	return err
}

func (c *Conn) readMain(ctx context.Context) (string, error) {
	res, err := c.shell.run(ctx, `cat -- "$1"`, nil, c.settings.Main)
	if err != nil {
		return "", err
	}
	if res.code != 0 {
		return "", peering.Errorf(peering.Invalid, "%s: the main file %s can't be read with this login", c.router, c.settings.Main)
	}
	return res.out, nil
}
