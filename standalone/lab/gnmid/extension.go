package gnmid

import (
	"slices"

	gpb "github.com/openconfig/gnmi/proto/gnmi"
)

// The container "datastore" is this target's own: what gNMI has no standard path
// for. Below state it counts loads and names the pending commit, boot is the boot
// configuration, and two leaves below config take the value true in a plain Set:
//
//   - validate-only: the rest of the Set is judged and nothing is loaded. A router
//     without this leaf refuses the whole Set, so asking is safe everywhere.
//   - save: alone in a Set, makes a restart load what runs now. gNMI leaves open
//     whether a Set survives a restart; Config.SaveExplicitly says that it doesn't.
const (
	datastoreName   = "datastore"
	datastoreModule = "peerflow-lab"
	validateOnly    = "validate-only"
	saveRunning     = "save"
)

// takeWishes separates the leaves of datastore/config from a request.
func takeWishes(r *gpb.SetRequest) (*gpb.SetRequest, map[string]bool, error) {
	wishes := map[string]bool{}
	rest := &gpb.SetRequest{Prefix: r.GetPrefix(), Delete: r.GetDelete(), Replace: r.GetReplace(), UnionReplace: r.GetUnionReplace()}
	for _, u := range r.GetUpdate() {
		es := elems(r.GetPrefix(), u.GetPath())
		if len(es) != 3 || es[0].GetName() != datastoreName || es[1].GetName() != "config" {
			rest.Update = append(rest.Update, u)
			continue
		}
		if !slices.Contains([]string{validateOnly, saveRunning}, es[2].GetName()) {
			return nil, nil, invalid(pathText(es), "no such node in this router's schema")
		}
		if string(u.GetVal().GetJsonIetfVal()) != "true" {
			return nil, nil, invalid(pathText(es), "only true is accepted")
		}
		wishes[es[2].GetName()] = true
	}
	if wishes[saveRunning] && (operations(rest) > 0 || len(wishes) > 1) {
		return nil, nil, invalid("/"+datastoreName+"/config/"+saveRunning, "must stand alone in its Set")
	}
	return rest, wishes, nil
}
