package openconfig

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	gpb "github.com/openconfig/gnmi/proto/gnmi"
	"github.com/openconfig/gnmi/proto/gnmi_ext"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// writeDeadline is the longest that one write may take, from its first check on.
const writeDeadline = 10 * time.Second

// writer is a connection that may write.
//
// What holds of the fence. With master_arbitration every write, Stage included,
// carries the token as election id, and the router refuses an older one: a zombie
// can't write, however late. A router may forget the highest id when it restarts;
// the pending commit is gone then too. Without it, the router refuses a second commit while
// one is pending, and confirm and abort of any other deployment's commit; beyond
// that there is only the deadline: a call gives up 10 s after it began, and what
// had been sent by then may still arrive while the connection lives.
type writer struct{ *conn }

// Stage stores nothing on the router: gNMI has no candidate. It claims the
// mastership where the router arbitrates, and refuses early what Commit would refuse.
func (w *writer) Stage(ctx context.Context, c driver.Commit) error {
	ctx, cancel := context.WithTimeout(ctx, writeDeadline)
	defer cancel()
	if _, err := w.claim(ctx, c); err != nil {
		return err
	}
	_, _, err := w.plan(ctx, c)
	return err
}

// Discard has nothing to remove; it proves the fence.
func (w *writer) Discard(ctx context.Context, c driver.Commit) error {
	ctx, cancel := context.WithTimeout(ctx, writeDeadline)
	defer cancel()
	_, err := w.claim(ctx, c)
	return err
}

// claim is the empty Set by which a new master announces itself. A router on
// which a commit waits refuses the Set, but has seen the election id by then.
func (w *writer) claim(ctx context.Context, c driver.Commit) (pending bool, err error) {
	if !w.settings.MasterArbitration {
		return false, nil
	}
	_, err = w.client.Set(w.as(ctx), &gpb.SetRequest{Extension: w.extensions(c, nil)})
	switch status.Code(err) {
	case codes.OK:
		return false, nil
	case codes.FailedPrecondition:
		return true, nil
	}
	return false, w.writeFailed("claim", err, nil)
}

// Commit sends one Set: owned stanzas that the artifact lacks are deleted,
// those that differ are replaced (one that keeps its password is edited, so that
// the password isn't sent again), and the rest isn't touched. Foreign entries
// never are: one that stands where a stanza should go is a refusal.
func (w *writer) Commit(ctx context.Context, c driver.Commit) error {
	ctx, cancel := context.WithTimeout(ctx, writeDeadline)
	defer cancel()
	if c.Timer < time.Second || c.Timer%time.Second != 0 {
		return peering.Errorf(peering.Invalid, "the rollback timer must be whole seconds, at least one")
	}
	if err := w.nothingPending(ctx, c); err != nil {
		return err
	}
	r, secrets, err := w.plan(ctx, c)
	if err != nil {
		return err
	}
	r.Extension = w.extensions(c, &gnmi_ext.Commit{Id: commitID(c), Action: &gnmi_ext.Commit_Commit{
		Commit: &gnmi_ext.CommitRequest{RollbackDuration: durationpb.New(c.Timer)},
	}})
	_, err = w.client.Set(w.as(ctx), r)
	switch status.Code(err) {
	case codes.OK:
		return nil
	case codes.FailedPrecondition:
		return fmt.Errorf("commit on router %s: %w", w.target.Router, driver.ErrPending)
	}
	return w.writeFailed("commit", err, secrets)
}

// nothingPending gives the clear refusal where a pending commit shows; the
// router's own refusal of a second one is what the safety rests on.
func (w *writer) nothingPending(ctx context.Context, c driver.Commit) error {
	pending, err := w.claim(ctx, c)
	if err != nil {
		return err
	}
	d, err := w.readDatastore(ctx)
	if err != nil {
		return err
	}
	if pending || d.State.Pending != nil {
		return fmt.Errorf("commit on router %s: %w", w.target.Router, driver.ErrPending)
	}
	return nil
}

// Confirm makes the pending commit stay; by gNMI's rules it also survives restarts from then on.
func (w *writer) Confirm(ctx context.Context, c driver.Commit) error {
	return w.finish(ctx, "confirm", c, &gnmi_ext.Commit{Id: commitID(c), Action: &gnmi_ext.Commit_Confirm{Confirm: &gnmi_ext.CommitConfirm{}}})
}

// Abort returns to the base at once.
func (w *writer) Abort(ctx context.Context, c driver.Commit) error {
	return w.finish(ctx, "abort", c, &gnmi_ext.Commit{Id: commitID(c), Action: &gnmi_ext.Commit_Cancel{Cancel: &gnmi_ext.CommitCancel{}}})
}

// finish ends a commit by its id. Nothing pending and another id pending are one refusal.
func (w *writer) finish(ctx context.Context, act string, c driver.Commit, end *gnmi_ext.Commit) error {
	ctx, cancel := context.WithTimeout(ctx, writeDeadline)
	defer cancel()
	_, err := w.client.Set(w.as(ctx), &gpb.SetRequest{Extension: w.extensions(c, end)})
	switch status.Code(err) {
	case codes.OK:
		return nil
	case codes.FailedPrecondition, codes.InvalidArgument:
		return fmt.Errorf("%s on router %s: %w", act, w.target.Router, driver.ErrNotPending)
	}
	return w.writeFailed(act, err, nil)
}

// Install proves that a restart would load this deployment's artifact, and asks
// the router to save first where it doesn't keep a confirmed Set by itself.
// What a restart would load is read back where the router shows it.
func (w *writer) Install(ctx context.Context, c driver.Commit) error {
	ctx, cancel := context.WithTimeout(ctx, writeDeadline)
	defer cancel()
	if _, err := w.claim(ctx, c); err != nil {
		return err
	}
	booted, err := w.installed(ctx, c)
	if err != nil || booted && w.settings.SavePath == "" {
		return err
	}
	if w.settings.SavePath != "" {
		r := &gpb.SetRequest{Update: []*gpb.Update{jsonUpdate(plainPath(w.settings.SavePath), []byte("true"))}, Extension: w.extensions(c, nil)}
		if _, err := w.client.Set(w.as(ctx), r); err != nil {
			return w.writeFailed("save", err, nil)
		}
		booted, err = w.installed(ctx, c)
	}
	if err == nil && !booted {
		err = peering.Errorf(peering.Unavailable, "install on router %s: a restart would not boot what runs", w.target.Router)
	}
	return err
}

// installed reports whether boot equals running, and refuses when the artifact
// doesn't run or isn't confirmed.
func (w *writer) installed(ctx context.Context, c driver.Commit) (bool, error) {
	known, err := peering.SecretRefs(c.Artifact)
	if err != nil {
		return false, peering.Errorf(peering.Invalid, "artifact: %w", err)
	}
	r, err := w.ReadOwned(ctx, known)
	switch {
	case err != nil:
		return false, err
	case r.Pending != nil:
		return false, fmt.Errorf("install on router %s: %w", w.target.Router, driver.ErrPending)
	case r.Identity != c.Hash:
		return false, peering.Errorf(peering.Conflict, "install on router %s: another configuration runs there", w.target.Router)
	}
	return slices.EqualFunc(r.Boot, r.Stanzas, func(a, b peering.Stanza) bool { return a.Key == b.Key && a.Text == b.Text }), nil
}

// checker is a writer on a router that judges candidates (settings.CheckPath).
type checker struct{ *writer }

// CheckCandidate sends the Set that Commit would send, without the commit and
// with the leaf that means "judge only". A router that doesn't have the leaf
// refuses the Set as a whole, as gNMI demands: nothing is ever loaded.
func (k *checker) CheckCandidate(ctx context.Context, c driver.Commit) error {
	ctx, cancel := context.WithTimeout(ctx, writeDeadline)
	defer cancel()
	r, secrets, err := k.plan(ctx, c)
	if err != nil {
		return err
	}
	r.Update = append(r.Update, jsonUpdate(plainPath(k.settings.CheckPath), []byte("true")))
	_, err = k.client.Set(k.as(ctx), r)
	switch status.Code(err) {
	case codes.OK:
		return nil
	case codes.FailedPrecondition:
		return fmt.Errorf("check on router %s: %w", k.target.Router, driver.ErrPending)
	}
	return k.writeFailed("check", err, secrets)
}

// extensions of one write: the fence where the router arbitrates, and the commit.
func (w *writer) extensions(c driver.Commit, commit *gnmi_ext.Commit) []*gnmi_ext.Extension {
	var out []*gnmi_ext.Extension
	if w.settings.MasterArbitration {
		out = append(out, &gnmi_ext.Extension{Ext: &gnmi_ext.Extension_MasterArbitration{MasterArbitration: &gnmi_ext.MasterArbitration{
			Role: &gnmi_ext.Role{Id: "peerflow"}, ElectionId: &gnmi_ext.Uint128{Low: uint64(c.Fence)},
		}}})
	}
	if commit != nil {
		out = append(out, &gnmi_ext.Extension{Ext: &gnmi_ext.Extension_Commit{Commit: commit}})
	}
	return out
}

// writeFailed translates a refused Set. The router's words are kept for a
// rejected configuration only, with the secrets that we sent taken out.
func (w *writer) writeFailed(act string, err error, secrets []string) error {
	switch status.Code(err) {
	case codes.PermissionDenied:
		if w.settings.MasterArbitration {
			return fmt.Errorf("%s on router %s: %w", act, w.target.Router, driver.ErrFenced)
		}
	case codes.InvalidArgument, codes.NotFound, codes.Aborted, codes.OutOfRange:
		return fmt.Errorf("%s on router %s: %w", act, w.target.Router, &driver.RejectedError{Words: words(err, secrets)})
	}
	return w.failed(act, err)
}

// plan reads what runs and makes the Set that leads to the artifact. It returns
// the clear secrets in it, so that they can be kept out of errors.
func (w *writer) plan(ctx context.Context, c driver.Commit) (*gpb.SetRequest, []string, error) {
	wanted, known, err := artifactOf(c)
	if err != nil {
		return nil, nil, err
	}
	hide, err := w.hider(ctx, known)
	if err != nil {
		return nil, nil, err
	}
	root, err := w.readConfig(ctx)
	if err != nil {
		return nil, nil, err
	}
	running, err := w.ownedStanzas(root, hide)
	if err != nil {
		return nil, nil, err
	}
	if err := w.nothingForeign(root, wanted, running); err != nil {
		return nil, nil, err
	}
	r := w.deletes(root, wanted, running, c.Hash)
	if err := w.replaces(ctx, r, wanted, running); err != nil {
		return nil, nil, err
	}
	if !slices.Contains(markers(root), c.Hash) {
		u, err := markerUpdate(c.Hash, wanted)
		if err != nil {
			return nil, nil, err
		}
		r.Replace = append(r.Replace, u)
	}
	return r, hide.clear(), nil
}

func artifactOf(c driver.Commit) (map[string]peering.Stanza, []peering.SecretRef, error) {
	if peering.HashText(c.Artifact) != c.Hash {
		return nil, nil, peering.Errorf(peering.Invalid, "the artifact isn't the one its hash names")
	}
	stanzas, err := Syntax{}.Split(c.Artifact)
	if err != nil {
		return nil, nil, err
	}
	known, err := peering.SecretRefs(c.Artifact)
	if err != nil {
		return nil, nil, peering.Errorf(peering.Invalid, "artifact: %w", err)
	}
	wanted, err := peering.StanzaMap(stanzas)
	return wanted, known, err
}

// nothingForeign refuses to take over an entry that somebody else made.
func (w *writer) nothingForeign(root map[string]any, wanted map[string]peering.Stanza, running []peering.Stanza) error {
	ours, err := peering.StanzaMap(running)
	if err != nil {
		return err
	}
	for _, of := range classes {
		for _, raw := range w.entries(root, of) {
			key := stanzaKey(of, canonical(raw, of.key))
			_, want := wanted[key]
			if _, our := ours[key]; want && !our {
				return peering.Errorf(peering.Conflict, "router %s: %s exists there and isn't ours: adopt it first", w.target.Router, key)
			}
		}
	}
	return nil
}

// stanzaPath is the list entry that a stanza stands for.
func (w *writer) stanzaPath(s peering.Stanza) *gpb.Path {
	name, id, _ := strings.Cut(s.Key, "/")
	of := classes[classIndex(name)]
	p := containers(of.path...)
	if of.bgp {
		p = w.bgp(of.path...)
	}
	p.Elem[len(p.Elem)-1].Key = map[string]string{of.key: id}
	return p
}
