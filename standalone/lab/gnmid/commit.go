package gnmid

import (
	"context"
	"errors"
	"time"

	gpb "github.com/openconfig/gnmi/proto/gnmi"
	"github.com/openconfig/gnmi/proto/gnmi_ext"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// defaultRollback applies when a commit names no duration (gNMI commit confirmed §3.2.1).
const defaultRollback = 10 * time.Minute

// pending is the one commit that waits for its confirmation.
type pending struct {
	id    string
	base  tree
	until time.Time
	timer *time.Timer
}

// election is a master-arbitration id, 128 bits.
type election struct{ high, low uint64 }

func (e election) less(o election) bool {
	return e.high < o.high || e.high == o.high && e.low < o.low
}

// extensions are those of one Set that this target knows; any other is refused.
type extensions struct {
	commit      *gnmi_ext.Commit
	arbitration *gnmi_ext.MasterArbitration
}

func readExtensions(all []*gnmi_ext.Extension) (extensions, error) {
	var out extensions
	for _, x := range all {
		switch x := x.GetExt().(type) {
		case *gnmi_ext.Extension_Commit:
			out.commit = x.Commit
		case *gnmi_ext.Extension_MasterArbitration:
			out.arbitration = x.MasterArbitration
		default:
			return out, status.Errorf(codes.Unimplemented, "extension %T is not implemented here", x)
		}
	}
	if out.commit != nil && out.commit.GetId() == "" {
		return out, status.Error(codes.InvalidArgument, "commit: an id is required")
	}
	return out, nil
}

// arbitrate refuses a client that a later one has replaced (gNMI master arbitration §3.2).
func (t *Target) arbitrate(a *gnmi_ext.MasterArbitration) error {
	if a == nil {
		return nil
	}
	if a.GetElectionId() == nil {
		return status.Error(codes.InvalidArgument, "master arbitration: an election id is required")
	}
	id := election{a.GetElectionId().GetHigh(), a.GetElectionId().GetLow()}
	highest := t.elections[a.GetRole().GetId()]
	if id.less(highest) {
		return status.Errorf(codes.PermissionDenied, "master arbitration: election id %d:%d has taken over", highest.high, highest.low)
	}
	t.elections[a.GetRole().GetId()] = id
	return nil
}

// set carries out one SetRequest, whole or not at all.
func (t *Target) set(r *gpb.SetRequest) (*gpb.SetResponse, error) {
	x, err := readExtensions(r.GetExtension())
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.speaker == nil {
		return nil, status.Error(codes.Unavailable, "the router is going down")
	}
	if err := t.arbitrate(x.arbitration); err != nil {
		return nil, err
	}
	if x.commit == nil {
		return t.plainSet(r)
	}
	return t.commitSet(r, x.commit)
}

func (t *Target) plainSet(r *gpb.SetRequest) (*gpb.SetResponse, error) {
	if t.pending != nil {
		return nil, status.Error(codes.FailedPrecondition, "a commit waits for its confirmation")
	}
	rest, wish, err := takeWishes(r)
	if err != nil {
		return nil, err
	}
	switch {
	case wish[validateOnly]:
		_, err := t.candidate(rest)
		return t.answer(r), err
	case wish[saveRunning]:
		return t.answer(r), t.save()
	}
	response, err := t.edit(r)
	if err != nil || operations(r) == 0 {
		return response, err
	}
	return response, t.keep()
}

// keep makes a reboot load what runs, unless the operator has to ask for that.
func (t *Target) keep() error {
	if t.cfg.SaveExplicitly {
		return nil
	}
	return t.save()
}

func (t *Target) save() error {
	if err := t.saveBoot(t.running); err != nil {
		return status.Errorf(codes.Internal, "save the boot configuration: %v", err)
	}
	return nil
}

func operations(r *gpb.SetRequest) int {
	return len(r.GetDelete()) + len(r.GetReplace()) + len(r.GetUpdate()) + len(r.GetUnionReplace())
}

func (t *Target) commitSet(r *gpb.SetRequest, c *gnmi_ext.Commit) (*gpb.SetResponse, error) {
	if begin, ok := c.GetAction().(*gnmi_ext.Commit_Commit); ok {
		return t.beginCommit(r, c.GetId(), begin.Commit.GetRollbackDuration())
	}
	if operations(r) > 0 {
		return nil, status.Error(codes.InvalidArgument, "commit: a commit can't be amended")
	}
	if err := t.mustWaitFor(c.GetId()); err != nil {
		return nil, err
	}
	switch a := c.GetAction().(type) {
	case *gnmi_ext.Commit_Confirm:
		t.endPending()
		return t.answer(r), t.keep()
	case *gnmi_ext.Commit_Cancel:
		return t.answer(r), t.revert()
	case *gnmi_ext.Commit_SetRollbackDuration:
		return t.answer(r), t.extend(a.SetRollbackDuration.GetRollbackDuration())
	}
	return nil, status.Error(codes.InvalidArgument, "commit: an action is required")
}

// mustWaitFor refuses confirm, cancel and extension of anything but the pending commit (§3.2.2 to §3.2.4).
func (t *Target) mustWaitFor(id string) error {
	if t.pending == nil {
		return status.Error(codes.FailedPrecondition, "no commit waits for its confirmation")
	}
	if t.pending.id != id {
		return status.Error(codes.InvalidArgument, "commit: the id is not the pending commit's")
	}
	return nil
}

func (t *Target) beginCommit(r *gpb.SetRequest, id string, rollback *durationpb.Duration) (*gpb.SetResponse, error) {
	if t.pending != nil {
		return nil, status.Error(codes.FailedPrecondition, "another commit waits for its confirmation")
	}
	d := defaultRollback
	if rollback != nil {
		d = rollback.AsDuration()
	}
	if d <= 0 {
		return nil, status.Error(codes.InvalidArgument, "commit: the rollback duration must be longer than 0")
	}
	base := t.running
	response, err := t.edit(r)
	if err != nil {
		return nil, err
	}
	p := &pending{id: id, base: base, until: time.Now().Add(d)}
	p.timer = time.AfterFunc(d, func() { t.expire(p) })
	t.pending = p
	return response, nil
}

// expire is the rollback timer: it reverts unless the commit ended meanwhile.
func (t *Target) expire(p *pending) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pending != p || t.speaker == nil || time.Now().Before(p.until) {
		return // ended or extended while we waited for the lock
	}
	if err := t.revert(); err != nil {
		p.timer.Reset(time.Second) // nobody is there to be told: try until the base runs
	}
}

func (t *Target) revert() error {
	base := t.pending.base
	if err := t.activate(base); err != nil {
		return status.Errorf(codes.Internal, "revert: %v", err)
	}
	t.endPending()
	return nil
}

func (t *Target) endPending() {
	if t.pending == nil {
		return
	}
	t.pending.timer.Stop()
	t.pending = nil
}

func (t *Target) extend(d *durationpb.Duration) error {
	if d.AsDuration() <= 0 {
		return status.Error(codes.InvalidArgument, "commit: the rollback duration must be longer than 0")
	}
	t.pending.until = time.Now().Add(d.AsDuration()) // before the timer, which compares with it
	t.pending.timer.Reset(d.AsDuration())
	return nil
}

// OperatorSet is another writer on the router's own console. It isn't bound by
// gNMI's rules: it also commits while a commit waits for its confirmation, and
// then, as on routers with one configuration, both become permanent.
func (t *Target) OperatorSet(_ context.Context, r *gpb.SetRequest) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.speaker == nil {
		return errors.New("the router is down")
	}
	if _, err := t.edit(r); err != nil {
		return err
	}
	t.endPending()
	return t.save()
}

// OperatorConfirm is somebody on the console who makes the pending commit stay.
func (t *Target) OperatorConfirm() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pending == nil {
		return errors.New("no commit waits for its confirmation")
	}
	t.endPending()
	return t.save()
}

// Pending is the id of the commit that waits for its confirmation, as the
// console shows it; "" for none.
func (t *Target) Pending() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pending == nil {
		return ""
	}
	return t.pending.id
}
