package api

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"peerflow/internal/peering"
)

// Audit keeps what doors refused, and did without leaving a row elsewhere.
type Audit interface {
	NoteAudit(ctx context.Context, e peering.AuditEvent) (id int64, err error)
	NoteTimes(ctx context.Context, id, times int64, last time.Time) error
	AuditFilters() []peering.FilterField // those of ListAudit
	ListAudit(ctx context.Context, filters []peering.Filter, page peering.Page) (peering.List[peering.AuditEvent], error)
	ChangeLogFilters() []peering.FilterField // those of ChangeLog
	ChangeLog(ctx context.Context, filters []peering.Filter, page peering.Page) (peering.List[peering.LogEntry], error)
}

func (s *server) registerAudit() {
	add(s, operation{method: http.MethodGet, path: "/api/v1/audit", role: peering.Admin, tag: "system", filters: s.Guard.Audit.AuditFilters(),
		summary: "What doors refused or did",
		description: "Newest first, unless `ordering=id`: refused logins, roles, pages and names, decisions and approval codes, and calls to the embedded Temporal without its secret. Calls with it that aren't peerflow's own and may do something – " +
			"of somebody in Temporal's UI, or of another program – are there too, as acts that begin with `Temporal: `. What the same caller is refused or does alike " +
			"within a minute is one event with their number. What was written to records is in the change log (`/api/v1/change-log`), not here."},
		func(ctx context.Context, in *listInput) (*answer[page[peering.AuditEvent]], error) {
			return run(ctx, in, s.Guard.Audit.ListAudit)
		})
	add(s, operation{method: http.MethodGet, path: "/api/v1/change-log", role: peering.Operator, tag: "system", filters: s.Guard.Audit.ChangeLogFilters(),
		summary: "Who changed what",
		description: "Every write to a record, newest first, unless `ordering=id`: by whom, in which change's name, and the record before and after. Passwords stand there as their " +
			"reference and version. Entries of people and their tokens are for the role admin."}, s.changeLog)
}

// changeLog leaves out what only an administrator may list.
func (s *server) changeLog(ctx context.Context, in *listInput) (*answer[page[peering.LogEntry]], error) {
	if !ActorOf(ctx).May(peering.Admin) {
		in.filters = append(in.filters, peering.Filter{Field: "object", Op: "n", Values: []string{"user", "token"}})
	}
	return run(ctx, in, s.Guard.Audit.ChangeLog)
}

// What the guard refuses, as the audit calls it.
const (
	actByName  = "call by another name"
	actByPage  = "write from another page"
	actNotJSON = "write without JSON"
	actLogIn   = "log in"
	actByRole  = "act without the role"
)

const (
	auditWindow   = time.Minute
	auditDiffer   = 10 // events of an act in a window that differ; those beyond share one
	auditPatience = 2 * time.Second
)

// refusals writes down what the guard refuses: the first of its kind at once,
// how many came like it within a minute at the minute's end, and so few different
// ones that no flood fills the disk. A process that is killed loses at most that
// number.
type refusals struct {
	audit  Audit
	log    *slog.Logger
	window time.Duration

	mu   sync.Mutex
	open map[alike]*repeated
	acts map[string]int // different ones in this window
}

// alike is what refusals have in common that are told as one.
type alike struct {
	act          string
	user, change int64
	from         string // host of the caller, with the call where those are told apart; "" for those beyond auditDiffer
}

type repeated struct {
	event peering.AuditEvent
	id    int64 // 0: not written yet
	times int64
	last  time.Time
}

func newRefusals(audit Audit, log *slog.Logger) *refusals {
	return &refusals{audit: audit, log: log, window: auditWindow, open: map[alike]*repeated{}, acts: map[string]int{}}
}

// note records that an act of a request was refused; why holds nothing secret.
func (f *refusals) note(r *http.Request, who peering.Actor, act string, change int64, why string) {
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		from = r.RemoteAddr
	}
	e := peering.AuditEvent{UserID: who.UserID, User: who.Name, Door: who.Door, Act: act, ChangeID: change, Refused: true,
		Text: fmt.Sprintf("%.16s %.100q from %s: %s", r.Method, r.URL.Path, from, why)}
	if e.Door == "" {
		e.Door = peering.DoorAPI
	}
	if first := f.count(alike{act: act, user: who.UserID, change: change, from: from}, e); first != nil {
		f.write(r.Context(), first)
	}
}

// Refused records a call that another door refused, such as Temporal's: what was
// called, from which host, and why, which holds nothing secret. It returns at once.
func (g *Guard) Refused(door peering.Door, act, call, from, why string) {
	g.beside(peering.AuditEvent{Door: door, Act: act, Refused: true}, call, from, why)
}

// LetThrough records a call that another door let through, as Refused does; change is the one that it names, or 0.
func (g *Guard) LetThrough(door peering.Door, act string, change int64, call, from, why string) {
	g.beside(peering.AuditEvent{Door: door, Act: act, ChangeID: change}, call, from, why)
}

func (g *Guard) beside(e peering.AuditEvent, call, from, why string) {
	e.Text = fmt.Sprintf("%.100q from %s: %s", call, from, why)
	if first := g.refused.count(alike{act: e.Act, change: e.ChangeID, from: from + " " + call + " " + why}, e); first != nil {
		go g.refused.write(context.Background(), first) // as few as there are events in a window
	}
}

// write stores the first of its kind; one that can't be is stored at the window's end.
func (f *refusals) write(ctx context.Context, first *repeated) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditPatience)
	defer cancel()
	id, err := f.audit.NoteAudit(ctx, first.event)
	if err != nil {
		f.log.Warn("audit a refusal; it is tried again within a minute", "act", first.event.Act, "refused", first.event.Text, "error", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	first.id = id
}

// count gives the first of its kind in this window, and nil for others.
func (f *refusals) count(l alike, e peering.AuditEvent) *repeated {
	f.mu.Lock()
	defer f.mu.Unlock()
	known := f.open[l]
	if known == nil && f.acts[l.act] >= auditDiffer {
		l = alike{act: l.act}
		e.UserID, e.User, e.ChangeID, e.Text = 0, "", 0, "beyond the first different ones of a minute: "+e.Text
		known = f.open[l]
	}
	if known != nil {
		known.times++
		known.last = time.Now()
		return nil
	}
	if len(f.open) == 0 {
		time.AfterFunc(f.window, f.settle)
	}
	f.acts[l.act]++
	f.open[l] = &repeated{event: e, times: 1}
	return f.open[l]
}

// settle ends a window: it writes the numbers, and what couldn't be written before.
func (f *refusals) settle() {
	var ended []repeated
	f.mu.Lock()
	for _, one := range f.open {
		ended = append(ended, *one)
	}
	f.open, f.acts = map[alike]*repeated{}, map[string]int{}
	f.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), f.window)
	defer cancel()
	for _, one := range ended {
		if err := f.finish(ctx, one); err != nil {
			f.log.Error("audit a refusal", "act", one.event.Act, "refused", one.event.Text, "times", one.times, "error", err)
		}
	}
}

func (f *refusals) finish(ctx context.Context, one repeated) (err error) {
	if one.id == 0 {
		if one.id, err = f.audit.NoteAudit(ctx, one.event); err != nil {
			return err
		}
	}
	if one.times == 1 {
		return nil
	}
	return f.audit.NoteTimes(ctx, one.id, one.times, one.last)
}

// clipped keeps what a stranger sent short and in one line.
func clipped(s string) string { return fmt.Sprintf("%.64q", s) }
