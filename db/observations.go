package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// keepDrops is how long single drops of neighbors are remembered.
const keepDrops = 7 * 24 * time.Hour

// StorePoll replaces what is known of a router's neighbors; with an error it
// only notes the try. It answers which neighbors changed state. A poll that is
// older than what is known is dropped. Observed state has no change log: one
// event tells that something moved.
func (d *DB) StorePoll(ctx context.Context, p peering.Poll) (changes []peering.StateChange, err error) {
	actor := peering.Actor{Kind: peering.ActorSchedule, Name: fmt.Sprintf("poll/%d", p.RouterID)}
	err = d.Write(ctx, actor, func(tx *Tx) error {
		changes = nil
		last, err := tx.q.PollLock(ctx, p.RouterID)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if err == nil && !p.At.After(last.PolledAt) {
			return nil
		}
		if err := tx.putPoll(ctx, p); err != nil || p.Error != "" {
			return err
		}
		if changes, err = tx.putNeighbors(ctx, p); err != nil || len(changes) == 0 {
			return err
		}
		return tx.Emit(ctx, "router", 0, p.RouterID, "observed", map[string]any{"changes": changes})
	})
	return changes, err
}

func (tx *Tx) putPoll(ctx context.Context, p peering.Poll) error {
	put := dbsqlc.PollPutParams{RouterID: p.RouterID, PolledAt: p.At, Error: p.Error, Generation: p.Generation}
	if p.Error == "" {
		put.AnsweredAt = &p.At
	}
	return tx.q.PollPut(ctx, put)
}

func (tx *Tx) putNeighbors(ctx context.Context, p peering.Poll) ([]peering.StateChange, error) {
	rows, err := tx.q.NeighborList(ctx, p.RouterID)
	if err != nil {
		return nil, err
	}
	before := map[peering.NeighborKey]dbsqlc.NeighborState{}
	for _, r := range rows {
		before[peering.NeighborKey{VRF: r.Vrf, Address: r.Address}] = r
	}
	var changes []peering.StateChange
	var puts []dbsqlc.NeighborPutParams
	var drops []dbsqlc.NeighborDropPutParams
	for _, n := range p.Neighbors {
		n.Address = n.Address.Unmap().WithZone("")
		old := before[n.Key()]
		delete(before, n.Key())
		put, drop, err := seen(p, n, old)
		if err != nil {
			return nil, err
		}
		puts = append(puts, put)
		if drop > 0 {
			drops = append(drops, dbsqlc.NeighborDropPutParams{RouterID: p.RouterID, Vrf: n.VRF, Address: n.Address, At: p.At, Drops: drop})
		}
		if old.State != string(n.State) {
			changes = append(changes, peering.StateChange{Address: n.Address.String(), From: old.State, To: string(n.State)})
		}
	}
	for key, gone := range before {
		changes = append(changes, peering.StateChange{Address: key.Address.String(), From: gone.State})
	}
	return changes, tx.storeNeighbors(ctx, p, puts, drops)
}

func (tx *Tx) storeNeighbors(ctx context.Context, p peering.Poll, puts []dbsqlc.NeighborPutParams, drops []dbsqlc.NeighborDropPutParams) error {
	if err := batchError(tx.q.NeighborPut(ctx, puts).Exec); err != nil {
		return err
	}
	if err := batchError(tx.q.NeighborDropPut(ctx, drops).Exec); err != nil {
		return err
	}
	if err := tx.q.NeighborDropUnseen(ctx, dbsqlc.NeighborDropUnseenParams{RouterID: p.RouterID, SeenAt: p.At}); err != nil {
		return err
	}
	return tx.q.NeighborDropForget(ctx, dbsqlc.NeighborDropForgetParams{RouterID: p.RouterID, Before: p.At.Add(-keepDrops)})
}

// batchError runs a batch and gives its first error.
func batchError(exec func(func(int, error))) (first error) {
	exec(func(_ int, err error) {
		if first == nil {
			first = err
		}
	})
	return first
}

// seen is a neighbor's row after one more look, and how often it left
// Established since the one before.
func seen(p peering.Poll, n peering.Neighbor, old dbsqlc.NeighborState) (dbsqlc.NeighborPutParams, int64, error) {
	body, err := json.Marshal(n)
	if err != nil {
		return dbsqlc.NeighborPutParams{}, 0, err
	}
	var was peering.Neighbor
	if err := unmarshalIf(old.Body, &was); err != nil {
		return dbsqlc.NeighborPutParams{}, 0, err
	}
	drop := dropped(was, n)
	put := dbsqlc.NeighborPutParams{RouterID: p.RouterID, Vrf: n.VRF, Address: n.Address, RemoteASN: int64(n.RemoteAS), State: string(n.State),
		EverUp: old.EverUp || n.Established(), Drops: old.Drops + drop, LastDropAt: old.LastDropAt, Body: body, SeenAt: p.At}
	if drop > 0 {
		put.LastDropAt = &p.At
	}
	if n.Established() {
		put.EstablishedAt = establishedAt(p, n, old, drop)
	}
	return put, drop, nil
}

// sinceSlack is what a router's own figure for the last change of state may
// wander between two looks: daemons print whole seconds.
const sinceSlack = 2 * time.Second

// dropped counts how often a neighbor left Established between two looks: by
// the router's own counter where it has one, else by what both looks show.
func dropped(was, now peering.Neighbor) int64 {
	if !was.Established() {
		return 0
	}
	counted := now.Transitions - was.Transitions
	switch {
	case was.Transitions >= 0 && counted > 0:
		return counted
	case !now.Established(), !was.Since.IsZero() && now.Since.Sub(was.Since) > sinceSlack:
		return 1
	}
	return 0
}

// establishedAt is since when a neighbor is up: as the router says, else since it was first seen so.
func establishedAt(p peering.Poll, n peering.Neighbor, old dbsqlc.NeighborState, drop int64) *time.Time {
	switch {
	case !n.Since.IsZero():
		return &n.Since
	case drop == 0 && old.EstablishedAt != nil:
		return old.EstablishedAt
	}
	return &p.At
}

// Flapped names neighbors that dropped at least twice since then, with the text to show.
func (d *DB) Flapped(ctx context.Context, routerID int64, since time.Time) (map[peering.NeighborKey]string, error) {
	rows, err := d.q.NeighborFlapped(ctx, dbsqlc.NeighborFlappedParams{RouterID: routerID, Since: since})
	if err != nil {
		return nil, translate(err)
	}
	flapped := make(map[peering.NeighborKey]string, len(rows))
	for _, r := range rows {
		flapped[peering.NeighborKey{VRF: r.Vrf, Address: r.Address.Unmap()}] = fmt.Sprintf("dropped %d times since %s", r.Drops, since.UTC().Format("2006-01-02 15:04 MST"))
	}
	return flapped, nil
}

// SessionsUp tells for the sessions that a change created which are Established
// now, and which still wait.
func (d *DB) SessionsUp(ctx context.Context, changeID int64) (up, waiting []int64, err error) {
	rows, err := d.q.SessionUpList(ctx, changeID)
	for _, r := range rows {
		if r.Up {
			up = append(up, r.ID)
		} else {
			waiting = append(waiting, r.ID)
		}
	}
	return up, waiting, translate(err)
}

// NeighborStates lists what a router's neighbors were seen doing, by VRF and address.
func (d *DB) NeighborStates(ctx context.Context, routerID int64) ([]peering.ObservedNeighbor, error) {
	rows, err := d.q.NeighborList(ctx, routerID)
	if err != nil {
		return nil, translate(err)
	}
	list := make([]peering.ObservedNeighbor, len(rows))
	for i, r := range rows {
		if list[i], err = observedOf(r); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// SessionStates gives what routers were seen doing with these sessions; one that no router lists is absent.
func (d *DB) SessionStates(ctx context.Context, sessionIDs []int64) (map[int64]peering.ObservedNeighbor, error) {
	rows, err := d.q.SessionStateList(ctx, sessionIDs)
	if err != nil {
		return nil, translate(err)
	}
	states := make(map[int64]peering.ObservedNeighbor, len(rows))
	for _, r := range rows {
		if states[r.SessionID], err = observedOf(r.NeighborState); err != nil {
			return nil, err
		}
	}
	return states, nil
}

func observedOf(r dbsqlc.NeighborState) (peering.ObservedNeighbor, error) {
	o := peering.ObservedNeighbor{SeenAt: r.SeenAt.UTC(), EstablishedAt: timeOrZero(r.EstablishedAt), EverUp: r.EverUp,
		Drops: r.Drops, LastDropAt: timeOrZero(r.LastDropAt)}
	if err := json.Unmarshal(r.Body, &o.Neighbor); err != nil {
		return o, fmt.Errorf("read neighbor %s of router %d: %w", r.Address, r.RouterID, err)
	}
	o.State = bgp.State(r.State)
	return o, nil
}

// Polls tells when each router was asked last, and what it said.
func (d *DB) Polls(ctx context.Context) ([]peering.PollStatus, error) {
	rows, err := d.q.PollList(ctx)
	if err != nil {
		return nil, translate(err)
	}
	list := make([]peering.PollStatus, len(rows))
	for i, r := range rows {
		list[i] = peering.PollStatus{RouterID: r.RouterID, PolledAt: r.PolledAt.UTC(), AnsweredAt: timeOrZero(r.AnsweredAt),
			Error: r.Error, Generation: r.Generation}
	}
	return list, nil
}
