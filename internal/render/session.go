package render

import (
	"cmp"
	"fmt"
	"slices"

	"peerflow/internal/jinja"
)

// sessionFields are what direct sessions and those over an exchange have in common.
func sessionFields() fields[*Session] {
	return primary[*Session]().with(applied[*Session]()).with(mergedMethods[*Session]()).with(fields[*Session]{
		"service_reference":       func(s *Session) jinja.Value { return text(s.Service) },
		"autonomous_system":       func(s *Session) jinja.Value { return one(s.AS) },
		"status":                  func(s *Session) jinja.Value { return jinja.Str(s.Status) },
		"enabled":                 func(s *Session) jinja.Value { return jinja.Bool(s.Status == "enabled") },
		"password":                func(s *Session) jinja.Value { return orNone(s.Password) },
		"encrypted_password":      func(s *Session) jinja.Value { return orNone(s.Encrypted) },
		"multihop_ttl":            func(s *Session) jinja.Value { return jinja.Int(max(s.MultihopTTL, 1)) },
		"passive":                 func(s *Session) jinja.Value { return jinja.Bool(s.Passive) },
		"bfd":                     func(s *Session) jinja.Value { return one(s.BFD) },
		"bgp_state":               func(s *Session) jinja.Value { return text(s.Observed.State) },
		"received_prefix_count":   func(s *Session) jinja.Value { return jinja.Int(s.Observed.Received) },
		"accepted_prefix_count":   func(s *Session) jinja.Value { return jinja.Int(s.Observed.Accepted) },
		"advertised_prefix_count": func(s *Session) jinja.Value { return jinja.Int(s.Observed.Advertised) },
		"last_established_state":  func(s *Session) jinja.Value { return moment(s.Observed.LastEstablished) },
		"merged_communities": func(s *Session) jinja.Value {
			return method("merged_communities", func() jinja.Value { return listOf(s.mergedCommunities()) })
		},
	})
}

var directFields = sessionFields().with(fields[*Session]{
	"ip_address":              func(s *Session) jinja.Value { return hostedOf(s.Address) },
	"local_autonomous_system": func(s *Session) jinja.Value { return one(s.Local) },
	"local_ip_address":        func(s *Session) jinja.Value { return hostedOf(s.LocalAddress) },
	"bgp_group":               func(s *Session) jinja.Value { return one(s.Group) },
	"relationship":            func(s *Session) jinja.Value { return one(s.Relationship) },
	"router":                  func(s *Session) jinja.Value { return one(s.Router) },
	"connection":              func(s *Session) jinja.Value { return one(s.Connection) },
})

var ixpFields = sessionFields().with(fields[*Session]{
	"ip_address":      func(s *Session) jinja.Value { return addressOf(s.Address.Addr()) },
	"ixp_connection":  func(s *Session) jinja.Value { return one(s.Connection) },
	"is_route_server": func(s *Session) jinja.Value { return jinja.Bool(s.RouteServer) },
	"exists_in_peeringdb": func(s *Session) jinja.Value {
		return jinja.Bool(s.port() != nil)
	},
})

const storedSession = storedInMost + `service_reference autonomous_system ip_address status password encrypted_password multihop_ttl passive bfd
	bgp_state received_prefix_count accepted_prefix_count advertised_prefix_count last_established_state
	import_routing_policies export_routing_policies communities `

var (
	directNoun = describe("DirectPeeringSession", directFields, storedSession+"local_autonomous_system local_ip_address bgp_group relationship router connection")
	ixpNoun    = describe("InternetExchangePeeringSession", ixpFields, storedSession+"ixp_connection is_route_server")
)

func (s *Session) noun() *noun {
	if s.Direct {
		return directNoun
	}
	return ixpNoun
}

func (s *Session) TypeName() string { return s.noun().class }
func (s *Session) Repr() string     { return reprOf(s) }

func (s *Session) Attr(name string) (jinja.Value, bool) {
	own := ixpFields
	if s.Direct {
		own = directFields
	}
	if v, ok := own.of(s, name); ok || s.Ours == nil {
		return v, ok
	}
	return oursFields.of(s.Ours, name)
}

func (s *Session) String() string {
	switch {
	case s.Direct:
		return fmt.Sprintf("%s - AS%d - IP %s", relationshipName(s.Relationship), s.AS.ASN, s.Address)
	case s.exchange() == nil:
		return fmt.Sprintf("AS%d - IP %s", s.AS.ASN, s.Address.Addr())
	}
	return fmt.Sprintf("%s - AS%d - IP %s", s.exchange().Name, s.AS.ASN, s.Address.Addr())
}

func relationshipName(r *Relationship) string {
	if r == nil {
		return "None"
	}
	return r.Name
}

func orNone(v jinja.Value) jinja.Value {
	if v == nil {
		return jinja.None
	}
	return v
}

// family is 4 or 6, by the peer's address.
func (s *Session) family() int { return version(s.Address.Addr()) }

// router is the one that has the session; nil when none is said.
func (s *Session) router() *RouterRecord {
	if s.Direct || s.Connection == nil {
		return s.Router
	}
	return s.Connection.Router
}

// exchange is the one that the session runs over; nil for direct ones, and where none is said.
func (s *Session) exchange() *InternetExchange {
	if s.Direct || s.Connection == nil {
		return nil
	}
	return s.Connection.Exchange
}

// gatheredBy is what the session inherits from: its group, or its exchange. Nil when there is none.
func (s *Session) gatheredBy() *Applied {
	switch {
	case s.Direct && s.Group != nil:
		return &s.Group.Applied
	case s.exchange() != nil:
		return &s.exchange().Applied
	}
	return nil
}

// mergedPolicies are the session's own policies, whatever their family; then those of its network, then those of its
// group or exchange, each of the session's family and once.
func (s *Session) mergedPolicies(export bool) []*RoutingPolicy {
	all := slices.Clone(s.of(export))
	add := func(more []*RoutingPolicy) {
		for _, p := range more {
			if p.covers(s.family()) && !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	add(s.AS.of(export))
	if from := s.gatheredBy(); from != nil {
		add(from.of(export))
	}
	return all
}

// mergedCommunities are the session's, its network's, its group's or exchange's and its router's, each once.
func (s *Session) mergedCommunities() []*Community {
	all := slices.Clone(s.Communities)
	more := slices.Clone(s.AS.Communities)
	if from := s.gatheredBy(); from != nil {
		more = append(more, from.Communities...)
	}
	if r := s.router(); r != nil {
		more = append(more, r.Communities...)
	}
	for _, c := range more {
		if !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return all
}

// port is the peer's port with this address in PeeringDB; nil when PeeringDB has none of that network.
func (s *Session) port() *NetworkIXLan {
	if s.net == nil {
		return nil
	}
	if n := s.net.PeeringDB.network(s.AS.ASN); n != nil {
		for _, p := range n.Ports {
			if p.IPv4 == s.Address.Addr() || p.IPv6 == s.Address.Addr() {
				return p
			}
		}
	}
	return nil
}

// bySession is the order of each kind of session; direct ones come first.
func bySession(a, b *Session) int {
	if a.Direct != b.Direct {
		return falseFirst(b.Direct, a.Direct)
	}
	if order := cmp.Or(emptyLast(a.Service, b.Service), byASN(a.Local, b.Local), byASN(a.AS, b.AS)); order != 0 {
		return order
	}
	if !a.Direct {
		if order := byConnection(a.Connection, b.Connection); order != 0 {
			return order
		}
	}
	return cmp.Or(compareInet(a.Address, b.Address), byID(a, b))
}

func emptyLast(a, b string) int {
	if a == "" || b == "" {
		return cmp.Compare(b, a)
	}
	return cmp.Compare(a, b)
}
