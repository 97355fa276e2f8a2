package render

import (
	"cmp"
	"slices"

	"peerflow/internal/jinja"
)

var routerFields = primary[*RouterRecord]().with(sessionMethods[*RouterRecord]()).with(fields[*RouterRecord]{
	"local_autonomous_system":        func(r *RouterRecord) jinja.Value { return one(r.Local) },
	"name":                           func(r *RouterRecord) jinja.Value { return jinja.Str(r.Name) },
	"hostname":                       func(r *RouterRecord) jinja.Value { return jinja.Str(r.Hostname) },
	"platform":                       func(r *RouterRecord) jinja.Value { return one(r.Platform) },
	"status":                         func(r *RouterRecord) jinja.Value { return jinja.Str(r.Status) },
	"poll_bgp_sessions_state":        func(r *RouterRecord) jinja.Value { return jinja.Bool(r.Polls) },
	"poll_bgp_sessions_last_updated": func(r *RouterRecord) jinja.Value { return moment(r.Polled) },
	"encrypt_passwords":              func(r *RouterRecord) jinja.Value { return jinja.Bool(r.Encrypts) },
	"communities":                    func(r *RouterRecord) jinja.Value { return manager("Community", r.Communities) },
	"napalm_timeout":                 func(r *RouterRecord) jinja.Value { return jinja.Int(0) },
	"napalm_args":                    func(r *RouterRecord) jinja.Value { return r.Args.get() },
	"netbox_device_id":               func(r *RouterRecord) jinja.Value { return jinja.Int(r.NetBoxID) },
	"configuration_template":         func(r *RouterRecord) jinja.Value { return one(r.Template) },
	"connection_set":                 func(r *RouterRecord) jinja.Value { return manager("Connection", r.connections) },
	"directpeeringsession_set":       func(r *RouterRecord) jinja.Value { return manager("DirectPeeringSession", r.direct) },
	// Ours.
	"bgp_port": func(r *RouterRecord) jinja.Value { return jinja.Int(r.Port) },
	"lab":      func(r *RouterRecord) jinja.Value { return jinja.Bool(r.Lab) },

	"get_bgp_groups": func(r *RouterRecord) jinja.Value {
		return method("get_bgp_groups", func() jinja.Value { return r.groups() })
	},
	"get_bfd_configs": func(r *RouterRecord) jinja.Value {
		return method("get_bfd_configs", func() jinja.Value { return r.bfds() })
	},
	"get_routing_policies": func(r *RouterRecord) jinja.Value {
		return method("get_routing_policies", func() jinja.Value { return r.policies() })
	},
	"get_internet_exchange_points": func(r *RouterRecord) jinja.Value {
		return method("get_internet_exchange_points", func() jinja.Value { return r.exchanges() })
	},
	"get_autonomous_systems": func(r *RouterRecord) jinja.Value {
		return method("get_autonomous_systems", func() jinja.Value { return r.systems() })
	},
	"get_connections": func(r *RouterRecord) jinja.Value {
		return method("get_connections", func() jinja.Value { return r.getConnections() })
	},
})

var routerNoun = describe("Router", routerFields, storedInMost+`local_autonomous_system name hostname platform status encrypt_passwords
	poll_bgp_sessions_state poll_bgp_sessions_last_updated
	configuration_template communities netbox_device_id napalm_timeout napalm_args`)

func (*RouterRecord) noun() *noun                            { return routerNoun }
func (*RouterRecord) TypeName() string                       { return "Router" }
func (r *RouterRecord) String() string                       { return r.Name }
func (r *RouterRecord) Repr() string                         { return reprOf(r) }
func (r *RouterRecord) Attr(name string) (jinja.Value, bool) { return routerFields.of(r, name) }
func (r *RouterRecord) getConnections() *querySet            { return rows("Connection", r.connections) }
func (r *RouterRecord) systems() *querySet                   { return systemsOf(slices.Concat(r.direct, r.ixp)) }

func (r *RouterRecord) rank(other jinja.Value) int {
	s, _ := other.(*RouterRecord)
	return byRouter(r, s)
}

func byRouter(a, b *RouterRecord) int {
	return nullsLast(a, b, func(a, b *RouterRecord) int {
		return cmp.Or(byASN(a.Local, b.Local), cmp.Compare(a.Name, b.Name), byID(a, b))
	})
}

// groups are those with direct sessions on the router.
func (r *RouterRecord) groups() *querySet {
	return rows("BGPGroup", inOrder(picked(r.direct, func(s *Session) *BGPGroup { return s.Group }), byGroup))
}

// exchanges are those that the router is connected to.
func (r *RouterRecord) exchanges() *querySet {
	return rows("InternetExchange", inOrder(picked(r.connections, func(c *Connection) *InternetExchange { return c.Exchange }), byExchange))
}

// bfds are those that a session of the router uses.
func (r *RouterRecord) bfds() *querySet {
	return rows("BFD", inOrder(picked(slices.Concat(r.direct, r.ixp), func(s *Session) *BFD { return s.BFD }), byBFD))
}

func (r *RouterRecord) policies() *querySet { return rows("RoutingPolicy", r.policyList()) }

// policyList are those of the router's sessions, their networks, groups and exchanges, by name; all there are when it has
// no session.
func (r *RouterRecord) policyList() []*RoutingPolicy {
	if len(r.direct)+len(r.ixp) == 0 {
		return inOrder(r.net.Policies, byPolicyName)
	}
	seen := map[*RoutingPolicy]bool{}
	var out []*RoutingPolicy
	add := func(a *Applied) {
		for _, p := range slices.Concat(a.Import, a.Export) {
			if !seen[p] {
				seen[p] = true
				out = append(out, p)
			}
		}
	}
	asked := map[*Applied]bool{}
	for _, s := range slices.Concat(r.direct, r.ixp) {
		for _, a := range []*Applied{&s.Applied, &s.AS.Applied, s.gatheredBy()} {
			if a != nil && !asked[a] {
				asked[a] = true
				add(a)
			}
		}
	}
	return inOrder(out, byPolicyName)
}

// picked are the records that others refer to, once each.
func picked[A any, B comparable](from []A, pick func(A) B) []B {
	var none B
	seen := map[B]bool{none: true}
	var out []B
	for _, a := range from {
		if b := pick(a); !seen[b] {
			seen[b] = true
			out = append(out, b)
		}
	}
	return out
}

var configurationFields = primary[*Configuration]().with(fields[*Configuration]{
	"name":     func(c *Configuration) jinja.Value { return jinja.Str(c.Name) },
	"template": func(c *Configuration) jinja.Value { return jinja.Str(c.Body) },
})

var configurationNoun = describe("Configuration", configurationFields, storedInMost+"name template")

func (*Configuration) noun() *noun                            { return configurationNoun }
func (*Configuration) TypeName() string                       { return "Configuration" }
func (c *Configuration) String() string                       { return c.Name }
func (c *Configuration) Repr() string                         { return reprOf(c) }
func (c *Configuration) Attr(name string) (jinja.Value, bool) { return configurationFields.of(c, name) }

var platformFields = featured[*Platform]().with(fields[*Platform]{
	"name":               func(p *Platform) jinja.Value { return jinja.Str(p.Name) },
	"slug":               func(p *Platform) jinja.Value { return jinja.Str(p.Slug) },
	"napalm_driver":      func(p *Platform) jinja.Value { return jinja.Str(p.Driver) },
	"napalm_args":        func(p *Platform) jinja.Value { return p.Args.get() },
	"password_algorithm": func(p *Platform) jinja.Value { return jinja.Str(p.PasswordAlgorithm) },
})

var platformNoun = describe("Platform", platformFields, storedAlways+"name slug napalm_driver napalm_args password_algorithm")

func (*Platform) noun() *noun                            { return platformNoun }
func (*Platform) TypeName() string                       { return "Platform" }
func (p *Platform) String() string                       { return p.Name }
func (p *Platform) Repr() string                         { return reprOf(p) }
func (p *Platform) Attr(name string) (jinja.Value, bool) { return platformFields.of(p, name) }
