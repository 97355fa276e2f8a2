package render

import (
	"slices"

	"peerflow/internal/jinja"
)

// Link makes the records of a network know each other and puts them in the order in which Peering Manager's database
// gives them. It changes the network, which templates may use from then on, one rendering at a time.
func (n *Network) Link() *Network {
	n.PeeringDB.link()
	for _, a := range n.AutonomousSystems {
		a.net, a.direct, a.ixp = n, nil, nil
		a.sort()
	}
	for _, g := range n.Groups {
		g.net, g.sessions = n, nil
		g.sort()
	}
	for _, x := range n.Exchanges {
		x.net, x.connections, x.sessions = n, nil, nil
		x.sort()
	}
	for _, r := range n.Routers {
		r.net, r.connections, r.direct, r.ixp = n, nil, nil, nil
		slices.SortStableFunc(r.Communities, byCommunity)
	}
	for _, p := range n.Policies {
		slices.SortStableFunc(p.Communities, byCommunity)
	}
	n.sort()
	for _, c := range n.Connections {
		c.link()
	}
	for _, s := range n.Sessions {
		s.net = n
		s.sort()
		s.link()
	}
	return n
}

func (n *Network) sort() {
	slices.SortFunc(n.AutonomousSystems, byASN)
	slices.SortFunc(n.Groups, byGroup)
	slices.SortFunc(n.Exchanges, byExchange)
	slices.SortFunc(n.Connections, byConnection)
	slices.SortFunc(n.Sessions, bySession)
	slices.SortFunc(n.Policies, byPolicy)
	slices.SortFunc(n.Communities, byCommunity)
	slices.SortFunc(n.Routers, byRouter)
}

func (c *Connection) link() {
	c.sessions = nil
	if c.Exchange != nil {
		c.Exchange.connections = append(c.Exchange.connections, c)
	}
	if c.Router != nil {
		c.Router.connections = append(c.Router.connections, c)
	}
}

func (s *Session) link() {
	if s.Direct {
		s.AS.direct = append(s.AS.direct, s)
		if s.Group != nil {
			s.Group.sessions = append(s.Group.sessions, s)
		}
		if s.Router != nil {
			s.Router.direct = append(s.Router.direct, s)
		}
		return
	}
	s.AS.ixp = append(s.AS.ixp, s)
	c := s.Connection
	if c == nil {
		return
	}
	c.sessions = append(c.sessions, s)
	if c.Exchange != nil {
		c.Exchange.sessions = append(c.Exchange.sessions, s)
	}
	if c.Router != nil {
		c.Router.ixp = append(c.Router.ixp, s)
	}
}

func (p *PeeringDB) link() {
	p.byASN = make(map[int64]*PeeringDBNetwork, len(p.Networks))
	for _, l := range p.LANs {
		l.Ports = nil
	}
	for _, n := range p.Networks {
		p.byASN[n.ASN] = n
		for _, port := range n.Ports {
			port.Network = n
			if port.LAN != nil {
				port.LAN.Ports = append(port.LAN.Ports, port)
			}
		}
	}
	for _, l := range p.LANs {
		slices.SortFunc(l.Ports, func(a, b *NetworkIXLan) int { return byID(a, b) })
	}
}

// configuration is what the template of a router's configuration is given.
func (n *Network) configuration(r *RouterRecord) *jinja.Dict {
	root := jinja.NewDict(12)
	root.SetStr("router", r)
	root.SetStr("local_as", one(r.Local))
	root.SetStr("autonomous_systems", lazy("AutonomousSystem", r.systems))
	root.SetStr("bgp_groups", lazy("BGPGroup", r.groups))
	root.SetStr("internet_exchange_points", lazy("InternetExchange", r.exchanges))
	root.SetStr("communities", rows("Community", n.Communities))
	root.SetStr("routing_policies", lazy("RoutingPolicy", r.policies))
	return root
}
