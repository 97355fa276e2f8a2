package pdbfake

import (
	"net/http"
	"time"

	"peerflow/internal/peering"
)

// Fault is a way to answer badly.
type Fault string

const (
	Throttle    Fault = "throttle"     // 429 with Retry-After
	ServerError Fault = "server error" // 502 with an HTML page
	HTMLPage    Fault = "html page"    // 200 with an HTML page
	Silence     Fault = "silence"      // no answer while the client waits
	Stall       Fault = "stall"        // half of the answer, then silence
	Hangup      Fault = "hangup"       // the connection breaks half way
	CutOff      Fault = "cut off"      // half of the answer, as if it were whole
	Empty       Fault = "empty"        // no rows
	NoData      Fault = "no data"      // an envelope without data
	Truncated   Fault = "truncated"    // the first 250 rows, and meta says so
	OtherType   Fault = "other type"   // rows of another type
	Everything  Fault = "everything"   // since and filters are ignored
	Garbage     Fault = "garbage"      // more follows after the envelope
)

// Fail makes every list answer of a type bad until Heal.
func (s *Server) Fail(t peering.PDBType, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[t] = f
}

// Heal ends all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.faults)
}

// spoil sends out, the good answer, in a bad way.
func (s *Server) spoil(w http.ResponseWriter, r *http.Request, t peering.PDBType, f Fault, out []byte) {
	switch f {
	case Throttle:
		throttle(w, s.RetryAfter)
	case ServerError:
		page(w, http.StatusBadGateway)
	case HTMLPage:
		page(w, http.StatusOK)
	case Silence:
		<-r.Context().Done()
	case Stall:
		writeBody(w, out[:len(out)/2])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	case Hangup:
		writeBody(w, out[:len(out)/2])
		_ = http.NewResponseController(w).Flush() // else nothing of the half gets out
		panic(http.ErrAbortHandler)
	case CutOff:
		writeBody(w, out[:len(out)/2])
	case Empty:
		writeBody(w, body(nil, map[string]any{}, false))
	case NoData:
		writeBody(w, []byte(`{"meta":{}}`))
	case Garbage:
		writeBody(w, append(out, "{}"...))
	default:
		s.spoilRows(w, t, f)
	}
}

func (s *Server) spoilRows(w http.ResponseWriter, t peering.PDBType, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	meta := map[string]any{}
	other := map[peering.PDBType]peering.PDBType{peering.PDBOrgs: peering.PDBPorts}
	switch f {
	case OtherType:
		if t = other[t]; t == "" {
			t = peering.PDBOrgs
		}
	case Truncated:
		meta["truncated"] = "returned more rows than can be shown"
	}
	rows := s.list(t, nil)
	if f == Truncated {
		rows = rows[:min(len(rows), maxDepthRows)]
	}
	writeBody(w, body(rows, meta, false))
}

func page(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<!doctype html><title>Down for maintenance</title>"))
}

// PeeringDB's documented limits for anonymous callers.
const (
	requestsPerMinute = 20
	samePerMinute     = 2
	largeAnswer       = 100_000 // bytes: the same large answer only once an hour
)

// limits remember who asked what, and when.
type limits struct {
	all  []time.Time
	same map[string][]time.Time
}

// EnforceLimits throttles anonymous callers as PeeringDB does.
func (s *Server) EnforceLimits() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits = &limits{same: map[string][]time.Time{}}
}

// throttled is how long the caller has to wait; 0 = the request counts and goes on.
func (s *Server) throttled(r *http.Request, size int) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limits == nil || r.Header.Get("Authorization") != "" {
		return 0
	}
	now, key := s.now(), r.URL.String()
	count, window := samePerMinute, time.Minute
	if size > largeAnswer {
		count, window = 1, time.Hour
	}
	wait := max(remaining(s.limits.all, requestsPerMinute, time.Minute, now), remaining(s.limits.same[key], count, window, now))
	if wait == 0 {
		s.limits.all = append(s.limits.all, now)
		s.limits.same[key] = append(s.limits.same[key], now)
	}
	return wait
}

// remaining is the time until fewer than count of the times lie within window.
func remaining(times []time.Time, count int, window time.Duration, now time.Time) time.Duration {
	if len(times) < count {
		return 0
	}
	return max(0, times[len(times)-count].Add(window).Sub(now))
}
