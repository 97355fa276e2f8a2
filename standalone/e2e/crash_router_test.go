package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	gpb "github.com/openconfig/gnmi/proto/gnmi"

	"peerflow/internal/peering"
	"peerflow/standalone/lab"
	"peerflow/standalone/lab/gnmid"
)

// crashDrivers are those on which every point of the matrix is tried.
var crashDrivers = []string{"bird", "openconfig"}

// device is a router as somebody sees it who stands before it.
type device interface {
	record() (r peering.Router, login string) // how peerflow reaches it, and the login in clear
	look(ctx context.Context) (photo, error)
	restart(ctx context.Context) error // as after a crash
	meddle(ctx context.Context) error  // somebody else loads a configuration for good
	confirm(ctx context.Context) error // somebody makes the pending commit stay
	close()
}

// photo is what a router shows.
type photo struct {
	identity string   // of the artifact that it says it runs; "" for none of ours
	pending  bool     // a rollback timer runs
	runs     string   // every session with its address
	boots    string   // what of ours a restart would load
	others   string   // what isn't ours, byte for byte
	left     []string // files that a deployment left
}

func startDevice(ctx context.Context, driver, dir string, address netip.Addr, foreign []lab.EdgeNeighbor) (device, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if driver == "openconfig" {
		return startGNMIDevice(ctx, dir, address, foreign)
	}
	return startBIRDDevice(ctx, dir, address, foreign)
}

// originated is what each router announces.
var originated = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}

// birdDevice is a BIRD with an sshd of its own.
type birdDevice struct {
	bird *lab.Bird
	ssh  *lab.SSHD
}

func startBIRDDevice(ctx context.Context, dir string, address netip.Addr, foreign []lab.EdgeNeighbor) (device, error) {
	ssh, err := lab.StartSSHD(ctx, filepath.Join(dir, "ssh"), address.String()+":0")
	if err != nil {
		return nil, err
	}
	main := lab.EdgeMain(lab.EdgeConfig{ASN: crashASN, Address: address, Originate: originated, Neighbors: foreign})
	bird, err := lab.StartBird(ctx, filepath.Join(dir, "bird"), lab.BirdConfig{Main: main})
	if err != nil {
		return nil, errors.Join(err, ssh.Close())
	}
	return &birdDevice{bird, ssh}, nil
}

func (d *birdDevice) record() (peering.Router, string) {
	return peering.Router{Address: d.ssh.Address, Username: d.ssh.Username, HostKey: d.ssh.HostKey, Settings: d.bird.Settings()}, d.ssh.PrivateKey
}

func (d *birdDevice) look(ctx context.Context) (p photo, err error) {
	status, err1 := d.bird.Birdc(ctx, "configure", "status")
	runs, err2 := d.bird.Birdc(ctx, "show", "protocols", "all")
	identity, err3 := d.identity(ctx)
	own, err4 := os.ReadFile(d.bird.Owned)
	main, err5 := os.ReadFile(d.bird.Main)
	left, err6 := filepath.Glob(filepath.Join(filepath.Dir(d.bird.Owned), "candidate-*"))
	return photo{identity, strings.Contains(status, "undo in"), runs, string(own), string(main), left}, errors.Join(err1, err2, err3, err4, err5, err6)
}

func (d *birdDevice) identity(ctx context.Context) (string, error) {
	says, err := d.bird.Birdc(ctx, "eval", "PEERFLOW_ARTIFACT")
	if strings.Contains(says, "CF_SYM_UNDEFINED") {
		return "", nil
	}
	_, text, _ := strings.Cut(says, "\n")
	return strings.Trim(strings.TrimSpace(text), `"`), err
}

func (d *birdDevice) restart(ctx context.Context) error { return d.bird.Restart(ctx) }

// meddle loads the main file again: BIRD forgets our commit with its timer and runs the base.
func (d *birdDevice) meddle(ctx context.Context) error {
	_, err := d.bird.Birdc(ctx, "configure")
	return err
}

func (d *birdDevice) confirm(ctx context.Context) error {
	_, err := d.bird.Birdc(ctx, "configure", "confirm")
	return err
}

func (d *birdDevice) close() { _, _ = d.bird.Close(), d.ssh.Close() }

// gnmiDevice is an OpenConfig router that loads at a restart what it was asked to save.
type gnmiDevice struct {
	*gnmid.Target
	dir     string
	foreign netip.Addr // one of the operator's neighbors
}

const gnmiLogin, gnmiPassword = "peerflow", "crash-router-login"

func startGNMIDevice(ctx context.Context, dir string, address netip.Addr, foreign []lab.EdgeNeighbor) (device, error) {
	initial, err := json.Marshal(handWritten(address, foreign))
	if err != nil {
		return nil, err
	}
	target, err := gnmid.Start(ctx, gnmid.Config{
		Dir: dir, Listen: address.String() + ":0", ServerName: "router.example.net", Username: gnmiLogin, Password: gnmiPassword,
		BGPAddress: address, BGPPort: lab.DefaultBGPPort, Originate: originated, Initial: initial, SaveExplicitly: true,
	})
	return &gnmiDevice{target, dir, foreign[0].Address}, err
}

type object = map[string]any

func config(pairs object) object { return object{"config": pairs} }

// handWritten is a router's configuration before peerflow, which announces its own prefixes alone.
func handWritten(address netip.Addr, foreign []lab.EdgeNeighbor) object {
	var neighbors, prefixes []object
	for _, f := range foreign {
		neighbors = append(neighbors, object{
			"neighbor-address": f.Address, "config": object{"neighbor-address": f.Address, "peer-as": f.ASN, "description": f.Name},
			"timers":       config(object{"hold-time": lab.DefaultHoldTime}),
			"apply-policy": config(object{"import-policy": []string{"EVERYTHING"}, "export-policy": []string{"ONLY-OURS"}}),
			"afi-safis": object{"afi-safi": []object{{
				"afi-safi-name": "IPV4_UNICAST", "config": object{"afi-safi-name": "IPV4_UNICAST", "enabled": true},
			}}},
		})
	}
	for _, p := range originated {
		row := object{"ip-prefix": p, "masklength-range": "exact"}
		prefixes = append(prefixes, object{"ip-prefix": p, "masklength-range": "exact", "config": row})
	}
	bgp := object{"global": config(object{"as": crashASN, "router-id": address}), "neighbors": object{"neighbor": neighbors}}
	return object{
		"network-instances": object{"network-instance": []object{{
			"name": "DEFAULT", "config": object{"name": "DEFAULT", "type": "DEFAULT_INSTANCE"},
			"protocols": object{"protocol": []object{{"identifier": "BGP", "name": "BGP", "config": object{"identifier": "BGP", "name": "BGP"}, "bgp": bgp}}},
		}}},
		"routing-policy": object{
			"defined-sets": object{"prefix-sets": object{"prefix-set": []object{{
				"name": "OURS", "config": object{"name": "OURS", "mode": "IPV4"}, "prefixes": object{"prefix": prefixes},
			}}}},
			"policy-definitions": object{"policy-definition": []object{
				accepts("EVERYTHING", object{}), accepts("ONLY-OURS", object{"match-prefix-set": config(object{"prefix-set": "OURS"})}),
			}},
		},
	}
}

func accepts(name string, conditions object) object {
	statement := object{"name": "1", "config": object{"name": "1"}, "actions": config(object{"policy-result": "ACCEPT_ROUTE"})}
	if len(conditions) > 0 {
		statement["conditions"] = conditions
	}
	return object{"name": name, "config": object{"name": name}, "statements": object{"statement": []object{statement}}}
}

func (d *gnmiDevice) record() (peering.Router, string) {
	return peering.Router{Address: d.Address(), Username: gnmiLogin, HostKey: d.CertificatePEM(), Settings: d.Settings()}, gnmiPassword
}

func (d *gnmiDevice) look(context.Context) (p photo, err error) {
	running := d.Running()
	boot, err := os.ReadFile(filepath.Join(d.dir, "boot.json"))
	if err != nil {
		return p, err
	}
	p = photo{pending: d.Pending() != "", runs: string(running), boots: string(boot)}
	if _, rest, ours := strings.Cut(p.runs, `"PEERFLOW-ARTIFACT-`); ours {
		p.identity, _, _ = strings.Cut(rest, `"`)
	}
	var root any
	if err := json.Unmarshal(running, &root); err != nil {
		return p, err
	}
	others, err := json.MarshalIndent(withoutOurs(root), "", " ")
	p.others = string(others)
	return p, err
}

// withoutOurs cuts the list entries that are ours, told apart by names alone and not by the driver.
func withoutOurs(v any) any {
	switch v := v.(type) {
	case object:
		for k, x := range v {
			if v[k] = withoutOurs(x); v[k] == nil {
				delete(v, k)
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		rest := slices.DeleteFunc(v, func(x any) bool {
			row, _ := x.(object)
			settings, _ := row["config"].(object)
			name := fmt.Sprint(row["name"], row["peer-group-name"], settings["peer-group"])
			return strings.Contains(name, "pf-") || strings.Contains(name, "PEERFLOW-")
		})
		for i := range rest {
			rest[i] = withoutOurs(rest[i])
		}
		if len(rest) == 0 {
			return nil
		}
		return rest
	}
	return v
}

func (d *gnmiDevice) restart(ctx context.Context) error { return d.Restart(ctx) }

// neighborPath is a place below a BGP neighbor of a gNMI router.
func neighborPath(neighbor netip.Addr, below ...string) *gpb.Path {
	p := &gpb.Path{Elem: []*gpb.PathElem{
		{Name: "network-instances"}, {Name: "network-instance", Key: map[string]string{"name": "DEFAULT"}},
		{Name: "protocols"}, {Name: "protocol", Key: map[string]string{"identifier": "BGP", "name": "BGP"}},
		{Name: "bgp"}, {Name: "neighbors"}, {Name: "neighbor", Key: map[string]string{"neighbor-address": neighbor.String()}},
	}}
	for _, name := range below {
		p.Elem = append(p.Elem, &gpb.PathElem{Name: name})
	}
	return p
}

// meddle edits a neighbor of the operator's on the console: by that everything becomes permanent, ours too.
func (d *gnmiDevice) meddle(ctx context.Context) error {
	path := neighborPath(d.foreign, "config", "description")
	text := &gpb.TypedValue{Value: &gpb.TypedValue_JsonIetfVal{JsonIetfVal: []byte(`"edited by hand"`)}}
	return d.OperatorSet(ctx, &gpb.SetRequest{Update: []*gpb.Update{{Path: path, Val: text}}})
}

func (d *gnmiDevice) confirm(context.Context) error { return d.OperatorConfirm() }

func (d *gnmiDevice) close() { d.Close() }
