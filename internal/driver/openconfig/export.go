package openconfig

import (
	"context"
	"fmt"
	"net/netip"

	gpb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"peerflow/internal/bgp"
	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// CountExport reads the session's Adj-RIB-Out after policy (openconfig-rib-bgp).
// A router that doesn't show it, or a session that isn't up, has none: the counts
// are left out. The model knows no way to ask what a filter would let pass.
func (c *conn) CountExport(ctx context.Context, neighbor peering.NeighborKey) ([]peering.ExportCount, error) {
	var counts []peering.ExportCount
	for _, f := range bgp.Families {
		routes, err := c.announced(ctx, f, neighbor.Address)
		if unknownPath(err) {
			continue // no such table, or a router that doesn't show any
		}
		if err != nil {
			return nil, err
		}
		if routes != nil {
			counts = append(counts, exportCount(f, routes))
		}
	}
	return counts, nil
}

// announced lists the prefixes of one Adj-RIB-Out; nil when the router shows none.
func (c *conn) announced(ctx context.Context, f bgp.Family, neighbor netip.Addr) ([]netip.Prefix, error) {
	unicast := f.String() + "-unicast"
	family := map[string]string{"afi-safi-name": identityOf[f]}
	p := c.bgp("rib", "afi-safis", "afi-safi", unicast, "neighbors", "neighbor", "adj-rib-out-post", "routes")
	at := len(p.Elem) - 6
	p.Elem[at].Key = family
	p.Elem[at+3].Key = map[string]string{"neighbor-address": neighbor.String()}
	root, err := c.get(ctx, gpb.GetRequest_STATE, p)
	if err != nil {
		return nil, err
	}
	entry := find(valueAt(c.bgpIn(root), "rib", "afi-safis", "afi-safi"), family)
	session := find(valueAt(entry, unicast, "neighbors", "neighbor"), map[string]string{"neighbor-address": neighbor.String()})
	rows, shown := valueAt(session, "adj-rib-out-post", "routes", "route").([]any)
	if !shown {
		return nil, nil
	}
	prefixes := []netip.Prefix{}
	for _, r := range rows {
		m, _ := r.(map[string]any)
		prefix, err := netip.ParsePrefix(textAt(m, "prefix"))
		if err != nil {
			return nil, peering.Errorf(peering.Unsupported, "router %s: a route of its Adj-RIB-Out has no prefix", c.target.Router)
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, nil
}

// unknownPath reports a router's answer that it has nothing there.
func unknownPath(err error) bool {
	kind := peering.KindOf(err)
	return status.Code(err) == codes.NotFound || kind == peering.Invalid || kind == peering.Unsupported
}

var identityOf = map[bgp.Family]string{bgp.IPv4: "IPV4_UNICAST", bgp.IPv6: "IPV6_UNICAST"}

func exportCount(f bgp.Family, routes []netip.Prefix) peering.ExportCount {
	announced, def, long := int64(len(routes)), int64(0), int64(0)
	for _, p := range routes {
		if p.Bits() == 0 {
			def++
		}
		if p.Bits() > peering.LongerThan(f) {
			long++
		}
	}
	return peering.ExportCount{Family: f, Announced: &announced, Default: &def, Long: &long}
}

// ShutSession writes enabled=false to one neighbor, as the starter template does
// for a session that is shut down: it stays through later commits and restarts. A
// router refuses it while a commit waits for its confirmation (gNMI commit
// confirmed §3.2).
func (w *writer) ShutSession(ctx context.Context, s driver.Shutdown) error {
	ctx, cancel := context.WithTimeout(ctx, writeDeadline)
	defer cancel()
	p := w.bgp("neighbors", "neighbor", "config")
	p.Elem[len(p.Elem)-2].Key = map[string]string{"neighbor-address": s.Neighbor.Address.String()}
	r := &gpb.SetRequest{
		Update:    []*gpb.Update{jsonUpdate(p, []byte(`{"openconfig-network-instance:enabled": false}`))},
		Extension: w.extensions(driver.Commit{Fence: s.Fence}, nil),
	}
	_, err := w.client.Set(w.as(ctx), r)
	switch status.Code(err) {
	case codes.OK:
	case codes.FailedPrecondition:
		return fmt.Errorf("shut a session on router %s: %w", w.target.Router, driver.ErrPending)
	default:
		return w.writeFailed("shut a session", err, nil)
	}
	if w.settings.SavePath == "" {
		return nil
	}
	save := &gpb.SetRequest{Update: []*gpb.Update{jsonUpdate(plainPath(w.settings.SavePath), []byte("true"))}, Extension: r.Extension}
	_, err = w.client.Set(w.as(ctx), save)
	if err != nil {
		return w.writeFailed("save", err, nil)
	}
	return nil
}
