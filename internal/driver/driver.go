// Package driver is how peerflow speaks to routers: one small interface per
// capability, a registry, and one folder per platform.
//
// A driver offers what its platform can do by implementing the interfaces
// below; callers ask for a capability with Can and get a clear refusal where it
// is missing. Drivers decide nothing: order, patience, undo and people are the
// workflows' business, and what a read means is internal/peering's. The suite in
// drivertest says what every driver must hold to.
package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"peerflow/internal/peering"
)

// Platform is one router operating system that peerflow can speak to.
type Platform interface {
	Name() string           // slug: "bird", "openconfig"
	Proof() Proof           // how far this driver has been tried
	Syntax() peering.Syntax // how its configuration is cut into stanzas
	// Open logs in. The connection serves one goroutine and no deadline but ctx's.
	Open(ctx context.Context, target Target, secrets Secrets) (Conn, error)
}

// Proof says what a driver has been tried on; it is shown to people.
type Proof string

const (
	DaemonProven Proof = "daemon-proven"
	Simulator    Proof = "simulator"
	Recorded     Proof = "recorded"
	Unproven     Proof = "unproven"
)

// String says it in a sentence.
func (p Proof) String() string {
	switch p {
	case DaemonProven:
		return "the conformance suite passes on a live routing daemon"
	case Simulator:
		return "the conformance suite passes on a simulator of the platform, and no vendor's router was tried"
	case Recorded:
		return "it reads recorded answers of real routers, and was never tried on one"
	case Unproven:
	}
	return "it was never tried"
}

// Adopter is a platform where a person has to write one line, once, before
// peerflow can own a part of the configuration.
type Adopter interface {
	// Adoption refuses settings that the platform doesn't know.
	Adoption(settings json.RawMessage) (Adoption, error)
}

// Adoption is what a person writes on a router before peerflow can manage it.
type Adoption struct {
	File  string // on the router, which peerflow never writes
	Line  string // to add to it, as it stands
	Files string // what has to be there before the line is loaded, in one sentence
}

// Proposer is a platform whose configuration a person can put on a router by hand
// (mode propose), from a text that names every step.
type Proposer interface {
	// Propose needs no router. It refuses settings that the platform doesn't know.
	Propose(w peering.Way) (peering.Proposal, error)
}

// Target is a router as a driver needs it. It holds no secret: the login is a reference.
type Target struct {
	Router   string            // name, for messages
	Address  string            // host:port of its management interface
	Username string            // login name
	Login    peering.SecretRef // password or private key (PEM)
	HostKey  string            // SSH host key in authorized_keys form, or the server's certificate or CA in PEM; never empty
	BGPPort  int               // port its BGP listens on; 0 means 179
	Settings json.RawMessage   // the platform's own settings; unknown fields are refused
	ReadOnly bool              // mode observe or propose: the connection must be unable to write
}

// Secrets resolves references to clear text. Only drivers hold one.
type Secrets interface {
	Resolve(ctx context.Context, ref peering.SecretRef) (string, error)
}

// Conn is one login on one router.
type Conn interface {
	Close() error
}

// OwnedReader reads the part of the configuration that peerflow owns.
type OwnedReader interface {
	// ReadOwned never writes. Clear-text secrets equal to one of the known
	// references come back as its placeholder; any other becomes a text that
	// equals no placeholder, so that it counts as different.
	ReadOwned(ctx context.Context, known []peering.SecretRef) (peering.Running, error)
}

// NeighborReader reports every BGP neighbor of the router, ours or not.
type NeighborReader interface {
	ReadNeighbors(ctx context.Context) ([]peering.Neighbor, error)
}

// Checker lets the router judge a candidate without loading it.
type Checker interface {
	// CheckCandidate returns a *RejectedError with the router's words when it refuses the text.
	CheckCandidate(ctx context.Context, c Commit) error
}

// ExportCounter counts what a session is announced and, where the platform can,
// what it would be while it is not up, through the filter the router has for it.
type ExportCounter interface {
	// CountExport walks the router's table: seconds on a full one. What can't be
	// counted is left out, or nil; a neighbor that isn't there is not_found.
	CountExport(ctx context.Context, neighbor peering.NeighborKey) ([]peering.ExportCount, error)
}

// Commit is one deployment's commit on one router.
type Commit struct {
	Deployment int64         // names the candidate and the pending commit on the router
	Fence      int64         // token of this attempt; an older one than the router has seen is refused (ErrFenced)
	Artifact   string        // the complete text of what we own, with placeholders
	Hash       string        // peering.HashText(Artifact); the identity that the router shows
	Timer      time.Duration // rollback timer, whole seconds
}

// ConfirmedCommitter commits with a rollback timer that the router keeps by itself.
//
// Every writing call carries the fence and is refused by the router (ErrFenced)
// or, where the router can't, by the 10 s write deadline when a newer token was
// taken. None of them retries by itself.
type ConfirmedCommitter interface {
	// Stage puts the candidate beside the running configuration. Twice is the same as once.
	Stage(ctx context.Context, c Commit) error
	// Commit loads the staged candidate with the timer running. It is called once
	// per deployment: it refuses (ErrPending) while any commit waits for confirmation.
	Commit(ctx context.Context, c Commit) error
	// Confirm makes the pending commit stay. It refuses (ErrNotPending) when this
	// deployment's commit isn't pending: the router's "nothing to do" is no success.
	Confirm(ctx context.Context, c Commit) error
	// Abort returns to the base at once. It refuses (ErrNotPending) as Confirm does.
	Abort(ctx context.Context, c Commit) error
	// Install makes a restart of the router boot what runs now, atomically, and
	// reads it back. It is called after Confirm; twice is the same as once.
	Install(ctx context.Context, c Commit) error
	// Discard removes what Stage left of this deployment, if it isn't in use.
	Discard(ctx context.Context, c Commit) error
}

// SessionClearer resets or refreshes one session.
type SessionClearer interface {
	ClearSession(ctx context.Context, neighbor netip.Addr, soft bool) error
}

// Shutdown closes one session outside of any deployment.
type Shutdown struct {
	Neighbor peering.NeighborKey
	Fence    int64 // token of this attempt; an older one than the router has seen is refused (ErrFenced)
}

// SessionShutter closes one session and touches nothing else. Closed is closed at
// once; whether it outlives the next load of a configuration is the platform's:
// records and later artifacts say "shutdown" as well. It refuses (ErrPending)
// while a commit waits for its confirmation, where the platform would lose one of
// the two. Twice is the same as once.
type SessionShutter interface {
	ShutSession(ctx context.Context, s Shutdown) error
}

// Reopener is a platform where every load of a configuration opens what was
// closed by command, or closed itself at a limit, unless the configuration says
// that it stays closed. Its Commit refuses (ErrReopens) rather than open any.
type Reopener interface {
	// Reopens names what is closed on the router now, ours or not, and would be
	// opened by a commit of the artifact though nobody asked for that. What the
	// running configuration itself closes is the artifact's to open.
	Reopens(ctx context.Context, artifact string) ([]Reopened, error)
}

// Reopened is one protocol that is closed on a router and that a commit would open.
type Reopened struct {
	Name     string     // as the router calls it
	Neighbor netip.Addr // zero where it isn't a session
	Why      string     // what closed it
	Remedy   string     // what a person can do, in the platform's words
}

// Can narrows a connection to a capability, or refuses naming platform and feature.
func Can[T any](p Platform, c Conn) (T, error) {
	t, ok := c.(T)
	if !ok {
		return t, peering.Errorf(peering.Unsupported, "platform %s can't do this: %s", p.Name(), featureName[T]())
	}
	return t, nil
}

func featureName[T any]() string {
	var t *T
	return fmt.Sprintf("%T", t)[1:]
}

// Registry finds a platform by its slug. It is built once, explicitly, by the program.
type Registry map[string]Platform

// NewRegistry lists the platforms.
func NewRegistry(platforms ...Platform) Registry {
	r := make(Registry, len(platforms))
	for _, p := range platforms {
		r[p.Name()] = p
	}
	return r
}

// Platforms lists all, by name.
func (r Registry) Platforms() []Platform {
	names := slices.Sorted(maps.Keys(r))
	all := make([]Platform, len(names))
	for i, name := range names {
		all[i] = r[name]
	}
	return all
}

// Platform refuses a slug that this build has no driver for.
func (r Registry) Platform(slug string) (Platform, error) {
	p, ok := r[slug]
	if !ok {
		return nil, peering.Errorf(peering.Unsupported, "platform %q has no driver in this build", slug)
	}
	return p, nil
}
