package peering

import "time"

// PDBMirrorState is how the syncs of PeeringDB's mirror went.
type PDBMirrorState struct {
	SucceededAt  time.Time `json:"succeeded_at,omitzero" doc:"end of the last sync that got everything; absent: none did"`
	TriedAt      time.Time `json:"tried_at,omitzero" doc:"start of the last sync; absent: there was none"`
	FailingSince time.Time `json:"failing_since,omitzero" doc:"start of the first sync that failed after the last one that got everything; absent: none failed"`
	Error        string    `json:"error,omitempty" doc:"why the last of those failed"`
}

// Unasked says since when PeeringDB couldn't be asked for one network, and why;
// empty when nothing failed. The mirror's failure counts as well as the network's own.
func (f PDBFreshness) Unasked(mirror PDBMirrorState) (since time.Time, why string) {
	since, why = f.FailedAt, f.Failure
	if why == "" {
		return mirror.FailingSince, Clip(mirror.Error, mostWhy)
	}
	if !mirror.FailingSince.IsZero() && mirror.FailingSince.Before(since) {
		since = mirror.FailingSince
	}
	return since, Clip(why, mostWhy)
}

// PDBSyncRun is how one sync of the mirror goes, or how it ended.
type PDBSyncRun struct {
	Running   bool      `json:"running"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	Attempt   int32     `json:"attempt,omitempty" doc:"of at most 3, while it runs; absent: no worker took it up yet"`
	Type      string    `json:"type,omitempty" doc:"what is fetched now: org, net, ix and so on; waiting: another sync runs, and its end is awaited"`
	Rows      int64     `json:"rows" doc:"that PeeringDB gave: of the type while it runs, of all types at its end"`
	Changed   int64     `json:"changed" doc:"rows that changed the mirror, at its end"`
	Error     string    `json:"error,omitempty" doc:"why the last attempt failed; of a sync that ended: why it failed"`
}
