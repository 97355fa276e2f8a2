package gnmid

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/osrg/gobgp/v4/api"
	"github.com/osrg/gobgp/v4/pkg/apiutil"
	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"github.com/osrg/gobgp/v4/pkg/server"
)

// speaker is the BGP side: it makes the sessions and policies of a tree real,
// changing in place whatever needs no new session.
type speaker struct {
	cfg     Config
	bgp     *server.BgpServer
	stopped context.CancelFunc
	applied map[netip.Addr]session
	chains  string // compiled policies as applied, for comparison

	mu     sync.Mutex
	events map[netip.Addr]*history
}

// history is what the speaker counts itself, since sessions that restart lose it.
type history struct {
	established    bool
	transitions    uint64
	lastChange     time.Time
	received, sent lastNotification
}

// session is one neighbor with its peer group folded in.
type session struct {
	open   openPart
	timers timerPart
	limits [2]uint32 // IPv4, IPv6; 0 is none
	policy policyPart
}

// openPart goes into connection or OPEN message: a change restarts the session.
type openPart struct {
	address, local  netip.Addr
	peerAS, localAS uint32
	password        string
	passive         bool
	multihop        uint32
	allowOwn        uint32
	ipv4, ipv6      bool
	enabled         bool
}

// timerPart restarts the session too, but GoBGP must be told to.
type timerPart struct{ hold, keepalive, retry uint32 }

// policyPart names the policies; chains in order, joined by blanks.
type policyPart struct {
	imports, exports         string
	importsPass, exportsPass bool // default accept instead of reject
}

func newSpeaker(ctx context.Context, cfg Config, as uint32, routerID string) (*speaker, error) {
	s := &speaker{cfg: cfg, applied: map[netip.Addr]session{}, events: map[netip.Addr]*history{}}
	s.bgp = server.NewBgpServer(server.LoggerOption(slog.New(notifications{speaker: s}), nil))
	go s.bgp.Serve()
	err := s.bgp.StartBgp(ctx, &api.StartBgpRequest{Global: &api.Global{
		Asn: as, RouterId: routerID, ListenPort: int32(cfg.BGPPort), ListenAddresses: []string{cfg.BGPAddress.String()},
	}})
	if err != nil {
		return nil, err
	}
	watching, stop := context.WithCancel(context.Background())
	s.stopped = stop
	if err := s.prepare(ctx, watching); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *speaker) prepare(ctx, watching context.Context) error {
	callbacks := server.WatchEventMessageCallbacks{OnPeerUpdate: s.peerEvent}
	if err := s.bgp.WatchEvent(watching, callbacks, server.WatchPeer()); err != nil {
		return err
	}
	if err := s.assignPolicies(ctx); err != nil {
		return err
	}
	return originate(s.bgp, s.cfg.Originate)
}

// originate announces prefixes as local routes; export policies decide who gets them.
func originate(b *server.BgpServer, prefixes []netip.Prefix) error {
	var paths []*apiutil.Path
	for _, p := range prefixes {
		path, err := localPath(p)
		if err != nil {
			return err
		}
		paths = append(paths, path)
	}
	if len(paths) == 0 {
		return nil
	}
	_, err := b.AddPath(apiutil.AddPathRequest{Paths: paths})
	return err
}

func localPath(p netip.Prefix) (*apiutil.Path, error) {
	nlri, err := bgp.NewIPAddrPrefix(p)
	if err != nil {
		return nil, err
	}
	attrs := []bgp.PathAttributeInterface{bgp.NewPathAttributeOrigin(0)} // IGP, RFC 4271 §5.1.1
	if p.Addr().Is4() {
		hop, err := bgp.NewPathAttributeNextHop(netip.IPv4Unspecified())
		return &apiutil.Path{Family: bgp.RF_IPv4_UC, Nlri: nlri, Attrs: append(attrs, hop)}, err
	}
	reach, err := bgp.NewPathAttributeMpReachNLRI(bgp.RF_IPv6_UC, []bgp.PathNLRI{{NLRI: nlri}}, netip.IPv6Unspecified())
	return &apiutil.Path{Family: bgp.RF_IPv6_UC, Nlri: nlri, Attrs: append(attrs, reach)}, err
}

func (s *speaker) stop() {
	if s.stopped != nil {
		s.stopped()
	}
	s.bgp.Stop()
}

// apply makes a configuration real. Called with the target's lock held.
func (s *speaker) apply(ctx context.Context, root tree) error {
	next, err := s.sessions(root)
	if err != nil {
		return err
	}
	moved, err := s.applyPolicies(ctx, root, next)
	if err != nil {
		return err
	}
	for _, a := range addresses(s.applied, next) {
		before, had := s.applied[a]
		after, has := next[a]
		if err := s.applySession(ctx, a, before, after, had, has); err != nil {
			return fmt.Errorf("neighbor %s: %w", a, err)
		}
		if moved && had && has {
			s.refresh(ctx, a)
		}
	}
	return nil
}

func addresses(a, b map[netip.Addr]session) []netip.Addr {
	all := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}

// applySession moves one session, and remembers how far it came.
func (s *speaker) applySession(ctx context.Context, a netip.Addr, before, after session, had, has bool) error {
	switch {
	case !has:
		if err := s.removePeer(ctx, a, before); err != nil {
			return err
		}
		delete(s.applied, a)
		s.forget(a)
		return nil
	case !had:
		if err := s.bgp.AddPeer(ctx, &api.AddPeerRequest{Peer: s.peer(after)}); err != nil {
			return err
		}
	case before != after:
		if err := s.changePeer(ctx, a, before, after); err != nil {
			return err
		}
	}
	s.applied[a] = after
	return nil
}

// removePeer drops the password first: GoBGP leaves the listener's TCP-MD5 key
// behind when a peer is deleted by address alone.
func (s *speaker) removePeer(ctx context.Context, a netip.Addr, before session) error {
	if before.open.password != "" {
		before.open.password = ""
		if _, err := s.bgp.UpdatePeer(ctx, &api.UpdatePeerRequest{Peer: s.peer(before)}); err != nil {
			return err
		}
	}
	return s.bgp.DeletePeer(ctx, &api.DeletePeerRequest{Address: a.String()})
}

func (s *speaker) changePeer(ctx context.Context, a netip.Addr, before, after session) error {
	if before.open != after.open || before.timers != after.timers || before.limits != after.limits {
		if before.open != after.open {
			s.sessionEnded(a)
		}
		if _, err := s.bgp.UpdatePeer(ctx, &api.UpdatePeerRequest{Peer: s.peer(after)}); err != nil {
			return err
		}
	}
	if before.open == after.open && before.timers != after.timers {
		return s.bgp.ResetPeer(ctx, &api.ResetPeerRequest{Address: a.String()})
	}
	if before.limits != after.limits {
		return s.reopen(ctx, a)
	}
	return nil
}

// reopen ends the pause after a tripped limit: a changed limit is a new try.
func (s *speaker) reopen(ctx context.Context, a netip.Addr) error {
	limited, err := s.limited(ctx, a)
	if err != nil || !limited {
		return err
	}
	return s.bgp.EnablePeer(ctx, &api.EnablePeerRequest{Address: a.String()})
}

// refresh evaluates a session's routes again in both directions; the session stays.
// A session that isn't up has nothing to refresh.
func (s *speaker) refresh(ctx context.Context, a netip.Addr) {
	_ = s.bgp.ResetPeer(ctx, &api.ResetPeerRequest{Address: a.String(), Soft: true, Direction: api.ResetPeerRequest_DIRECTION_BOTH})
}

// sessions folds peer groups into neighbors: what a neighbor says itself wins.
func (s *speaker) sessions(root tree) (map[netip.Addr]session, error) {
	bgpTree := bgpOf(root)
	groups := map[string]conf{}
	for _, g := range bgpTree.at("peer-groups").rows("peer-group") {
		groups[g.text("peer-group-name")] = g
	}
	out := map[netip.Addr]session{}
	for _, n := range bgpTree.at("neighbors").rows("neighbor") {
		a := s.mapped(n.text("neighbor-address"))
		if _, twice := out[a]; twice {
			return nil, fmt.Errorf("two neighbors are mapped to %s", a)
		}
		out[a] = s.session(a, inherit(groups[n.at("config").text("peer-group")].tree, n.tree))
	}
	return out, nil
}

// inherit overlays a neighbor on its group, leaf by leaf; lists are the neighbor's when it has them.
func inherit(group, neighbor tree) conf {
	if group == nil {
		return conf{neighbor}
	}
	out := clone(group).(tree)
	for name, v := range neighbor {
		if under, ok := out[name].(tree); ok {
			if over, ok := v.(tree); ok {
				out[name] = inherit(under, over).tree
				continue
			}
		}
		out[name] = v
	}
	return conf{out}
}

func (s *speaker) session(a netip.Addr, c conf) session {
	config, timers, transport, policy := c.at("config"), c.at("timers", "config"), c.at("transport", "config"), c.at("apply-policy", "config")
	out := session{
		open: openPart{
			enabled: !config.has("enabled") || config.truth("enabled"),
			address: a, local: s.cfg.BGPAddress, peerAS: config.number("peer-as"), localAS: config.number("local-as"),
			password: config.text("auth-password"), passive: transport.truth("passive-mode"),
			allowOwn: c.at("as-path-options", "config").number("allow-own-as"),
		},
		timers: timerPart{hold: 90, retry: 5},
		policy: policyPart{
			imports: strings.Join(policy.texts("import-policy"), " "), exports: strings.Join(policy.texts("export-policy"), " "),
			importsPass: policy.text("default-import-policy") == "ACCEPT_ROUTE", exportsPass: policy.text("default-export-policy") == "ACCEPT_ROUTE",
		},
	}
	if local := transport.text("local-address"); local != "" {
		out.open.local = s.mapped(local)
	}
	if hop := c.at("ebgp-multihop", "config"); hop.truth("enabled") {
		out.open.multihop = max(hop.number("multihop-ttl"), 1)
	}
	setTimers(&out.timers, timers)
	setFamilies(&out, c)
	return out
}

func setTimers(t *timerPart, c conf) {
	if c.has("hold-time") {
		t.hold = c.number("hold-time")
	}
	if c.has("connect-retry") {
		t.retry = c.number("connect-retry")
	}
	t.keepalive = t.hold / 3 // RFC 4271 §4.4
	if c.has("keepalive-interval") {
		t.keepalive = c.number("keepalive-interval")
	}
}

func setFamilies(out *session, c conf) {
	for _, f := range c.at("afi-safis").rows("afi-safi") {
		if !f.at("config").truth("enabled") {
			continue
		}
		switch f.text("afi-safi-name") {
		case "IPV4_UNICAST":
			out.open.ipv4 = true
			out.limits[0] = limitOf(f.at("ipv4-unicast", "prefix-limit", "config"))
		case "IPV6_UNICAST":
			out.open.ipv6 = true
			out.limits[1] = limitOf(f.at("ipv6-unicast", "prefix-limit", "config"))
		}
	}
}

// limitOf is 0 when exceeding the limit must not end the session.
func limitOf(c conf) uint32 {
	if c.truth("prevent-teardown") {
		return 0
	}
	return c.number("max-prefixes")
}

var (
	ipv4Unicast = &api.Family{Afi: api.Family_AFI_IP, Safi: api.Family_SAFI_UNICAST}
	ipv6Unicast = &api.Family{Afi: api.Family_AFI_IP6, Safi: api.Family_SAFI_UNICAST}
)

// peer is the session in GoBGP's words. Descriptions stay out: GoBGP would restart the session for one.
func (s *speaker) peer(x session) *api.Peer {
	p := &api.Peer{
		Conf: &api.PeerConf{
			NeighborAddress: x.open.address.String(), PeerAsn: x.open.peerAS, LocalAsn: x.open.localAS,
			AuthPassword: x.open.password, AdminDown: !x.open.enabled, AllowOwnAsn: x.open.allowOwn,
		},
		Transport: &api.Transport{LocalAddress: x.open.local.String(), RemotePort: uint32(s.cfg.BGPPort), PassiveMode: x.open.passive},
		Timers: &api.Timers{Config: &api.TimersConfig{
			HoldTime: uint64(x.timers.hold), KeepaliveInterval: uint64(x.timers.keepalive), ConnectRetry: uint64(x.timers.retry),
			IdleHoldTimeAfterReset: 1,
		}},
	}
	if x.open.multihop > 0 {
		p.EbgpMultihop = &api.EbgpMultihop{Enabled: true, MultihopTtl: x.open.multihop}
	}
	if x.open.ipv4 {
		p.AfiSafis = append(p.AfiSafis, family(ipv4Unicast, x.limits[0]))
	}
	if x.open.ipv6 {
		p.AfiSafis = append(p.AfiSafis, family(ipv6Unicast, x.limits[1]))
	}
	return p
}

func family(f *api.Family, limit uint32) *api.AfiSafi {
	out := &api.AfiSafi{Config: &api.AfiSafiConfig{Family: f, Enabled: true}}
	if limit > 0 {
		out.PrefixLimits = &api.PrefixLimit{Family: f, MaxPrefixes: limit}
	}
	return out
}
