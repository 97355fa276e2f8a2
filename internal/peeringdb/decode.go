package peeringdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"

	"peerflow/internal/peering"
)

// Stream is an answer while it arrives. Rows may be ranged over once; an error
// ends them and means that nothing of the answer may be used, rows already seen
// included.
type Stream struct {
	Rows  iter.Seq2[peering.PDBRow, error]
	Meta  *Meta
	close func()
}

// Close gives up a stream that is not read to its end.
func (s *Stream) Close() {
	if s.close != nil {
		s.close()
	}
}

// errStopped says that the consumer wants no more rows.
var errStopped = errors.New("stopped")

// answer reads one envelope, {"data": [...], "meta": {...}} with its members in
// any order, row by row.
type answer struct {
	call   *call
	dec    *json.Decoder
	meta   *Meta
	kind   kind
	assert func(peering.PDBRow) error
	raw    json.RawMessage
	marked bool
	total  int64
}

func (a *answer) rows(yield func(peering.PDBRow, error) bool) {
	defer a.call.close()
	a.dec = json.NewDecoder(a.call)
	err := a.envelope(yield)
	if err != nil && !errors.Is(err, errStopped) {
		yield(nil, a.refusal(err))
	}
}

// refusal makes every error of the reading a typed one.
func (a *answer) refusal(err error) error {
	var e *Error
	if errors.As(err, &e) || a.call.ctx.Err() != nil {
		return err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &Error{Fault: Broken, Type: a.call.typ, Detail: "the answer was cut off"}
	}
	return &Error{Fault: Broken, Type: a.call.typ, Err: err}
}

func (a *answer) envelope(yield func(peering.PDBRow, error) bool) error {
	if err := a.delim('{'); err != nil {
		return err
	}
	var seen bool
	for a.dec.More() {
		key, err := a.dec.Token()
		if err != nil {
			return err
		}
		switch {
		case key == "data" && seen:
			return errors.New("data comes twice")
		case key == "data":
			seen, err = true, a.data(yield)
		case key == "meta":
			err = a.readMeta()
		default:
			err = a.dec.Decode(&a.raw)
		}
		if err != nil {
			return err
		}
	}
	return a.end(seen)
}

func (a *answer) end(seen bool) error {
	if err := a.delim('}'); err != nil {
		return err
	}
	if _, err := a.dec.Token(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = errors.New("more follows after the answer")
		}
		return err
	}
	if !seen {
		return errors.New("the answer has no data")
	}
	// One row in a hundred may be beyond us; more means that the whole is not what
	// was asked for. Small answers may hold one.
	if a.meta.Unreadable > max(1, a.total/100) || (a.meta.Unreadable == a.total && a.total > 1) {
		return fmt.Errorf("%d of %d rows are unreadable, first %s", a.meta.Unreadable, a.total, a.meta.FirstUnreadable)
	}
	return nil
}

func (a *answer) delim(want json.Delim) error {
	token, err := a.dec.Token()
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("found %v where %s should be", clip(fmt.Sprint(token)), want)
	}
	return nil
}

func (a *answer) readMeta() error {
	var meta map[string]json.RawMessage
	if err := a.dec.Decode(&meta); err != nil {
		return fmt.Errorf("read meta: %w", err)
	}
	for _, bad := range []string{"truncated", "error"} {
		if text := string(meta[bad]); text != "" && text != "null" && text != "false" && text != `""` {
			return fmt.Errorf("meta says %s: %s", bad, clip(text))
		}
	}
	// Undocumented, and only told to people: what can't be read stays unknown.
	if seconds, err := strconv.ParseFloat(string(meta["generated"]), 64); err == nil && seconds > 0 {
		a.meta.Generated = time.Unix(int64(seconds), 0).UTC()
	}
	return nil
}

func (a *answer) data(yield func(peering.PDBRow, error) bool) error {
	if err := a.delim('['); err != nil {
		return err
	}
	for a.dec.More() {
		if err := a.dec.Decode(&a.raw); err != nil {
			return err
		}
		row, err := a.row()
		if err != nil {
			return err
		}
		if !yield(row, nil) {
			return errStopped
		}
	}
	return a.delim(']')
}

// row reads one object. One that can't be used comes as its head with the status
// unreadable; one without an id can't even be told from the others, and is an error.
func (a *answer) row() (peering.PDBRow, error) {
	a.total++
	row := a.kind.new()
	err := json.Unmarshal(a.raw, row)
	if err != nil || row.Head().Status == peering.PDBDeleted {
		return a.headOnly(err)
	}
	if err := a.checkMarks(); err != nil {
		return nil, err
	}
	if err := a.kind.check(row); err != nil {
		return a.headOnly(err)
	}
	return row, a.checkHead(row)
}

// checkMarks looks at the first live row only: the server makes all of them alike.
func (a *answer) checkMarks() error {
	if a.marked {
		return nil
	}
	a.marked = true
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(a.raw, &fields); err != nil {
		return err
	}
	for _, mark := range a.kind.marks {
		if _, ok := fields[mark]; !ok {
			return fmt.Errorf("row %d is not of this type: it has no %s", a.total, mark)
		}
	}
	return nil
}

func (a *answer) checkHead(row peering.PDBRow) error {
	head := row.Head()
	if head.ID <= 0 {
		return fmt.Errorf("row %d has no id", a.total)
	}
	if head.Updated.IsZero() || head.Status == "" {
		return fmt.Errorf("row with id %d has no status or no time of update", head.ID)
	}
	return a.assert(row)
}

// headOnly is what remains of a row whose other fields make no sense, for cause, or
// don't matter: a tombstone needs no more.
func (a *answer) headOnly(cause error) (peering.PDBRow, error) {
	row := a.kind.new()
	if err := json.Unmarshal(a.raw, row.Head()); err != nil {
		return nil, fmt.Errorf("row %d: %w", a.total, err)
	}
	if err := a.checkHead(row); err != nil {
		return nil, err
	}
	if row.Head().Status == peering.PDBDeleted {
		return row, nil
	}
	row.Head().Status = peering.PDBUnreadable
	a.meta.Unreadable++
	if a.meta.FirstUnreadable == "" {
		a.meta.FirstUnreadable = clip(fmt.Sprintf("id %d: %v", row.Head().ID, cause))
	}
	return row, nil
}
