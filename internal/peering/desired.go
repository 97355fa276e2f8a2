package peering

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"peerflow/internal/bgp"
)

// Desired is everything that one router's configuration is rendered from, as
// recorded or with a change's overlay applied. Of a session's four axes it
// carries the intent only: what BGP does never changes what is rendered.
type Desired struct {
	Router        Router
	LocalAS       AutonomousSystem
	Template      Template
	Sessions      map[int64]Session // of this router
	Peerings      map[int64]Peering
	Networks      map[int64]AutonomousSystem // by id: peers and ours
	IXPs          map[int64]IXP
	Connections   map[int64]Connection
	Groups        map[int64]BGPGroup
	Relationships map[int64]Relationship
	Policies      map[int64]RoutingPolicy
	Communities   map[int64]Community // all of them: templates are given them
	Tags          map[int64]Tag
	BFD           map[int64]BFD
	Contexts      map[int64]ConfigContext
	Contacts      map[int64]Contact
	ContactRoles  map[int64]ContactRole
	Platform      PlatformRecord
	Platforms     map[int64]PlatformRecord // all of them
	Templates     map[int64]Template       // all of them: the router's may include any
	IRR           map[int64]IRRLists       // by network id; absent when none was recorded
	// Mirror is PeeringDB's prefix counts by ASN, for the limit rule; absent when unknown.
	Mirror    map[bgp.ASN]PDBLimits
	PeeringDB PDBObjects // what the mirror has of the networks, exchanges and ports, for templates
	// Unneeded is what was left out in loading, since no template in use can ask for it. Rendering refuses one that does.
	Unneeded Needs
	// Apart are connections and exchanges that the router has nothing of unless a change brings them: for Apply alone.
	Apart struct {
		IXPs        map[int64]IXP
		Connections map[int64]Connection
	}
}

// Needs are the parts of a desired state that are large and that few templates ask for.
type Needs struct {
	PeeringDB bool // Desired.PeeringDB
	IRR       bool // Desired.IRR
}

// Or is what either needs.
func (n Needs) Or(m Needs) Needs { return Needs{n.PeeringDB || m.PeeringDB, n.IRR || m.IRR} }

// Not is what isn't needed.
func (n Needs) Not() Needs { return Needs{!n.PeeringDB, !n.IRR} }

// AllNeeds are those of whom nothing is known.
var AllNeeds = Needs{PeeringDB: true, IRR: true}

// PDBLimits are the prefix counts that a network publishes; 0 is unknown.
type PDBLimits struct{ IPv4, IPv6 int64 }

// Apply returns the desired state with a change's operations on it. Operations
// of other routers are passed over; the receiver stays as it is.
func (d Desired) Apply(ops []Operation) (Desired, error) {
	next := d
	next.Sessions, next.Policies, next.Networks = maps.Clone(d.Sessions), maps.Clone(d.Policies), maps.Clone(d.Networks)
	next.IXPs, next.Groups, next.Connections = maps.Clone(d.IXPs), maps.Clone(d.Groups), maps.Clone(d.Connections)
	next.Templates = maps.Clone(d.Templates)
	maps.Copy(next.IXPs, d.Apart.IXPs)
	maps.Copy(next.Connections, d.Apart.Connections)
	for _, op := range ops {
		if op.RouterID != 0 && op.RouterID != d.Router.ID {
			continue
		}
		if op.Action == Update && op.RouterID != 0 && next.left(op) {
			return Desired{}, Errorf(Conflict, "%s %d isn't router %s's any more, deleted or moved since the change was opened: open another one without it", op.Object, op.ObjectID, d.Router.Name)
		}
		if err := next.apply(op); err != nil {
			return Desired{}, fmt.Errorf("apply %s of %s %d: %w", op.Action, op.Object, op.ObjectID, err)
		}
	}
	if local, known := next.Networks[next.Router.LocalASID]; known {
		next.LocalAS = local
	}
	if next.Router.TemplateID != d.Router.TemplateID {
		next.Template = next.Templates[next.Router.TemplateID]
	}
	if next.Router.PlatformID != d.Router.PlatformID {
		next.Platform = next.Platforms[next.Router.PlatformID]
	}
	if next.Platform.Driver != d.Platform.Driver {
		return Desired{}, Errorf(Unsupported, "router %s would move from driver %s to %s, and the one that reads and writes it is its record's: "+
			"edit the router itself (platform_id), then deploy what is pending there", d.Router.Name, d.Platform.Driver, next.Platform.Driver)
	}
	if err := next.refuseReserved(d); err != nil {
		return Desired{}, err
	}
	next.SetApart()
	return next, nil
}

// left tells of an operation on a record that the router had.
func (d Desired) left(op Operation) bool {
	switch op.Object {
	case ObjectSession:
		_, there := d.Sessions[op.ObjectID]
		return !there
	case ObjectConnection:
		return d.Connections[op.ObjectID].RouterID != d.Router.ID
	}
	return false
}

// SetApart sets connections of other routers apart, and exchanges at which this one has none.
func (d *Desired) SetApart() {
	at := map[int64]bool{}
	d.Apart.Connections, d.Apart.IXPs = map[int64]Connection{}, map[int64]IXP{}
	for id, c := range d.Connections {
		if c.RouterID == d.Router.ID {
			at[c.IXPID] = true
			continue
		}
		d.Apart.Connections[id] = c
		delete(d.Connections, id)
	}
	for id, x := range d.IXPs {
		if !at[id] {
			d.Apart.IXPs[id] = x
			delete(d.IXPs, id)
		}
	}
}

// noun is a record that a change may edit.
type noun[T any] interface {
	*T
	Complete() error
	meta() *Meta
}

func (m *Meta) meta() *Meta { return m }

// overlaid is a record with an operation's patch on it, as it will be recorded:
// completed, and what it is known by stays.
func overlaid[T any, N noun[T]](old T, op Operation) (T, error) {
	next, err := MergePatch(old, op.Patch)
	if err != nil {
		return next, err
	}
	*N(&next).meta() = *N(&old).meta()
	N(&next).meta().ID = op.ObjectID
	return next, N(&next).Complete()
}

func (d *Desired) apply(op Operation) error {
	switch op.Object {
	case ObjectSession:
		return applyTo(d.Sessions, op)
	case ObjectRoutingPolicy:
		return applyTo(d.Policies, op)
	case ObjectAutonomousSystem:
		return applyTo(d.Networks, op)
	case ObjectIXP:
		return applyTo(d.IXPs, op)
	case ObjectBGPGroup:
		return applyTo(d.Groups, op)
	case ObjectConnection:
		return applyTo(d.Connections, op)
	case ObjectTemplate:
		if err := applyTo(d.Templates, op); err != nil {
			return err
		}
		return applyOne(&d.Template, d.Template.ID, op)
	case ObjectRouter:
		return applyOne(&d.Router, d.Router.ID, op)
	}
	return Errorf(Unsupported, "no operation on %s", op.Object)
}

// applyTo changes one record of a set. A shared object that this router doesn't
// use is passed over.
func applyTo[T any, N noun[T]](set map[int64]T, op Operation) error {
	old, used := set[op.ObjectID]
	switch op.Action {
	case Delete:
		delete(set, op.ObjectID)
		return nil
	case Update:
		if !used {
			return nil
		}
	}
	next, err := overlaid[T, N](old, op)
	if err != nil {
		return err
	}
	set[op.ObjectID] = next
	return nil
}

func applyOne[T any, N noun[T]](current *T, id int64, op Operation) (err error) {
	if id != op.ObjectID || op.Action != Update {
		return nil
	}
	*current, err = overlaid[T, N](*current, op)
	return err
}

// MergePatch applies a JSON merge patch (RFC 7396) to a record: fields that the
// patch doesn't name stay, null resets a field to its zero value. Fields that
// the record doesn't have are refused by name.
func MergePatch[T any](record T, patch json.RawMessage) (T, error) {
	var zero T
	text, err := json.Marshal(record)
	if err != nil {
		return zero, err
	}
	var current, changes map[string]any
	if err := unmarshalExact(text, &current); err != nil {
		return zero, err
	}
	if err := unmarshalExact(patch, &changes); err != nil {
		return zero, Errorf(Invalid, "the patch is no JSON object: %w", err)
	}
	merged, err := json.Marshal(merge(current, changes))
	if err != nil {
		return zero, err
	}
	var next T
	if err := unmarshalStrict(merged, &next); err != nil {
		return zero, Errorf(Invalid, "%w", err)
	}
	return next, nil
}

func merge(current, changes map[string]any) map[string]any {
	if current == nil {
		current = map[string]any{}
	}
	for k, v := range changes {
		switch v := v.(type) {
		case nil:
			delete(current, k)
		case map[string]any:
			inner, _ := current[k].(map[string]any)
			current[k] = merge(inner, v)
		default:
			current[k] = v
		}
	}
	return current
}

// SessionsInOrder lists the sessions that reach templates, by id: those that a
// router should have. Sessions that are only wanted don't count until a change
// deploys them.
func (d Desired) SessionsInOrder() []Session {
	var out []Session
	for _, s := range d.Sessions {
		if s.Intent != Absent && s.Intent != Removing {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b Session) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// Held lists the sessions that are held shut: no artifact may open them.
func (d Desired) Held() []Session {
	var held []Session
	for _, s := range d.SessionsInOrder() {
		if s.HeldByHand && s.Intent == Shutdown {
			held = append(held, s)
		}
	}
	return held
}
