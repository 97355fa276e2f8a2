package gnmid

import (
	"net/netip"
	"slices"

	gpb "github.com/openconfig/gnmi/proto/gnmi"
	"github.com/osrg/gobgp/v4/api"
	"github.com/osrg/gobgp/v4/pkg/apiutil"
	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// addRIBs shows the Adj-RIB-Out after policy (openconfig-rib-bgp) of each
// session that is up, when a path asks for the RIBs: making them costs a walk of
// the table per session.
func (t *Target) addRIBs(root tree, r *gpb.GetRequest) error {
	asks := func(p *gpb.Path) bool {
		return slices.ContainsFunc(elems(r.GetPrefix(), p), func(e *gpb.PathElem) bool { return e.GetName() == "rib" })
	}
	if !slices.ContainsFunc(r.GetPath(), asks) {
		return nil
	}
	var families []any
	for name, f := range map[string]bgp.Family{"ipv4": bgp.RF_IPv4_UC, "ipv6": bgp.RF_IPv6_UC} {
		identity := map[string]string{"ipv4": "IPV4_UNICAST", "ipv6": "IPV6_UNICAST"}[name]
		sessions := []any{}
		for _, n := range bgpOf(root).at("neighbors").rows("neighbor") {
			if n.at("state").text("session-state") != "ESTABLISHED" || !carries(n, identity) {
				continue
			}
			routes, err := t.speaker.adjRIBOut(t.speaker.mapped(n.text("neighbor-address")), f)
			if err != nil {
				return status.Errorf(codes.Internal, "read the Adj-RIB-Out: %v", err)
			}
			sessions = append(sessions, tree{"neighbor-address": n.text("neighbor-address"), "adj-rib-out-post": tree{"routes": tree{"route": routes}}})
		}
		families = append(families, tree{"afi-safi-name": identity, name + "-unicast": tree{"neighbors": tree{"neighbor": sessions}}})
	}
	bgpOf(root).tree["rib"] = tree{"afi-safis": tree{"afi-safi": families}}
	return nil
}

func carries(n conf, identity string) bool {
	return slices.ContainsFunc(n.at("afi-safis").rows("afi-safi"), func(f conf) bool {
		return f.text("afi-safi-name") == identity && f.at("state").truth("active")
	})
}

// adjRIBOut lists the routes that a session is announced.
func (s *speaker) adjRIBOut(a netip.Addr, f bgp.Family) ([]any, error) {
	routes := []any{}
	list := apiutil.ListPathRequest{TableType: api.TableType_TABLE_TYPE_ADJ_OUT, Name: a.String(), Family: f}
	err := s.bgp.ListPath(list, func(n bgp.NLRI, paths []*apiutil.Path) {
		for i := range paths {
			id := number(uint64(i))
			routes = append(routes, tree{"prefix": n.String(), "path-id": id, "state": tree{"prefix": n.String(), "path-id": id, "valid-route": true}})
		}
	})
	return routes, err
}
