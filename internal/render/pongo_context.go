package render

import (
	"fmt"
	"strings"

	"github.com/flosch/pongo2/v6"

	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// pongoFields are what a template in pongo2 sees of each noun: a tree that ends, of plain maps, lists, texts and numbers.
// pongo2 would call any method of anything else.
var pongoFields = map[string][]string{
	"Router":           strings.Fields("id name hostname bgp_port lab platform description context"),
	"Platform":         strings.Fields("name slug"),
	"AutonomousSystem": strings.Fields("id asn name irr_as_set description context"),
	"Relationship":     strings.Fields("id name slug"),
	"RoutingPolicy":    strings.Fields("id name slug identifier direction family weight description context"),
	"InternetExchange": strings.Fields("id name slug description context"),
	"BGPGroup":         strings.Fields("id name slug description context"),
	"Session": strings.Fields(`id name kind description status enabled shutdown draining passive peer_asn local_asn peer_address local_address afi vrf interface
		multihop hold_time password encrypted_password families import_chain export_chain peer relationship context`),
}

var pongoRoot = strings.Fields("router local_as sessions policies peers exchanges groups")

// Bounds of what a template in pongo2 is given.
const (
	maxPongoText    = 16 << 10 // bytes of one text
	maxPongoContext = 64 << 20 // bytes of all texts
)

// plainer makes plain values of records, each record once.
type plainer struct {
	secrets *printing
	made    map[object]map[string]any
	size    int
	err     error
}

// pongoContext is a router's network as plain values.
func pongoContext(d peering.Desired, secrets *printing) (pongo2.Context, error) {
	network, router := project(d)
	p := &plainer{secrets: secrets, made: map[object]map[string]any{}}
	vars := pongo2.Context{
		"router": p.record(router), "local_as": map[string]any{}, "policies": p.plain(listOf(usedPolicies(d, network).Items())),
		"peers": p.plain(listOf(router.systems().Items())), "exchanges": p.plain(listOf(router.exchanges().Items())), "groups": p.plain(listOf(router.groups().Items())),
	}
	if router.Local != nil {
		vars["local_as"] = p.record(router.Local)
	}
	sessions, _ := variables(d, network, router).GetStr("sessions")
	vars["sessions"] = p.plain(sessions)
	return vars, p.err
}

func (p *plainer) record(row object) map[string]any {
	if made, ok := p.made[row]; ok {
		return made
	}
	class := row.TypeName()
	if _, ok := row.(*Session); ok {
		class = "Session"
	}
	made := map[string]any{}
	p.made[row] = made
	for _, name := range pongoFields[class] {
		v, _ := row.Attr(name)
		made[name] = p.plain(v)
	}
	return made
}

// plain is a value as pongo2 takes it; what has no plain form is nothing.
func (p *plainer) plain(v jinja.Value) any {
	switch v := v.(type) {
	case secretValue:
		return v.text(p.secrets, false)
	case jinja.Str:
		return p.text(string(v))
	case jinja.Int:
		return int64(v)
	case jinja.Float:
		return float64(v)
	case jinja.Bool:
		return bool(v)
	case *jinja.List:
		list := make([]any, len(v.Items))
		for i, item := range v.Items {
			list[i] = p.plain(item)
		}
		return list
	case *jinja.Dict:
		dict := make(map[string]any, v.Len())
		for key, item := range v.All {
			if name, ok := key.(jinja.Str); ok {
				dict[string(name)] = p.plain(item)
			}
		}
		return dict
	case object:
		return p.record(v)
	}
	return nil
}

func (p *plainer) text(s string) string {
	p.size += len(s)
	if p.err == nil && (len(s) > maxPongoText || p.size > maxPongoContext) {
		p.err = &jinja.Error{Class: jinja.LimitErr, Msg: fmt.Sprintf("the records hold more text than a template in pongo2 is given (%d bytes each, %d together): write it in jinja2", maxPongoText, maxPongoContext)}
	}
	return s
}
