package pdbfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"peerflow/internal/peering"
)

// maxDepthRows is where PeeringDB cuts a list that is asked for with depth.
const maxDepthRows = 250

var controls = []string{"since", "depth", "limit", "skip", "fields", "page", "per_page"}

// ServeHTTP answers GET /api/<type> and /api/<type>/<id>.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, id, single := strings.Cut(strings.TrimPrefix(r.URL.Path, "/api/"), "/")
	seen := &statusWriter{ResponseWriter: w, note: func(status int) {
		s.noting.Lock()
		defer s.noting.Unlock()
		s.requests = append(s.requests, Request{Type: name, Query: r.URL.Query(), Status: status,
			Authorization: r.Header.Get("Authorization"), UserAgent: r.UserAgent()})
	}}
	defer seen.answers(http.StatusOK) // of whom nothing was written to
	t := peering.PDBType(name)
	switch {
	case !s.authorize(seen, r):
	case !slices.Contains(peering.PDBTypes, t):
		fail(seen, http.StatusNotFound, "Not found.")
	case single:
		s.object(seen, t, id)
	default:
		s.answer(seen, r, t)
	}
}

// statusWriter notes the status before anything of the answer is sent, so that who has it finds its request noted.
type statusWriter struct {
	http.ResponseWriter
	note func(status int) // nil once that was done
}

func (w *statusWriter) answers(status int) {
	if w.note != nil {
		w.note(status)
		w.note = nil
	}
}

func (w *statusWriter) WriteHeader(status int) {
	w.answers(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	w.answers(http.StatusOK)
	return w.ResponseWriter.Write(b)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// authorize never falls back to the anonymous view when a header is there.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) bool {
	header := r.Header.Get("Authorization")
	scheme, key, _ := strings.Cut(header, " ")
	w.Header().Set("X-Auth-Status", "unauthenticated")
	switch {
	case header == "":
		return true
	case scheme == "Basic":
		fail(w, http.StatusForbidden, "Basic authentication is no longer accepted")
	case scheme != "Api-Key":
		fail(w, http.StatusBadRequest, "Malformed Authorization header")
	case !slices.Contains(s.Keys, key):
		fail(w, http.StatusUnauthorized, "Invalid API key")
	default:
		w.Header().Set("X-Auth-Status", "authenticated")
		return true
	}
	return false
}

func (s *Server) object(w http.ResponseWriter, t peering.PDBType, id string) {
	n, _ := strconv.ParseInt(id, 10, 64)
	s.mu.Lock()
	o, ok := s.sets[t][n]
	s.mu.Unlock()
	if !ok || o.status == peering.PDBDeleted {
		fail(w, http.StatusNotFound, "Entity not found")
		return
	}
	writeBody(w, body([]object{o}, map[string]any{}, true))
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, t peering.PDBType) {
	query := r.URL.Query()
	rows, meta, err := s.find(t, query)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	out := body(rows, meta, query.Has("since"))
	if wait := s.throttled(r, len(out)); wait > 0 {
		throttle(w, wait)
		return
	}
	s.mu.Lock()
	fault := s.faults[t]
	s.mu.Unlock()
	if fault != "" {
		s.spoil(w, r, t, fault, out)
		return
	}
	writeBody(w, out)
}

// find runs a list query. Only one without any parameter that selects rows comes
// from the cache, with the time of its making.
func (s *Server) find(t peering.PDBType, query url.Values) ([]object, map[string]any, error) {
	since, limit, skip, depth, err := numbers(query)
	if err != nil {
		return nil, nil, err
	}
	filters := filtersOf(query)
	s.mu.Lock()
	defer s.mu.Unlock()
	meta := map[string]any{}
	var rows []object
	switch {
	case since == nil && limit == 0 && skip == 0 && len(filters) == 0 && s.cache != nil:
		rows = s.cache[t]
		meta["generated"] = float64(s.cachedAt.Unix())
	case since == nil && limit == 0 && skip == 0 && len(filters) == 0:
		rows = s.list(t, nil)
		meta["generated"] = float64(s.now().Unix())
	default:
		rows = slices.DeleteFunc(s.list(t, since), func(o object) bool { return !matches(o, filters) })
	}
	rows = rows[min(skip, len(rows)):]
	if limit > 0 {
		rows = rows[:min(limit, len(rows))]
	}
	if depth > 0 && len(rows) > maxDepthRows {
		rows = rows[:maxDepthRows]
		meta["truncated"] = "Your search query (with depth > 0) returned more than 250 rows and has been truncated."
	}
	return rows, meta, nil
}

func numbers(query url.Values) (since *time.Time, limit, skip, depth int, err error) {
	if text := query.Get("since"); text != "" {
		seconds, bad := strconv.ParseFloat(text, 64)
		if bad != nil {
			return nil, 0, 0, 0, fmt.Errorf("'since' needs to be a unix timestamp")
		}
		at := time.Unix(int64(seconds), 0)
		since = &at
	}
	for name, to := range map[string]*int{"limit": &limit, "skip": &skip, "depth": &depth} {
		if text := query.Get(name); text != "" {
			if *to, err = strconv.Atoi(text); err != nil || *to < 0 {
				return nil, 0, 0, 0, fmt.Errorf("'%s' needs to be a number", name)
			}
		}
	}
	return since, limit, skip, depth, nil
}

// filtersOf maps a field to the values that are let through.
func filtersOf(query url.Values) map[string][]string {
	filters := map[string][]string{}
	for name := range query {
		if slices.Contains(controls, name) {
			continue
		}
		if field, ok := strings.CutSuffix(name, "__in"); ok {
			filters[field] = strings.Split(query.Get(name), ",")
		} else {
			filters[name] = []string{query.Get(name)}
		}
	}
	return filters
}

// matches ignores a filter on a field that the row hasn't, as PeeringDB does.
func matches(o object, filters map[string][]string) bool {
	if len(filters) == 0 {
		return true
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(o.raw, &fields) != nil {
		return false
	}
	for field, values := range filters {
		if have, ok := fields[field]; ok && !slices.Contains(values, strings.Trim(string(have), `"`)) {
			return false
		}
	}
	return true
}

// body is the envelope. PeeringDB's members come in either order, so both are shown.
func body(rows []object, meta map[string]any, metaFirst bool) []byte {
	size := 64
	for _, o := range rows {
		size += len(o.raw) + 1
	}
	out := make([]byte, 0, size)
	head, tail := `{"data":[`, `],"meta":`+string(mustJSON(meta))+`}`
	if metaFirst {
		head, tail = `{"meta":`+string(mustJSON(meta))+`,"data":[`, `]}`
	}
	out = append(out, head...)
	for i, o := range rows {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, o.raw...)
	}
	return append(out, tail...)
}

func writeBody(w http.ResponseWriter, out []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(out) // the client may have gone
}

func fail(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	writeBody(w, mustJSON(map[string]any{"meta": map[string]string{"error": text}, "data": []any{}}))
}

func throttle(w http.ResponseWriter, wait time.Duration) {
	seconds := strconv.Itoa(int(wait / time.Second))
	w.Header().Set("Retry-After", seconds)
	fail(w, http.StatusTooManyRequests, "Request was throttled. Expected available in "+seconds+" seconds.")
}

func mustJSON(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // the fake's own values
	}
	return raw
}
