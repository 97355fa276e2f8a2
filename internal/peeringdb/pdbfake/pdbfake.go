// Package pdbfake is a PeeringDB to test and demonstrate against: an http.Handler
// that answers as the API of version 2 does, the faults of the real one
// included, from rows in memory.
//
// It knows only what a sync client meets: lists with since, filters, limit and
// depth, single objects, tombstones, keys and throttling. Start with New for
// rows, Load for files, Fail for faults; synthetic.go makes rows.
package pdbfake

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"peerflow/internal/peering"
)

// Server answers under /api/. Its methods may be called while it serves.
type Server struct {
	// Keys are the API keys that are taken; any other is refused with 401.
	Keys []string
	// Now is the server's clock; nil = time.Now.
	Now func() time.Time
	// RetryAfter is what the fault Throttle asks for, in whole seconds.
	RetryAfter time.Duration

	mu       sync.Mutex
	sets     map[peering.PDBType]map[int64]object
	cache    map[peering.PDBType][]object // answers to full fetches, when frozen
	cachedAt time.Time
	faults   map[peering.PDBType]Fault
	limits   *limits

	noting   sync.Mutex // apart from mu, which an answer holds
	requests []Request
}

// Request is one request as the server got it.
type Request struct {
	Type          string
	Query         url.Values
	Authorization string
	UserAgent     string
	Status        int
}

// object is a row: its JSON as it goes out, and what lists are ordered by.
type object struct {
	id      int64
	status  string
	created time.Time
	updated time.Time
	raw     json.RawMessage
}

// New serves the rows, in the real API's field set.
func New(rows ...peering.PDBRow) *Server {
	s := &Server{sets: map[peering.PDBType]map[int64]object{}, faults: map[peering.PDBType]Fault{}, RetryAfter: time.Minute}
	s.Put(rows...)
	return s
}

// Put adds rows or replaces those with the same id. A port's ix_id and name come
// from its LAN and exchange, so put parents first.
func (s *Server) Put(rows ...peering.PDBRow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range rows {
		head := *row.Head()
		raw := render(row, s.computed(row))
		s.put(row.PDBType(), object{id: head.ID, status: head.Status, created: head.Created, updated: head.Updated, raw: raw})
	}
}

func (s *Server) put(t peering.PDBType, o object) {
	if s.sets[t] == nil {
		s.sets[t] = map[int64]object{}
	}
	s.sets[t][o.id] = o
}

// computed are the fields that PeeringDB fills from the parents.
func (s *Server) computed(row peering.PDBRow) map[string]any {
	if h, ok := row.(*peering.PDBNetworkFacility); ok {
		var where map[string]any
		_ = json.Unmarshal(s.sets[peering.PDBFacilities][h.FacilityID].raw, &where) // an orphan has none
		return map[string]any{"name": where["name"], "city": where["city"], "country": where["country"]}
	}
	port, ok := row.(*peering.PDBPort)
	if !ok {
		return nil
	}
	var lan struct {
		IXID int64 `json:"ix_id"`
	}
	var ix struct {
		Name string `json:"name"`
	}
	_ = json.Unmarshal(s.sets[peering.PDBLANs][port.LANID].raw, &lan) // an orphan has neither
	_ = json.Unmarshal(s.sets[peering.PDBExchanges][lan.IXID].raw, &ix)
	return map[string]any{"ix_id": lan.IXID, "name": ix.Name}
}

// Delete leaves a tombstone, as PeeringDB does: it shows only with since.
func (s *Server) Delete(t peering.PDBType, id int64, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.sets[t][id]
	if !ok {
		o = object{id: id, created: at, raw: json.RawMessage(fmt.Sprintf(`{"id":%d}`, id))}
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(o.raw, &fields); err != nil {
		panic(err) // only valid rows come in
	}
	fields["status"], fields["updated"] = json.RawMessage(`"deleted"`), mustJSON(at.UTC().Format(time.RFC3339))
	o.status, o.updated, o.raw = "deleted", at, mustJSON(fields)
	s.sets[t][id] = o
}

// Drop removes a row without a trace, which PeeringDB does not do but a damaged
// answer looks like.
func (s *Server) Drop(t peering.PDBType, ids ...int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		delete(s.sets[t], id)
	}
}

// IDs are the rows of a type with status ok, ascending.
func (s *Server) IDs(t peering.PDBType) []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []int64
	for id, o := range s.sets[t] {
		if o.status == peering.PDBOK {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// FreezeCache keeps answering full fetches with what is there now, as PeeringDB's
// file cache does for hours, whatever is put or deleted later.
func (s *Server) FreezeCache() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cache, s.cachedAt = map[peering.PDBType][]object{}, s.now()
	for t := range s.sets {
		s.cache[t] = s.list(t, nil)
	}
}

// Requests are those seen so far, in order.
func (s *Server) Requests() []Request {
	s.noting.Lock()
	defer s.noting.Unlock()
	return slices.Clone(s.requests)
}

// ForgetRequests begins a new list of requests.
func (s *Server) ForgetRequests() {
	s.noting.Lock()
	defer s.noting.Unlock()
	s.requests = nil
}

// ErrNoData says that a folder holds no file of any type.
var ErrNoData = errors.New("no <type>.json or <type>.json.gz there")

// Load adds the rows of every <type>.json and <type>.json.gz in a folder, each an
// API answer, exactly as they are.
func (s *Server) Load(dir string) error {
	for _, t := range peering.PDBTypes {
		for _, name := range []string{string(t) + ".json", string(t) + ".json.gz"} {
			err := s.loadFile(t, filepath.Join(dir, name))
			if err != nil && !os.IsNotExist(err) {
				return fmt.Errorf("load %s: %w", name, err)
			}
		}
	}
	if len(s.sets) == 0 {
		return fmt.Errorf("load %s: %w", dir, ErrNoData)
	}
	return nil
}

func (s *Server) loadFile(t peering.PDBType, path string) error {
	raw, err := readFile(path)
	if err != nil {
		return err
	}
	var envelope struct {
		Data []json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(raw, &envelope); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range envelope.Data {
		var head peering.PDBHead
		if err := json.Unmarshal(row, &head); err != nil {
			return err
		}
		s.put(t, object{id: head.ID, status: head.Status, created: head.Created, updated: head.Updated, raw: slices.Clone(row)})
	}
	return nil
}

func readFile(path string) ([]byte, error) {
	if filepath.Ext(path) != ".gz" {
		return os.ReadFile(path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(unpacked)
}

// list gives the rows as the API orders them: tombstones and ascending with
// since, else newest first.
func (s *Server) list(t peering.PDBType, since *time.Time) []object {
	var out []object
	for o := range maps.Values(s.sets[t]) {
		if since == nil && o.status == peering.PDBOK || since != nil && !o.updated.Before(*since) {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b object) int {
		order := a.updated.Compare(b.updated)
		if order == 0 {
			order = a.created.Compare(b.created)
		}
		if since == nil {
			order = -order
		}
		if order == 0 {
			return int(a.id - b.id)
		}
		return order
	})
	return out
}

func (s *Server) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}
