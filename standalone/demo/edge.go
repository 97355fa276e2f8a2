package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"

	"peerflow/internal/bgp"
	"peerflow/internal/peering"
	"peerflow/standalone/lab"
	"peerflow/standalone/lab/gnmid"
)

// DefaultDriver is bird where BIRD and sshd are installed, else openconfig.
func DefaultDriver() string {
	for _, program := range []string{"bird", "birdc", "sshd"} {
		if _, err := exec.LookPath(program); err != nil {
			if _, err := exec.LookPath("/usr/sbin/" + program); err != nil {
				return "openconfig"
			}
		}
	}
	return "bird"
}

// Public is an address as configurations and PeeringDB have it. BIRD uses the
// daemons' loopback addresses; the gNMI router speaks documentation addresses
// and maps them to those.
func (n *Network) Public(a netip.Addr) netip.Addr {
	if n.GNMI == nil {
		return a
	}
	return netip.AddrFrom4([4]byte{198, 51, 100, a.As4()[3]})
}

func (n *Network) lan() netip.Prefix { return netip.PrefixFrom(n.Public(n.at(addr(0))), 24) }

// elsewhere is an address on another LAN of the same exchange.
func (n *Network) elsewhere() netip.Addr {
	b := n.Public(n.at(peerAddr)).As4()
	b[2] ^= 9
	return netip.AddrFrom4(b)
}

func (n *Network) startEdge(ctx context.Context, dir, driver string) (err error) {
	if driver == "openconfig" {
		return n.startGNMI(ctx, dir)
	}
	if n.SSH, err = lab.StartSSHD(ctx, filepath.Join(dir, "ssh"), n.at(edgeAddr).String()+":0"); err != nil {
		return err
	}
	main := lab.EdgeMain(lab.EdgeConfig{ASN: ourASN, Address: n.at(edgeAddr), Port: bgpPort, HoldTime: holdTime, Originate: ours, Neighbors: n.neighbors(foreign)})
	n.Edge, err = lab.StartBird(ctx, filepath.Join(dir, "edge"), lab.BirdConfig{Main: main})
	return err
}

// router is how peerflow reaches the edge: its record, its driver, and its
// login in clear.
func (n *Network) router() (r peering.Router, driver, clear string) {
	r = peering.Router{Name: "edge1", Mode: peering.Manage, BGPPort: bgpPort, Lab: true}
	if n.GNMI != nil {
		r.Address, r.Username, r.HostKey, r.Settings = n.GNMI.Address(), gnmiUser, n.GNMI.CertificatePEM(), n.GNMI.Settings()
		return r, "openconfig", gnmiPassword
	}
	r.Address, r.Username, r.HostKey, r.Settings = n.SSH.Address, n.SSH.Username, n.SSH.HostKey, n.Edge.Settings()
	return r, "bird", n.SSH.PrivateKey
}

// The login of a router that only this machine can reach.
const (
	gnmiUser     = "peerflow"
	gnmiPassword = "demo-router-login"
)

func (n *Network) startGNMI(ctx context.Context, dir string) error {
	addresses := map[netip.Addr]netip.Addr{}
	n.GNMI = &gnmid.Target{} // Public needs to know before the target runs
	for host := 1; host < 255; host++ {
		addresses[n.Public(addr(host))] = n.at(addr(host))
	}
	initial, err := n.handWritten()
	if err != nil {
		return err
	}
	target, err := gnmid.Start(ctx, gnmid.Config{
		Dir: filepath.Join(dir, "gnmi"), Listen: n.at(edgeAddr).String() + ":0", Username: gnmiUser, Password: gnmiPassword,
		BGPAddress: n.at(edgeAddr), BGPPort: bgpPort, Addresses: addresses, Originate: ours, Initial: initial,
	})
	if err != nil {
		n.GNMI = nil
		return err
	}
	n.GNMI = target
	return nil
}

type object = map[string]any

func config(pairs object) object { return object{"config": pairs} }

// handWritten is the gNMI edge's configuration before peerflow: the same eleven
// neighbors as BIRD's main file.
func (n *Network) handWritten() (json.RawMessage, error) {
	var neighbors []object
	for _, f := range foreign {
		neighbors = append(neighbors, n.neighbor(f))
	}
	policy := func(name string, conditions object) object {
		statement := object{"name": "1", "config": object{"name": "1"}, "actions": config(object{"policy-result": "ACCEPT_ROUTE"})}
		if conditions != nil {
			statement["conditions"] = conditions
		}
		return object{"name": name, "config": object{"name": name}, "statements": object{"statement": []object{statement}}}
	}
	var prefixes []object
	for _, p := range ours {
		prefixes = append(prefixes, object{"ip-prefix": p.String(), "masklength-range": "exact", "config": object{"ip-prefix": p.String(), "masklength-range": "exact"}})
	}
	return json.Marshal(object{
		"network-instances": object{"network-instance": []object{{
			"name": "DEFAULT", "config": object{"name": "DEFAULT", "type": "DEFAULT_INSTANCE"},
			"protocols": object{"protocol": []object{{
				"identifier": "BGP", "name": "BGP", "config": object{"identifier": "BGP", "name": "BGP"},
				"bgp": object{
					"global":    config(object{"as": ourASN, "router-id": n.Public(n.at(edgeAddr)).String()}),
					"neighbors": object{"neighbor": neighbors},
				},
			}}},
		}}},
		"routing-policy": object{
			"defined-sets": object{"prefix-sets": object{"prefix-set": []object{{
				"name": "OURS", "config": object{"name": "OURS", "mode": "IPV4"}, "prefixes": object{"prefix": prefixes},
			}}}},
			"policy-definitions": object{"policy-definition": []object{
				policy("EVERYTHING", nil),
				policy("ONLY-OURS", object{"match-prefix-set": config(object{"prefix-set": "OURS"})}),
			}},
		},
	})
}

func (n *Network) neighbor(f lab.EdgeNeighbor) object {
	export := "ONLY-OURS"
	if f.Kind == "ibgp" {
		export = "EVERYTHING"
	}
	address := n.Public(f.Address).String()
	return object{
		"neighbor-address": address,
		"config":           object{"neighbor-address": address, "peer-as": f.ASN, "description": fmt.Sprintf("%s %s", f.ASN, f.Kind)},
		"timers":           config(object{"hold-time": holdTime}),
		"apply-policy":     config(object{"import-policy": []string{"EVERYTHING"}, "export-policy": []string{export}}),
		"afi-safis": object{"afi-safi": []object{{
			"afi-safi-name": "IPV4_UNICAST", "config": object{"afi-safi-name": "IPV4_UNICAST", "enabled": true},
		}}},
	}
}

// ConfigurePeer lets a newcomer configure its end of the session.
func (n *Network) ConfigurePeer(ctx context.Context, asn bgp.ASN) error {
	return n.Peers[asn].AddNeighbor(ctx, lab.PeerNeighbor{ASN: ourASN, Address: n.at(edgeAddr)})
}
