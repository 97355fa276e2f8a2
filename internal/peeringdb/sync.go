package peeringdb

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// Source gives the rows. Client is the API of version 2; another version is
// another Source.
type Source interface {
	Fetch(ctx context.Context, t peering.PDBType, since time.Time) (*Stream, error)
	FetchASN(ctx context.Context, asn bgp.ASN, missing MissingIDs) ([]peering.PDBRow, error)
}

// Store is the mirror. LoadType and LoadNetwork take all rows or none.
type Store interface {
	// Alone does something while no other process or goroutine does; waits is called
	// now and then until the one before has ended.
	Alone(ctx context.Context, waits func(), do func() error) error
	BeginRun(ctx context.Context, full bool, at time.Time) (peering.PDBRun, error)
	EndRun(ctx context.Context, end peering.PDBRunEnd) error
	LoadType(ctx context.Context, load peering.PDBLoad, rows iter.Seq2[peering.PDBRow, error]) (peering.PDBCounts, error)
	LoadNetwork(ctx context.Context, asn bgp.ASN, at time.Time, rows []peering.PDBRow) error
	NoteFailure(ctx context.Context, asn bgp.ASN, at time.Time, why string) error
	MissingIDs(ctx context.Context, t peering.PDBType, ids []int64) ([]int64, error)
	NetworkFreshness(ctx context.Context, asn bgp.ASN) (peering.PDBFreshness, error)
}

// Syncer brings the mirror up to date.
type Syncer struct {
	Source Source
	Store  Store
	Now    func() time.Time // nil = time.Now
}

// NewSyncer reads from source into store.
func NewSyncer(source Source, store Store) *Syncer { return &Syncer{Source: source, Store: store} }

// Options of a run.
type Options struct {
	// Full asks for whole types, which also finds rows that deltas missed. A type
	// that came whole within the hour gets a delta instead: PeeringDB refuses to
	// send a large answer twice in that time.
	Full bool
	// Force accepts a full answer that lacks many known rows. A broken or empty one
	// stays refused.
	Force bool
	// Progress hears of rows as they arrive: before the first of a type, every
	// thousand, and at the end; and of peering.PDBWaits while another sync runs.
	Progress func(t peering.PDBType, rows int64)
}

// Report is what a run did. Types that an earlier attempt of the same run had
// finished are Skipped.
type Report struct {
	Run        int64
	StartedAt  time.Time
	Types      []peering.PDBCounts
	Skipped    []peering.PDBType
	AuthStatus string // as PeeringDB sees us; empty when it doesn't tell
	// Unreadable says, per type, the first row that could not be used.
	Unreadable map[peering.PDBType]string
}

const (
	// Rows may become visible a little after their time of update says; they come
	// again and change nothing.
	deltaOverlap = 5 * time.Minute

	fullAgainAfter = time.Hour // identical large answers: one an hour, PeeringDB's query limits
	progressEvery  = 1000
	maxDowns       = 2
	endRunTimeout  = 10 * time.Second
	noteTimeout    = 5 * time.Second
)

// Sync fetches and merges the types (nil = all), parents first, each in a
// transaction of its own. A type that fails does not keep the others back, unless
// PeeringDB throttles us, refuses our key or is down. Another call within the hour
// fetches only what is left. The error names every type that failed, the reason to
// stop first. One that begins while another one runs waits for its end: both would
// take up the same run.
func (s *Syncer) Sync(ctx context.Context, types []peering.PDBType, opt Options) (report Report, err error) {
	waits := func() {
		if opt.Progress != nil {
			opt.Progress(peering.PDBWaits, 0)
		}
	}
	err = s.Store.Alone(ctx, waits, func() error {
		report, err = s.sync(ctx, types, opt)
		return err
	})
	return report, err
}

func (s *Syncer) sync(ctx context.Context, types []peering.PDBType, opt Options) (Report, error) {
	run, err := s.Store.BeginRun(ctx, opt.Full, s.now())
	if err != nil {
		return Report{}, err
	}
	fresh, err := s.Store.NetworkFreshness(ctx, 0)
	if err != nil {
		return Report{}, err
	}
	attempt := &attempt{Syncer: s, run: run, opt: opt, end: peering.PDBRunEnd{Run: run.ID, Failed: map[peering.PDBType]string{}}}
	attempt.report = Report{Run: run.ID, StartedAt: run.StartedAt, Unreadable: map[peering.PDBType]string{}}
	for _, state := range fresh.Types {
		if (types == nil || slices.Contains(types, state.Type)) && !attempt.stopped {
			attempt.try(ctx, state)
		}
	}
	return attempt.report, errors.Join(append(attempt.errs, attempt.close(ctx))...)
}

// attempt is one call of Sync, which may be the second on the same run.
type attempt struct {
	*Syncer
	run    peering.PDBRun
	opt    Options
	report Report
	end    peering.PDBRunEnd
	errs   []error
	// downs are the types in a row that PeeringDB was unavailable for.
	downs   int
	stopped bool
}

func (a *attempt) try(ctx context.Context, state peering.PDBTypeState) {
	if _, done := a.run.Done[state.Type]; done {
		a.report.Skipped = append(a.report.Skipped, state.Type)
		return
	}
	counts, err := a.syncType(ctx, state)
	if err == nil {
		a.downs = 0
		a.report.Types = append(a.report.Types, counts)
		return
	}
	a.end.Failed[state.Type] = err.Error()
	if a.stopped = ctx.Err() != nil || a.endsAttempt(err); a.stopped {
		a.errs = slices.Insert(a.errs, 0, err)
	} else {
		a.errs = append(a.errs, err)
	}
}

// endsAttempt tells errors that the next type would meet too. One type alone may
// be too much for the server; two in a row mean that it is down.
func (a *attempt) endsAttempt(err error) bool {
	switch FaultOf(err) {
	case Throttled, Unauthorized:
		return true
	case Unavailable:
		a.downs++
	default:
		a.downs = 0
	}
	return a.downs >= maxDowns
}

// close writes the end down even when the caller has gone.
func (a *attempt) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endRunTimeout)
	defer cancel()
	a.end.At = a.now()
	return a.Store.EndRun(ctx, a.end)
}

func (a *attempt) syncType(ctx context.Context, state peering.PDBTypeState) (peering.PDBCounts, error) {
	recent := a.now().Sub(state.LastFull) < fullAgainAfter
	if state.Cursor.IsZero() || (a.opt.Full && !recent) {
		counts, err := a.load(ctx, state.Type, time.Time{})
		if err != nil || !counts.Behind {
			return counts, err
		}
		// The full answer was older than our deltas: make up for it at once.
		delta, err := a.load(ctx, state.Type, counts.Cursor)
		return sum(counts, delta), err
	}
	return a.load(ctx, state.Type, state.Cursor.Add(-deltaOverlap))
}

func (a *attempt) load(ctx context.Context, t peering.PDBType, since time.Time) (peering.PDBCounts, error) {
	if a.opt.Progress != nil {
		a.opt.Progress(t, 0)
	}
	stream, err := a.Source.Fetch(ctx, t, since)
	if err != nil {
		return peering.PDBCounts{}, err
	}
	defer stream.Close()
	load := peering.PDBLoad{Type: t, Run: a.run.ID, Full: since.IsZero(), Force: a.opt.Force, At: a.now()}
	counts, err := a.Store.LoadType(ctx, load, a.watched(t, stream.Rows))
	if err != nil {
		return counts, err
	}
	a.report.AuthStatus = stream.Meta.AuthStatus
	if stream.Meta.FirstUnreadable != "" {
		a.report.Unreadable[t] = stream.Meta.FirstUnreadable
	}
	return counts, nil
}

// watched passes rows on and tells Progress.
func (a *attempt) watched(t peering.PDBType, rows iter.Seq2[peering.PDBRow, error]) iter.Seq2[peering.PDBRow, error] {
	if a.opt.Progress == nil {
		return rows
	}
	return func(yield func(peering.PDBRow, error) bool) {
		var n int64
		for row, err := range rows {
			if n++; n%progressEvery == 0 {
				a.opt.Progress(t, n)
			}
			if !yield(row, err) {
				return
			}
		}
		a.opt.Progress(t, n)
	}
}

func sum(full, delta peering.PDBCounts) peering.PDBCounts {
	delta.Full = true
	delta.Received += full.Received
	delta.Unreadable += full.Unreadable
	delta.Inserted += full.Inserted
	delta.Updated += full.Updated
	delta.Deleted += full.Deleted
	return delta
}

// RefreshASN looks up one network now; kind not_found when PeeringDB has none. The
// freshness is that of the mirror afterwards, and is good with an error too:
// planning then works with what is there, and says how old it is and why.
func (s *Syncer) RefreshASN(ctx context.Context, asn bgp.ASN) (peering.PDBFreshness, error) {
	at := s.now()
	err := s.refresh(ctx, asn, at)
	if err != nil && peering.KindOf(err) != peering.NotFound {
		noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTimeout)
		defer cancel()
		err = errors.Join(err, s.Store.NoteFailure(noting, asn, at, reason(err)))
	}
	fresh, readErr := s.Store.NetworkFreshness(ctx, asn)
	return fresh, errors.Join(err, readErr)
}

// NetworkFreshness is how old the mirror's view of one network is.
func (s *Syncer) NetworkFreshness(ctx context.Context, asn bgp.ASN) (peering.PDBFreshness, error) {
	return s.Store.NetworkFreshness(ctx, asn)
}

// reason is why PeeringDB couldn't be asked, without what was asked for.
func reason(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return clip(e.Error())
	}
	return clip(err.Error())
}

func (s *Syncer) refresh(ctx context.Context, asn bgp.ASN, at time.Time) error {
	rows, err := s.Source.FetchASN(ctx, asn, s.Store.MissingIDs)
	if err == nil {
		err = s.Store.LoadNetwork(ctx, asn, at, rows)
	}
	if err != nil {
		return fmt.Errorf("refresh %s: %w", asn, err)
	}
	if !slices.ContainsFunc(rows, func(row peering.PDBRow) bool {
		return row.PDBType() == peering.PDBNetworks && row.Head().Status == peering.PDBOK
	}) {
		return peering.Errorf(peering.NotFound, "PeeringDB has no network %s", asn)
	}
	return nil
}

func (s *Syncer) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC()
	}
	return s.Now()
}
