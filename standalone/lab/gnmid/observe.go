package gnmid

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/osrg/gobgp/v4/api"
	"github.com/osrg/gobgp/v4/pkg/apiutil"
	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"github.com/osrg/gobgp/v4/pkg/server"
)

// peerEvent counts transitions as GoBGP reports them.
func (s *speaker) peerEvent(e *apiutil.WatchEventMessage_PeerEvent, at time.Time) {
	if e.Type != apiutil.PEER_EVENT_STATE {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.history(e.Peer.State.NeighborAddress)
	up := e.Peer.State.SessionState == bgp.BGP_FSM_ESTABLISHED
	if up != h.established {
		h.established, h.lastChange = up, at
		if up {
			h.transitions++
		}
	}
}

func (s *speaker) history(a netip.Addr) *history {
	h, ok := s.events[a]
	if !ok {
		h = &history{}
		s.events[a] = h
	}
	return h
}

// sessionEnded records an end that GoBGP doesn't report: we restart the session ourselves.
func (s *speaker) sessionEnded(a netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.history(a); h.established {
		h.established, h.lastChange = false, time.Now()
	}
}

func (s *speaker) forget(a netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.events, a)
}

// limited reports that a session was closed for its prefix limit.
func (s *speaker) limited(ctx context.Context, a netip.Addr) (yes bool, err error) {
	err = s.bgp.ListPeer(ctx, &api.ListPeerRequest{Address: a.String()}, func(p *api.Peer) {
		yes = p.GetState().GetAdminState() == api.PeerState_ADMIN_STATE_PFX_CT
	})
	return yes, err
}

// observe reads every session as it stands now.
func (s *speaker) observe(ctx context.Context) (map[netip.Addr]observedState, error) {
	out := map[netip.Addr]observedState{}
	err := s.bgp.ListPeer(ctx, &api.ListPeerRequest{EnableAdvertised: true}, func(p *api.Peer) {
		a, err := netip.ParseAddr(p.GetConf().GetNeighborAddress())
		if err == nil {
			out[a] = s.observed(a, p)
		}
	})
	if err != nil {
		return nil, err
	}
	return out, s.countTable(out)
}

func (s *speaker) observed(a netip.Addr, p *api.Peer) observedState {
	st := p.GetState()
	o := observedState{
		session: strings.TrimPrefix(st.GetSessionState().String(), "SESSION_STATE_"),
		peerAS:  p.GetConf().GetPeerAsn(), localAS: st.GetLocalAsn(),
		updatesIn: st.GetMessages().GetReceived().GetUpdate(), updatesOut: st.GetMessages().GetSent().GetUpdate(),
		families: map[string]familyCounts{},
	}
	if o.session == "ESTABLISHED" {
		o.holdTime = p.GetTimers().GetState().GetNegotiatedHoldTime()
	}
	for _, f := range p.GetAfiSafis() {
		c := f.GetState()
		o.families[familyName(f.GetConfig().GetFamily())] = familyCounts{prePolicy: c.GetReceived(), sent: c.GetAdvertised()}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.history(a)
	o.transitions, o.lastChange, o.received, o.sent = h.transitions, h.lastChange, h.received, h.sent
	return o
}

func familyName(f *api.Family) string {
	if f.GetAfi() == api.Family_AFI_IP6 {
		return "IPV6_UNICAST"
	}
	return "IPV4_UNICAST"
}

// countTable counts each neighbor's routes in the local table, which holds what
// import policies let pass, and how many of them are best.
func (s *speaker) countTable(out map[netip.Addr]observedState) error {
	for _, f := range []bgp.Family{bgp.RF_IPv4_UC, bgp.RF_IPv6_UC} {
		name := "IPV4_UNICAST"
		if f == bgp.RF_IPv6_UC {
			name = "IPV6_UNICAST"
		}
		err := s.bgp.ListPath(apiutil.ListPathRequest{TableType: api.TableType_TABLE_TYPE_GLOBAL, Family: f}, func(_ bgp.NLRI, paths []*apiutil.Path) {
			for _, p := range paths {
				o, ok := out[p.PeerAddress]
				if !ok {
					continue
				}
				c := o.families[name]
				c.received++
				if p.Best {
					c.installed++
				}
				o.families[name] = c
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// BestRoute is the route that the target prefers for a prefix, as an operator
// would be shown it: prefix, who it comes from, AS path.
func (t *Target) BestRoute(prefix netip.Prefix) (string, error) {
	t.mu.Lock()
	s := t.speaker
	t.mu.Unlock()
	family := bgp.RF_IPv4_UC
	if prefix.Addr().Is6() {
		family = bgp.RF_IPv6_UC
	}
	best := ""
	err := s.bgp.ListPath(apiutil.ListPathRequest{TableType: api.TableType_TABLE_TYPE_GLOBAL, Family: family}, func(n bgp.NLRI, paths []*apiutil.Path) {
		for _, p := range paths {
			if p.Best && n.String() == prefix.String() {
				best = fmt.Sprintf("%s via %s, AS path %s", n, s.configured(p.PeerAddress), asPath(p))
			}
		}
	})
	if err == nil && best == "" {
		err = fmt.Errorf("gnmi target: no route %s", prefix)
	}
	return best, err
}

// configured is the address that the configuration has for a loopback one.
func (s *speaker) configured(a netip.Addr) netip.Addr {
	for public, real := range s.cfg.Addresses {
		if real == a {
			return public
		}
	}
	return a
}

func asPath(p *apiutil.Path) string {
	for _, a := range p.Attrs {
		if path, ok := a.(*bgp.PathAttributeAsPath); ok {
			return bgp.AsPathString(path)
		}
	}
	return ""
}

// received lists the routes of other speakers in a table.
func received(b *server.BgpServer, f bgp.Family) ([]string, error) {
	var out []string
	err := b.ListPath(apiutil.ListPathRequest{TableType: api.TableType_TABLE_TYPE_GLOBAL, Family: f}, func(n bgp.NLRI, paths []*apiutil.Path) {
		for _, p := range paths {
			if p.PeerAddress.IsValid() && !p.PeerAddress.IsUnspecified() {
				out = append(out, n.String())
				return
			}
		}
	})
	slices.Sort(out)
	return out, err
}
