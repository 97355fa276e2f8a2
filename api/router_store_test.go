package api

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"peerflow/internal/peering"
)

// shelf is a store of one record, which notes that it was written.
type shelf[T any] struct {
	Store[T]
	record  T
	written int
}

func (s *shelf[T]) Get(context.Context, int64) (T, error) { return s.record, nil }

func (s *shelf[T]) Create(_ context.Context, _ peering.Actor, v T) (T, error) {
	s.written++
	return v, nil
}

func (s *shelf[T]) Patch(context.Context, peering.Actor, int64, int64, json.RawMessage) (T, error) {
	s.written++
	return s.record, nil
}

func TestManagingWithADriverThatWasNeverTriedIsAccepted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		driver, patch string
		written       bool
	}{
		"never tried":                     {"new", `{"mode": "manage"}`, false},
		"never tried, and accepted":       {"new", `{"mode": "manage", "accept_unproven": true}`, true},
		"never tried, in mode propose":    {"new", `{"mode": "propose"}`, true},
		"tried on a daemon":               {"bird", `{"mode": "manage"}`, true},
		"an edit that doesn't fit at all": {"new", `{"mode": 7}`, true}, // where it is applied it is refused
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			routers := &shelf[peering.Router]{record: peering.Router{Name: "edge1", Mode: peering.Observe, PlatformID: 1}}
			store := routerStore{routers, &server{Deps: Deps{Nouns: Nouns{Platforms: &shelf[peering.PlatformRecord]{record: peering.PlatformRecord{Driver: c.driver}}},
				Drivers: []DriverView{{Name: "bird", Proof: "daemon-proven"}, {Name: "new", Proof: unproven, Text: "it was never tried"}}}}}
			_, err := store.Patch(t.Context(), peering.Actor{}, 1, 0, json.RawMessage(c.patch))
			if (routers.written == 1) != c.written {
				t.Errorf("written %d times: %v", routers.written, err)
			}
			if !c.written && (peering.KindOf(err) != peering.Conflict || !strings.Contains(err.Error(), "peerflow router mode edge1 manage --unproven")) {
				t.Errorf("%v", err)
			}
			routers.record.Mode = peering.Manage
			routers.written = 0
			_, err = store.Create(t.Context(), peering.Actor{}, routers.record)
			if refused := c.driver == "new"; (err != nil) != refused {
				t.Errorf("created: %v", err)
			}
		})
	}
}
