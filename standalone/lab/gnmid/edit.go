package gnmid

import (
	"time"

	gpb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// edit makes the result of a request run.
func (t *Target) edit(r *gpb.SetRequest) (*gpb.SetResponse, error) {
	next, err := t.candidate(r)
	if err != nil || operations(r) == 0 {
		return t.answer(r), err
	}
	if err := t.activate(next); err != nil {
		return nil, status.Errorf(codes.Internal, "activate: %v", err)
	}
	return t.answer(r), nil
}

// candidate applies a request's operations to a copy of what runs and validates
// the result as a whole: deletes, then replaces, then updates (gNMI §3.4.3).
func (t *Target) candidate(r *gpb.SetRequest) (tree, error) {
	if err := plainRequest(r); err != nil {
		return nil, err
	}
	next := clone(t.running).(tree)
	for _, p := range r.GetDelete() {
		es := elems(r.GetPrefix(), p)
		if _, err := schemaAt(es); err != nil {
			return nil, err
		}
		remove(next, es)
	}
	for _, u := range r.GetReplace() {
		if err := write(next, r.GetPrefix(), u, false); err != nil {
			return nil, err
		}
	}
	for _, u := range r.GetUpdate() {
		if err := write(next, r.GetPrefix(), u, true); err != nil {
			return nil, err
		}
	}
	return next, recheck(next)
}

func plainRequest(r *gpb.SetRequest) error {
	if len(r.GetUnionReplace()) > 0 {
		return status.Error(codes.Unimplemented, "union_replace is not implemented here")
	}
	if o := r.GetPrefix().GetOrigin(); o != "" && o != "openconfig" {
		return status.Errorf(codes.InvalidArgument, "origin %q is not known here", o)
	}
	return nil
}

// write carries out one replace or update. Only JSON_IETF values are taken.
func write(root tree, prefix *gpb.Path, u *gpb.Update, merge bool) error {
	es := elems(prefix, u.GetPath())
	n, err := schemaAt(es)
	if err != nil {
		return err
	}
	raw, ok := u.GetVal().GetValue().(*gpb.TypedValue_JsonIetfVal)
	if !ok {
		return invalid(pathText(es), "the value must be JSON_IETF")
	}
	v, err := decode(raw.JsonIetfVal)
	if err != nil {
		return invalid(pathText(es), "the value is no JSON")
	}
	if len(es) > 0 && len(es[len(es)-1].GetKey()) > 0 {
		return writeRow(root, es, n, v, merge)
	}
	value, err := normalise(n, v, pathText(es))
	if err != nil {
		return err
	}
	put(root, es, value, merge)
	return nil
}

// writeRow takes one list entry; its keys may stand in the path alone.
func writeRow(root tree, es []*gpb.PathElem, n *node, v any, merge bool) error {
	row, err := normaliseContainer(n, v, pathText(es))
	if err != nil {
		return err
	}
	for k, want := range es[len(es)-1].GetKey() {
		if have, ok := row[k]; ok && have != want {
			return invalid(pathText(es)+"/"+k, "must equal the key in the path")
		}
		row[k] = want
	}
	put(root, es, row, merge)
	return nil
}

// recheck passes the complete result through the schema again, which proves
// entries' keys after leaf-wise edits, and then through the rules between nodes.
func recheck(root tree) error {
	if _, err := normalise(schemaRoot, root, ""); err != nil {
		return err
	}
	return validate(root)
}

// answer lists the operations in the order in which they were applied.
func (t *Target) answer(r *gpb.SetRequest) *gpb.SetResponse {
	out := &gpb.SetResponse{Prefix: r.GetPrefix(), Timestamp: time.Now().UnixNano()}
	add := func(p *gpb.Path, op gpb.UpdateResult_Operation) {
		out.Response = append(out.Response, &gpb.UpdateResult{Path: p, Op: op})
	}
	for _, p := range r.GetDelete() {
		add(p, gpb.UpdateResult_DELETE)
	}
	for _, u := range r.GetReplace() {
		add(u.GetPath(), gpb.UpdateResult_REPLACE)
	}
	for _, u := range r.GetUpdate() {
		add(u.GetPath(), gpb.UpdateResult_UPDATE)
	}
	return out
}

// validate checks what holds between nodes: references, and what a session needs.
func validate(root tree) error {
	bgp := bgpOf(root)
	global := bgp.at("global", "config")
	if global.number("as") == 0 || global.text("router-id") == "" {
		return invalid(bgpPath+"/global/config", "as and router-id are required")
	}
	if err := validatePolicies(root); err != nil {
		return err
	}
	groups := map[string]conf{}
	for _, g := range bgp.at("peer-groups").rows("peer-group") {
		groups[g.text("peer-group-name")] = g
		if err := policiesExist(root, g, bgpPath+"/peer-groups/peer-group["+g.text("peer-group-name")+"]"); err != nil {
			return err
		}
	}
	for _, n := range bgp.at("neighbors").rows("neighbor") {
		if err := validateNeighbor(root, n, groups); err != nil {
			return err
		}
	}
	return nil
}

func validateNeighbor(root tree, n conf, groups map[string]conf) error {
	path := bgpPath + "/neighbors/neighbor[neighbor-address=" + n.text("neighbor-address") + "]"
	name := n.at("config").text("peer-group")
	group, ok := groups[name]
	if name != "" && !ok {
		return invalid(path+"/config/peer-group", "no such peer group")
	}
	if n.at("config").number("peer-as") == 0 && group.at("config").number("peer-as") == 0 {
		return invalid(path+"/config/peer-as", "is required here or in the peer group")
	}
	if h := n.at("timers", "config"); h.has("hold-time") && h.number("hold-time") > 0 && h.number("hold-time") < 3 {
		return invalid(path+"/timers/config/hold-time", "must be 0 or at least 3 (RFC 4271 §4.2)")
	}
	return policiesExist(root, n, path)
}

func policiesExist(root tree, c conf, path string) error {
	apply := c.at("apply-policy", "config")
	for _, leaf := range []string{"import-policy", "export-policy"} {
		for _, name := range apply.texts(leaf) {
			if !rowExists(policyDefinitions(root), "name", name) {
				return invalid(path+"/apply-policy/config/"+leaf, "no policy is named %s", name)
			}
		}
	}
	return nil
}

// setReference is a leaf of a statement that names a defined set.
type setReference struct {
	conditions []string // containers on the way
	leaf       string
	sets       func(tree) []conf
	key        string
}

var setReferences = []setReference{
	{[]string{"conditions", "match-prefix-set", "config"}, "prefix-set", prefixSets, "name"},
	{[]string{"conditions", "bgp-conditions", "match-community-set", "config"}, "community-set", communitySets, "community-set-name"},
	{[]string{"conditions", "bgp-conditions", "match-as-path-set", "config"}, "as-path-set", asPathSets, "as-path-set-name"},
}

func validatePolicies(root tree) error {
	for _, set := range prefixSets(root) {
		if _, err := setPrefixes(set); err != nil {
			return invalid("/routing-policy/defined-sets/prefix-sets/prefix-set[name="+set.text("name")+"]", "%v", err)
		}
	}
	for _, p := range policyDefinitions(root) {
		for _, s := range p.at("statements").rows("statement") {
			for _, ref := range setReferences {
				name := s.at(ref.conditions...).text(ref.leaf)
				if name != "" && !rowExists(ref.sets(root), ref.key, name) {
					return invalid("/routing-policy/policy-definitions/policy-definition[name="+p.text("name")+"]/statements/statement[name="+s.text("name")+"]", "no %s is named %s", ref.leaf, name)
				}
			}
		}
	}
	return nil
}

func rowExists(rows []conf, key, name string) bool {
	for _, r := range rows {
		if r.text(key) == name {
			return true
		}
	}
	return false
}

const bgpPath = "/network-instances/network-instance[name=DEFAULT]/protocols/protocol[identifier=BGP][name=BGP]/bgp"

// bgpOf is the BGP container of the default instance; others aren't implemented.
func bgpOf(root tree) conf {
	for _, ni := range (conf{root}).at("network-instances").rows("network-instance") {
		if ni.text("name") != "DEFAULT" {
			continue
		}
		for _, p := range ni.at("protocols").rows("protocol") {
			if p.text("name") == "BGP" {
				return p.at("bgp")
			}
		}
	}
	return conf{}
}

func policyDefinitions(root tree) []conf {
	return conf{root}.at("routing-policy", "policy-definitions").rows("policy-definition")
}

func prefixSets(root tree) []conf {
	return conf{root}.at("routing-policy", "defined-sets", "prefix-sets").rows("prefix-set")
}

func communitySets(root tree) []conf {
	return conf{root}.at("routing-policy", "defined-sets", "bgp-defined-sets", "community-sets").rows("community-set")
}

func asPathSets(root tree) []conf {
	return conf{root}.at("routing-policy", "defined-sets", "bgp-defined-sets", "as-path-sets").rows("as-path-set")
}
