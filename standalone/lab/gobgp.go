package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/osrg/gobgp/v4/api"
	"github.com/osrg/gobgp/v4/pkg/apiutil"
	"github.com/osrg/gobgp/v4/pkg/config/oc"
	wire "github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"github.com/osrg/gobgp/v4/pkg/server"

	"peerflow/internal/bgp"
)

// DefaultHoldTime is short enough (seconds) for a silent path to be noticed in a test.
const DefaultHoldTime = 9

// PeerConfig describes another network's router.
type PeerConfig struct {
	ASN       bgp.ASN
	Address   netip.Addr // in 127/8; also its router id
	Port      int        // BGP port; 0 is DefaultBGPPort
	HoldTime  int        // seconds; 0 is DefaultHoldTime
	Neighbors []PeerNeighbor
	Prefixes  []netip.Prefix // IPv4 routes it originates
}

// PeerNeighbor is one session that a peer accepts. Lab peers never dial: the
// router under test does, and so it decides when a session may start.
type PeerNeighbor struct {
	ASN      bgp.ASN
	Address  netip.Addr
	Password string // TCP MD5 (RFC 2385); "" for none
}

// Peer is a GoBGP speaker inside this process, behind a wire that can go silent.
type Peer struct {
	Config PeerConfig

	server *server.BgpServer
	wire   *silencer
}

// StartPeer starts a peer with its neighbors and routes.
func StartPeer(ctx context.Context, c PeerConfig) (*Peer, error) {
	if c.Port == 0 {
		c.Port = DefaultBGPPort
	}
	if c.HoldTime == 0 {
		c.HoldTime = DefaultHoldTime
	}
	p := &Peer{Config: c, server: server.NewBgpServer()}
	go p.server.Serve()
	if err := p.start(ctx, c.Port+1); err != nil { // whoever has the BGP port of an address has the next one, too, and no system hands it out
		return nil, errors.Join(fmt.Errorf("peer %s at %s: %w", c.ASN, c.Address, err), p.Close())
	}
	return p, nil
}

func (p *Peer) start(ctx context.Context, inner int) error {
	err := p.server.StartBgp(ctx, &api.StartBgpRequest{Global: &api.Global{
		Asn: uint32(p.Config.ASN), RouterId: p.Config.Address.String(),
		ListenPort: int32(inner), ListenAddresses: []string{p.Config.Address.String()},
		Families: []uint32{uint32(oc.AFI_SAFI_TYPE_IPV4_UNICAST.ToInt())}, // each of the default's families costs 0.3 MB
	}})
	if err != nil {
		return err
	}
	outside := netip.AddrPortFrom(p.Config.Address, uint16(p.Config.Port))
	if p.wire, err = listenSilencer(outside, netip.AddrPortFrom(p.Config.Address, uint16(inner))); err != nil {
		return err
	}
	for _, n := range p.Config.Neighbors {
		if err := p.AddNeighbor(ctx, n); err != nil {
			return err
		}
	}
	return p.Announce(p.Config.Prefixes...)
}

// AddNeighbor lets one more router open a session.
func (p *Peer) AddNeighbor(ctx context.Context, n PeerNeighbor) error {
	if err := p.wire.setPassword(n.Address, n.Password); err != nil {
		return err
	}
	return p.server.AddPeer(ctx, &api.AddPeerRequest{Peer: &api.Peer{
		Conf: &api.PeerConf{NeighborAddress: n.Address.String(), PeerAsn: uint32(n.ASN)},
		Timers: &api.Timers{Config: &api.TimersConfig{
			HoldTime: uint64(p.Config.HoldTime), KeepaliveInterval: uint64(max(1, p.Config.HoldTime/3)),
			ConnectRetry: 1, IdleHoldTimeAfterReset: 1,
		}},
		Transport:    &api.Transport{LocalAddress: p.Config.Address.String(), PassiveMode: true},
		EbgpMultihop: &api.EbgpMultihop{Enabled: n.ASN != p.Config.ASN, MultihopTtl: 255},
		AfiSafis:     []*api.AfiSafi{{Config: &api.AfiSafiConfig{Family: ipv4Unicast, Enabled: true}}},
	}})
}

var ipv4Unicast = &api.Family{Afi: api.Family_AFI_IP, Safi: api.Family_SAFI_UNICAST}

// RemoveNeighbor forgets a session, as a peer that depeers does.
func (p *Peer) RemoveNeighbor(ctx context.Context, neighbor netip.Addr) error {
	return p.server.DeletePeer(ctx, &api.DeletePeerRequest{Address: neighbor.String()})
}

// Disable shuts a session down with a text for the other side (RFC 9003; at most 128 bytes of UTF-8).
func (p *Peer) Disable(ctx context.Context, neighbor netip.Addr, communication string) error {
	return p.server.DisablePeer(ctx, &api.DisablePeerRequest{Address: neighbor.String(), Communication: communication})
}

// Enable lifts Disable.
func (p *Peer) Enable(ctx context.Context, neighbor netip.Addr) error {
	return p.server.EnablePeer(ctx, &api.EnablePeerRequest{Address: neighbor.String()})
}

// Announce originates IPv4 routes with this peer's address as next hop.
func (p *Peer) Announce(prefixes ...netip.Prefix) error { return p.originate(prefixes, false) }

// Withdraw takes routes back.
func (p *Peer) Withdraw(prefixes ...netip.Prefix) error { return p.originate(prefixes, true) }

func (p *Peer) originate(prefixes []netip.Prefix, withdraw bool) error {
	if len(prefixes) == 0 {
		return nil
	}
	paths := make([]*apiutil.Path, 0, len(prefixes))
	for _, prefix := range prefixes {
		path, err := p.path(prefix)
		if err != nil {
			return fmt.Errorf("route %s: %w", prefix, err)
		}
		path.Withdrawal = withdraw
		paths = append(paths, path)
	}
	if withdraw {
		return p.server.DeletePath(apiutil.DeletePathRequest{Paths: paths})
	}
	_, err := p.server.AddPath(apiutil.AddPathRequest{Paths: paths})
	return err
}

func (p *Peer) path(prefix netip.Prefix) (*apiutil.Path, error) {
	nlri, err := wire.NewIPAddrPrefix(prefix)
	if err != nil {
		return nil, err
	}
	nextHop, err := wire.NewPathAttributeNextHop(p.Config.Address)
	if err != nil {
		return nil, err
	}
	return &apiutil.Path{
		Family: wire.RF_IPv4_UC, Nlri: nlri,
		Attrs: []wire.PathAttributeInterface{wire.NewPathAttributeOrigin(0), nextHop}, // 0 is IGP, RFC 4271 §5.1.1
	}, nil
}

// Received counts the routes that a neighbor announces to this peer; 0 when the session isn't up.
func (p *Peer) Received(ctx context.Context, neighbor netip.Addr) int {
	table, err := p.server.GetTable(ctx, &api.GetTableRequest{
		TableType: api.TableType_TABLE_TYPE_ADJ_IN, Family: ipv4Unicast, Name: neighbor.String(),
	})
	if err != nil {
		return 0
	}
	return int(table.NumPath)
}

// Heard are the IPv4 routes that a neighbor announces to this peer, each with its communities as asn:value (RFC 1997).
func (p *Peer) Heard(neighbor netip.Addr) map[netip.Prefix][]string {
	heard := map[netip.Prefix][]string{}
	_ = p.server.ListPath(apiutil.ListPathRequest{ // no such neighbor: no route
		TableType: api.TableType_TABLE_TYPE_ADJ_IN, Family: wire.RF_IPv4_UC, Name: neighbor.String(),
	}, func(nlri wire.NLRI, paths []*apiutil.Path) {
		prefix, err := netip.ParsePrefix(nlri.String())
		if err != nil || len(paths) == 0 {
			return
		}
		heard[prefix] = nil
		for _, attr := range paths[0].Attrs {
			if c, ok := attr.(*wire.PathAttributeCommunities); ok {
				for _, v := range c.Value {
					heard[prefix] = append(heard[prefix], fmt.Sprintf("%d:%d", v>>16, v&0xffff))
				}
			}
		}
	})
	return heard
}

// State is this peer's own view of a session.
func (p *Peer) State(ctx context.Context, neighbor netip.Addr) bgp.State {
	var state bgp.State
	_ = p.server.ListPeer(ctx, &api.ListPeerRequest{Address: neighbor.String()}, func(n *api.Peer) { // no such neighbor: no state
		state = stateNames[n.GetState().GetSessionState()]
	})
	return state
}

// Since is when a session came up, in whole seconds, as this peer saw it; zero while it isn't up.
func (p *Peer) Since(ctx context.Context, neighbor netip.Addr) time.Time {
	var since time.Time
	_ = p.server.ListPeer(ctx, &api.ListPeerRequest{Address: neighbor.String()}, func(n *api.Peer) { // no such neighbor: zero
		if n.GetState().GetSessionState() == api.PeerState_SESSION_STATE_ESTABLISHED {
			since = n.GetTimers().GetState().GetUptime().AsTime()
		}
	})
	return since
}

var stateNames = map[api.PeerState_SessionState]bgp.State{
	api.PeerState_SESSION_STATE_IDLE: bgp.Idle, api.PeerState_SESSION_STATE_CONNECT: bgp.Connect,
	api.PeerState_SESSION_STATE_ACTIVE: bgp.Active, api.PeerState_SESSION_STATE_OPENSENT: bgp.OpenSent,
	api.PeerState_SESSION_STATE_OPENCONFIRM: bgp.OpenConfirm, api.PeerState_SESSION_STATE_ESTABLISHED: bgp.Established,
}

// Freeze makes the wire silent both ways while every TCP connection stays open:
// a path that broke without a sound. BGP notices when its hold timer ends.
func (p *Peer) Freeze() { p.wire.freeze() }

// Thaw ends Freeze.
func (p *Peer) Thaw() { p.wire.thaw() }

// Close ends the peer and its sessions.
func (p *Peer) Close() error {
	if p.wire != nil {
		p.wire.close()
	}
	p.server.Stop()
	return nil
}
