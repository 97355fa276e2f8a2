package api

import (
	"context"
	"encoding/json"
	"net/http"

	"peerflow/internal/peering"
)

// mostItems is how many records one request writes.
const mostItems = 500

// bulk registers creating, editing and deleting lists of one noun.
func bulk[T any](s *server, n noun, path string, store Store[T]) {
	const all = "All of them are written, in one transaction and in their order, or none is: then `errors` names each one that can't be, " +
		"with its place in the list, counted from 0. At most 500."
	if !n.noCreate {
		add(s, operation{method: http.MethodPost, path: path, role: n.writes, tag: n.many, status: http.StatusCreated, body: *new(T), list: true,
			summary: "Record many " + n.many, description: all}, writing(store, peering.Create))
	}
	add(s, operation{method: http.MethodPatch, path: path, role: n.writes, tag: n.many, body: *new(T), list: true, versioned: true, summary: "Edit many " + n.many,
		description: "Each item is a JSON merge patch with the record's id and the version that was read (0: whatever it is now). " + all}, writing(store, peering.Update))
	add(s, operation{method: http.MethodDelete, path: path, role: n.writes, tag: n.many, versioned: true, summary: "Delete many " + n.many,
		description: "Each with its id and the version that was read (0: whatever it is now). " + all},
		func(ctx context.Context, in *struct {
			Body []versioned `minItems:"1" maxItems:"500"`
		}) (*answer[listed[peering.Edited]], error) {
			edits := make([]peering.Edit, len(in.Body))
			for i, v := range in.Body {
				edits[i] = peering.Edit{Action: peering.Delete, ID: v.ID, Version: v.Version}
			}
			return sayAll(store.Bulk(ctx, ActorOf(ctx), edits))
		})
}

// versioned names a record as it was read.
type versioned struct {
	ID      int64 `json:"id" minimum:"1"`
	Version int64 `json:"version" minimum:"0" doc:"that was read; 0: whatever it is now"`
}

func writing[T any](store Store[T], action peering.Action) func(context.Context, *Raw) (*answer[listed[peering.Edited]], error) {
	return func(ctx context.Context, in *Raw) (*answer[listed[peering.Edited]], error) {
		items, err := decode[[]json.RawMessage](in.RawBody)
		if err != nil {
			return nil, err
		}
		if len(items) == 0 || len(items) > mostItems {
			return nil, peering.Errorf(peering.Invalid, "a list of 1 to %d items is written at once, not of %d", mostItems, len(items))
		}
		edits := make([]peering.Edit, len(items))
		wrong := &peering.BulkError{Of: len(items)}
		for i, item := range items {
			if edits[i], err = editOf(action, item); err != nil {
				wrong.Items = append(wrong.Items, peering.ItemError{Index: i, Err: err})
			}
		}
		if len(wrong.Items) > 0 {
			return nil, wrong
		}
		return sayAll(store.Bulk(ctx, ActorOf(ctx), edits))
	}
}

func editOf(action peering.Action, item json.RawMessage) (peering.Edit, error) {
	var named struct {
		ID      int64  `json:"id"`
		Version *int64 `json:"version"`
	}
	if err := json.Unmarshal(item, &named); err != nil {
		return peering.Edit{}, peering.NewError(peering.Invalid, "it isn't an object with an id and a version")
	}
	switch {
	case action == peering.Create && (named.ID != 0 || named.Version != nil):
		return peering.Edit{}, peering.NewError(peering.Invalid, "id and version are given here: leave them out")
	case action == peering.Create:
		return peering.Edit{Action: action, Body: item}, nil
	case named.ID < 1 || named.Version == nil || *named.Version < 0:
		return peering.Edit{}, peering.NewError(peering.Invalid, "give its id, and the version that you read (0: whatever it is now)")
	}
	return peering.Edit{Action: action, ID: named.ID, Version: *named.Version, Body: item}, nil
}
