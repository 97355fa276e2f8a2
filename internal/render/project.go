package render

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"peerflow/internal/bgp"
	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// projection makes the records that templates see of what is recorded for one router, or for all (see whole). What peerflow
// doesn't record stays empty: observations and, for a router, the times of creation and change, which would
// make a text move that nobody touched.
type projection struct {
	d           peering.Desired
	network     *Network
	router      *RouterRecord
	routers     map[int64]*RouterRecord
	all         bool // of all routers, for mails and exports: they are told times, and what is only asked for
	systems     map[int64]*AutonomousSystem
	byASN       map[bgp.ASN]*AutonomousSystem // the oldest, should two have a number
	policies    map[int64]*RoutingPolicy
	communities map[int64]*Community
	tags        map[int64]*Tag
	bfd         map[int64]*BFD
	contexts    map[int64]*ConfigContext
	contacts    map[int64]*Contact
	roles       map[int64]*ContactRole
	groups      map[int64]*BGPGroup
	ixps        map[int64]*InternetExchange
	ports       map[int64]*Connection
	classes     map[int64]*Relationship
}

// project gives a router's network, linked, and the record of the router itself.
func project(d peering.Desired) (*Network, *RouterRecord) {
	p := &projection{d: d, network: &Network{}, byASN: map[bgp.ASN]*AutonomousSystem{}, routers: map[int64]*RouterRecord{}}
	p.shared()
	p.router = p.routerRecord()
	p.ports = each(d.Connections, p.connection)
	for _, s := range d.SessionsInOrder() {
		p.network.Sessions = append(p.network.Sessions, p.session(s))
	}
	p.fill()
	p.mirrored()
	return p.network.Link(), p.router
}

// shared makes the records that are no single router's.
func (p *projection) shared() {
	d := p.d
	p.tags = each(d.Tags, func(t peering.Tag) *Tag {
		return &Tag{Record: Record{ID: t.ID, Description: t.Description}, Name: t.Name, Slug: t.Slug, Color: t.Color}
	})
	p.bfd = each(d.BFD, func(b peering.BFD) *BFD {
		return &BFD{Record: Record{ID: b.ID, Description: b.Description}, Name: b.Name, Slug: b.Slug, MinimumTransmit: int64(b.MinimumTransmit),
			MinimumReceive: int64(b.MinimumReceive), Multiplier: int64(b.Multiplier), HoldTime: int64(b.HoldTime)}
	})
	p.contexts = each(d.Contexts, func(c peering.ConfigContext) *ConfigContext {
		return &ConfigContext{Record: Record{ID: c.ID, Description: c.Description}, Name: c.Name, IsActive: c.IsActive == nil || *c.IsActive, Data: NewData(c.Data)}
	})
	p.contacts = each(d.Contacts, func(c peering.Contact) *Contact {
		return &Contact{Record: Record{ID: c.ID, Description: c.Description}, Name: c.Name, Title: c.Title, Phone: c.Phone, Email: c.Email, Address: c.Address}
	})
	p.roles = each(d.ContactRoles, func(r peering.ContactRole) *ContactRole {
		return &ContactRole{Record: Record{ID: r.ID, Description: r.Description}, Name: r.Name, Slug: r.Slug}
	})
	p.communities = each(d.Communities, func(c peering.Community) *Community {
		return &Community{Record: Record{ID: c.ID, Description: c.Description, Tags: of(p.tags, c.Tags)}, Name: c.Name, Slug: c.Slug, Value: c.Value, Type: string(c.Type)}
	})
	p.policies = each(d.Policies, p.policy)
	p.classes = each(d.Relationships, func(r peering.Relationship) *Relationship {
		return &Relationship{Record: Record{ID: r.ID, Tags: of(p.tags, r.Tags)}, Name: r.Name, Slug: r.Slug}
	})
	p.systems = each(d.Networks, p.system)
	for _, id := range slices.Backward(slices.Sorted(maps.Keys(p.systems))) {
		p.byASN[bgp.ASN(p.systems[id].ASN)] = p.systems[id]
	}
	p.groups = each(d.Groups, func(g peering.BGPGroup) *BGPGroup {
		return &BGPGroup{Group: p.group(p.recorded(g.Meta, g.Context, g.Tags, g.ConfigContexts), g.Name, g.Slug, p.applied(g.Policies, g.Communities))}
	})
	p.ixps = each(d.IXPs, func(x peering.IXP) *InternetExchange {
		return &InternetExchange{Group: p.group(p.recorded(x.Meta, x.Context, x.Tags, x.ConfigContexts), x.Name, x.Slug, p.applied(x.Policies, x.Communities)), Local: p.systems[x.LocalASID], Contacts: p.assigned(x.Contacts)}
	})
}

// assigned are contacts in their roles; one that isn't loaded is left out.
func (p *projection) assigned(refs []peering.ContactRef) []*ContactAssignment {
	var out []*ContactAssignment
	for _, ref := range refs {
		if c, ok := p.contacts[ref.ID]; ok {
			out = append(out, &ContactAssignment{Contact: c, Role: p.roles[ref.RoleID]})
		}
	}
	return out
}

// each makes a record of each of a set.
func each[A, B any](set map[int64]A, made func(A) *B) map[int64]*B {
	out := make(map[int64]*B, len(set))
	for id, a := range set {
		out[id] = made(a)
	}
	return out
}

func (p *projection) fill() {
	n := p.network
	n.AutonomousSystems = slices.Collect(maps.Values(p.systems))
	n.Groups = slices.Collect(maps.Values(p.groups))
	n.Exchanges = slices.Collect(maps.Values(p.ixps))
	n.Connections = slices.Collect(maps.Values(p.ports))
	n.Policies = slices.Collect(maps.Values(p.policies))
	n.Communities = slices.Collect(maps.Values(p.communities))
	n.Routers = slices.Collect(maps.Values(p.routers))
}

func (p *projection) policy(r peering.RoutingPolicy) *RoutingPolicy {
	return &RoutingPolicy{
		Record: p.recorded(r.Meta, r.Context, r.Tags, r.ConfigContexts), Name: cmp.Or(r.Name, r.Slug), Slug: r.Slug,
		Type: string(r.Direction) + "-policy", Weight: r.Weight, Family: int(r.Family),
		Communities: of(p.communities, r.Communities),
	}
}

func (p *projection) recorded(m peering.Meta, context json.RawMessage, tags []int64, contexts []peering.ContextRef) Record {
	made := Record{ID: m.ID, Created: p.date(m.CreatedAt), Updated: p.date(m.UpdatedAt), LocalContext: NewData(context), Tags: of(p.tags, tags)}
	for _, ref := range contexts {
		if c, ok := p.contexts[ref.ID]; ok && ref.Weight != nil {
			made.Contexts = append(made.Contexts, &ContextAssignment{Weight: *ref.Weight, Context: c})
		}
	}
	return made
}

// date is a time where times are told.
func (p *projection) date(at time.Time) time.Time {
	if p.all {
		return at
	}
	return time.Time{}
}

func (p *projection) applied(own peering.Policies, communities []int64) Applied {
	return Applied{Import: of(p.policies, own.Import), Export: of(p.policies, own.Export), Communities: of(p.communities, communities)}
}

// of are the records of some ids; what isn't there is left out.
func of[T any](set map[int64]*T, ids []int64) []*T {
	var out []*T
	for _, id := range ids {
		if row, ok := set[id]; ok {
			out = append(out, row)
		}
	}
	return out
}

func (p *projection) system(a peering.AutonomousSystem) *AutonomousSystem {
	made := &AutonomousSystem{
		Record: p.recorded(a.Meta, a.Context, a.Tags, a.ConfigContexts), ASN: int64(a.ASN), Name: a.Name, Affiliated: a.Local, Private: isPrivateASN(int64(a.ASN)), Applied: p.applied(a.Policies, a.Communities),
	}
	made.Contacts = p.assigned(a.Contacts)
	if a.IRRASSet != "" {
		made.IRRASSet = &a.IRRASSet
	}
	made.unlisted = p.d.Unneeded.IRR
	made.setIRR(p.d.IRR[a.ID])
	made.Limit = p.limitOf(made)
	return made
}

// peer is a network by its number, made up where none is recorded.
func (p *projection) peer(asn bgp.ASN) *AutonomousSystem {
	known, ok := p.byASN[asn]
	if !ok {
		known = &AutonomousSystem{ASN: int64(asn), Private: isPrivateASN(int64(asn))}
		known.Limit = p.limitOf(known)
		known.unlisted = p.d.Unneeded.IRR
		p.byASN[asn] = known
	}
	return known
}

func (p *projection) group(r Record, name, slug string, own Applied) Group {
	return Group{Record: r, Name: name, Slug: slug, Status: "enabled", Applied: own}
}

func (p *projection) routerRecord() *RouterRecord {
	r := p.d.Router
	made := &RouterRecord{
		Record: p.recorded(r.Meta, r.Context, r.Tags, r.ConfigContexts), Local: p.systems[r.LocalASID], Name: r.Name, Hostname: hostOf(r.Address), Status: "enabled", Port: r.BGPPort, Lab: r.Lab,
		Communities: of(p.communities, r.Communities),
	}
	if made.Local == nil { // not stored yet, as in a preview
		made.Local = p.system(p.d.LocalAS)
	}
	if t := p.d.Template; t.ID != 0 {
		made.Template = &Configuration{Record: Record{ID: t.ID}, Name: t.Name, Body: t.Body}
	}
	if o := p.d.Platform; o.ID != 0 {
		made.Platform = &Platform{Record: Record{ID: o.ID}, Name: o.Name, Slug: o.Slug, Driver: o.Driver, PasswordAlgorithm: passwordAlgorithm(o.Slug)}
		made.Encrypts = made.Platform.PasswordAlgorithm != ""
	}
	p.routers[r.ID] = made
	return made
}

// hostOf cuts the port off host:port.
func hostOf(address string) string {
	if i := strings.LastIndexByte(address, ':'); i >= 0 {
		address = address[:i]
	}
	return strings.Trim(address, "[]")
}

func (p *projection) connection(c peering.Connection) *Connection {
	made := &Connection{
		Record: Record{ID: c.ID, Description: c.Description, Tags: of(p.tags, c.Tags)}, Status: string(c.State), VLAN: c.VLAN, Exchange: p.ixps[c.IXPID], Interface: c.Interface,
		IPv4: onLAN(c.IPv4, c.IPv4LAN), IPv6: onLAN(c.IPv6, c.IPv6LAN), Router: p.routers[c.RouterID],
	}
	made.Created, made.Updated = p.date(c.CreatedAt), p.date(c.UpdatedAt)
	return made
}

// onLAN is an address with the length of its LAN, or with its own where none is recorded.
func onLAN(a netip.Addr, lan netip.Prefix) netip.Prefix {
	switch {
	case !a.IsValid():
		return netip.Prefix{}
	case lan.IsValid():
		return netip.PrefixFrom(a, lan.Bits())
	}
	return netip.PrefixFrom(a, a.BitLen())
}

// statuses are Peering Manager's words for what we want of a session.
var statuses = map[peering.Intent]string{
	peering.Present: "enabled", peering.Draining: "maintenance", peering.Shutdown: "disabled", peering.Removing: "decommissioning", peering.Absent: "decommissioned",
}

func (p *projection) session(s peering.Session) *Session {
	shut := s.Intent == peering.Shutdown || s.HeldByHand
	made := &Session{
		Record: p.recorded(s.Meta, s.Context, s.Tags, s.ConfigContexts),
		Direct: s.Kind == peering.DirectSession, AS: p.peer(s.PeerAS), Address: netip.PrefixFrom(s.PeerAddress, s.PeerAddress.BitLen()),
		Status: statuses[s.Intent], MultihopTTL: max(s.Multihop, 1), Passive: s.Passive, Connection: p.ports[s.ConnectionID], Applied: p.applied(s.Policies, s.Communities),
		Group: p.groups[s.GroupID], BFD: p.bfd[s.BFDID], Service: s.ServiceReference, Relationship: p.classes[p.d.Relationship(s).Value.ID],
	}
	made.Description = s.Description
	made.RouteServer = !made.Direct && p.d.Relationship(s).Value.Role == bgp.RoleRSClient
	switch state := p.d.Peerings[s.PeeringID].State; {
	case shut:
		made.Status = statuses[peering.Shutdown]
	case p.all && (s.Intent == peering.Absent && state != peering.Ended || s.Intent == peering.Present && (state == peering.RequestedByUs || state == peering.RequestedByThem)):
		made.Status = "requested"
	}
	if made.Direct {
		made.Router, made.Local = p.router, p.router.Local
		if local := p.d.LocalASOf(s); int64(local) != made.Local.ASN {
			made.Local = p.peer(local)
		}
		if s.LocalAddress.IsValid() {
			made.LocalAddress = netip.PrefixFrom(s.LocalAddress, s.LocalAddress.BitLen())
		}
	}
	made.Password, made.Encrypted = passwords(s, p.router.Platform)
	made.Ours = p.ours(s, made, shut)
	return made
}

func (p *projection) ours(s peering.Session, made *Session, shut bool) *Ours {
	o := &Ours{
		Kind: string(s.Kind), Name: fmt.Sprintf("as%d_%d", s.PeerAS, s.ID), Shutdown: shut, Draining: s.Intent == peering.Draining,
		PeerAS: int64(s.PeerAS), LocalAS: int64(p.d.LocalASOf(s)), Address: s.PeerAddress.String(), LocalAddress: p.d.LocalAddressOf(s).Value,
		Family: bgp.FamilyOf(s.PeerAddress).String(), VRF: s.VRF, Interface: s.Interface, Multihop: s.Multihop, Peer: made.AS, Relationship: made.Relationship,
	}
	if s.HoldTime != nil {
		seconds := int64(*s.HoldTime)
		o.HoldTime = &seconds
	}
	o.Limit = func(family int) int64 { return p.limit(s, family) }
	o.carries = func(family int) bool { return slices.Contains(s.Families, bgp.Family(family)) }
	o.Families = func() *jinja.List {
		list := jinja.NewList()
		for _, f := range s.Families {
			list.Items = append(list.Items, p.family(s, f))
		}
		return list
	}
	o.Chain = func(export bool) *jinja.List { return listOf(p.chain(s, export, s.Families...)) }
	return o
}

func (p *projection) family(s peering.Session, f bgp.Family) *jinja.Dict {
	limit := p.d.LimitOf(s, f)
	most := jinja.None // unlimited
	if n, ok := limit.Value.Count(); ok {
		most = jinja.Int(n)
	}
	return familyShape.of(jinja.Str(f.String()), most, jinja.Str(string(limit.Origin)), listOf(p.chain(s, false, f)), listOf(p.chain(s, true, f)))
}

// familyShape is what is told of a session's family.
var familyShape = shaped("name", "prefix_limit", "prefix_limit_origin", "import_chain", "export_chain")

// chain are the effective policies of one direction that hold for any of the families.
func (p *projection) chain(s peering.Session, export bool, families ...bgp.Family) []*RoutingPolicy {
	dir := peering.Import
	if export {
		dir = peering.Export
	}
	var out []*RoutingPolicy
	for _, e := range p.d.PolicyOf(s, dir, families...) {
		out = append(out, p.policies[e.Value.ID])
	}
	return out
}

// limitOf is a network's prefix limit, which is one figure where ours are the sessions': the largest of its sessions here,
// 0 when one of them is unlimited, and what a session with it would have when there is none.
func (p *projection) limitOf(a *AutonomousSystem) func(family int) int64 {
	return func(family int) int64 {
		largest, some := int64(0), false
		for _, s := range slices.Concat(a.direct, a.ixp) {
			if s.Ours == nil || !s.Ours.carries(family) {
				continue
			}
			n := s.Ours.Limit(family)
			if n == 0 {
				return 0
			}
			largest, some = max(largest, n), true
		}
		if some {
			return largest
		}
		return p.limit(peering.Session{PeerAS: bgp.ASN(a.ASN)}, family)
	}
}

// limit is a session's effective prefix limit; 0 when it is unlimited or has none.
func (p *projection) limit(s peering.Session, family int) int64 {
	n, _ := p.d.LimitOf(s, bgp.Family(family)).Value.Count()
	return max(n, 0)
}

// identifier is a slug as most router languages accept a name.
func identifier(slug string) string { return identifiers.Replace(slug) }

// identifiers keeps slugs apart: they are in small letters.
var identifiers = strings.NewReplacer("_", "U", "-", "_")
