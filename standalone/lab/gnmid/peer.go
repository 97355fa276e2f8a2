package gnmid

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/osrg/gobgp/v4/api"
	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"github.com/osrg/gobgp/v4/pkg/server"
)

// PeerConfig describes the other side of one session: another network's router.
type PeerConfig struct {
	AS        uint32
	Address   netip.Addr // in 127/8
	Port      int        // the common BGP port of the lab
	Router    netip.Addr // the target's BGP address
	RouterAS  uint32
	Password  string // TCP-MD5, RFC 2385; "" is none
	HoldTime  uint32 // seconds; 0 means 90
	IPv6      bool   // the session carries IPv6 instead of IPv4
	Originate []netip.Prefix
}

// Peer is a BGP speaker which accepts and announces everything. It never dials:
// the target does, so that no two connections of one session collide.
type Peer struct {
	cfg PeerConfig
	bgp *server.BgpServer
}

// StartPeer brings a peer up; it waits for the target until Close.
func StartPeer(ctx context.Context, cfg PeerConfig) (*Peer, error) {
	p := &Peer{cfg: cfg, bgp: server.NewBgpServer()}
	go p.bgp.Serve()
	err := p.bgp.StartBgp(ctx, &api.StartBgpRequest{Global: &api.Global{
		Asn: cfg.AS, RouterId: cfg.Address.String(), ListenPort: int32(cfg.Port), ListenAddresses: []string{cfg.Address.String()},
	}})
	if err == nil {
		err = p.bgp.AddPeer(ctx, &api.AddPeerRequest{Peer: p.neighbor()})
	}
	if err == nil {
		err = originate(p.bgp, cfg.Originate)
	}
	if err != nil {
		p.bgp.Stop()
		return nil, fmt.Errorf("peer AS%d: %w", cfg.AS, err)
	}
	return p, nil
}

func (p *Peer) neighbor() *api.Peer {
	hold := p.cfg.HoldTime
	if hold == 0 {
		hold = 90
	}
	f := ipv4Unicast
	if p.cfg.IPv6 {
		f = ipv6Unicast
	}
	return &api.Peer{
		Conf:      &api.PeerConf{NeighborAddress: p.cfg.Router.String(), PeerAsn: p.cfg.RouterAS, AuthPassword: p.cfg.Password},
		Transport: &api.Transport{LocalAddress: p.cfg.Address.String(), RemotePort: uint32(p.cfg.Port), PassiveMode: true},
		Timers: &api.Timers{Config: &api.TimersConfig{
			HoldTime: uint64(hold), KeepaliveInterval: uint64(hold / 3), ConnectRetry: 2, IdleHoldTimeAfterReset: 1,
		}},
		AfiSafis: []*api.AfiSafi{family(f, 0)},
	}
}

// Announce adds routes to what the peer announces.
func (p *Peer) Announce(prefixes ...netip.Prefix) error { return originate(p.bgp, prefixes) }

// Established reports whether the session to the target is up, as the peer sees it.
func (p *Peer) Established(ctx context.Context) bool {
	up := false
	_ = p.bgp.ListPeer(ctx, &api.ListPeerRequest{}, func(x *api.Peer) {
		up = x.GetState().GetSessionState() == api.PeerState_SESSION_STATE_ESTABLISHED
	})
	return up
}

// Received lists the prefixes that the target announces to the peer.
func (p *Peer) Received(context.Context) ([]string, error) {
	f := bgp.RF_IPv4_UC
	if p.cfg.IPv6 {
		f = bgp.RF_IPv6_UC
	}
	return received(p.bgp, f)
}

// Close ends the session with a NOTIFICATION.
func (p *Peer) Close() { p.bgp.Stop() }
