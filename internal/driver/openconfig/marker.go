package openconfig

import (
	"encoding/json"
	"strings"

	gpb "github.com/openconfig/gnmi/proto/gnmi"

	"peerflow/internal/peering"
)

// Every commit leaves one policy definition behind that nothing refers to:
// PEERFLOW-ARTIFACT-<hash> is the running identity. It is replaced in the same
// Set as the configuration, so a rollback brings the earlier one back. Its
// statements say, by their names, which version of which secret each password
// was written from ("neighbor/192.0.2.11 17@3"): two secrets may hold the same
// clear text, and many routers never show a password. All of them reject, so
// that nobody who applies the policy by mistake lets a route pass.
const markerPrefix = "PEERFLOW-ARTIFACT-"

var markerClass = classes[classIndex("policy")]

// markers lists the identities that a router shows.
func markers(root map[string]any) []string {
	var out []string
	for _, m := range markerEntries(root) {
		out = append(out, strings.TrimPrefix(textAt(m, "name"), markerPrefix))
	}
	return out
}

func markerEntries(root map[string]any) []map[string]any {
	var at any = root
	for _, n := range markerClass.path {
		m, _ := at.(map[string]any)
		at = m[n]
	}
	rows, _ := at.([]any)
	var out []map[string]any
	for _, r := range rows {
		if m, ok := r.(map[string]any); ok && strings.HasPrefix(textAt(m, "name"), markerPrefix) {
			out = append(out, m)
		}
	}
	return out
}

// identity is the running artifact's hash. Anything but exactly one marker is no identity.
func identity(root map[string]any) string {
	if all := markers(root); len(all) == 1 {
		return all[0]
	}
	return ""
}

// sayings are the placeholders that the marker names, by stanza key.
func sayings(root map[string]any) map[string]string {
	out := map[string]string{}
	for _, m := range markerEntries(root) {
		rows, _ := valueAt(m, "statements", "statement").([]any)
		for _, r := range rows {
			row, _ := r.(map[string]any)
			if key, ref, ok := strings.Cut(textAt(row, "name"), " "); ok {
				out[key] = "{secret:" + ref + "}"
			}
		}
	}
	return out
}

func markerPath(hash string) *gpb.Path {
	p := containers(markerClass.path...)
	p.Elem[len(p.Elem)-1].Key = map[string]string{markerClass.key: markerPrefix + hash}
	return p
}

// markerUpdate writes an artifact's marker.
func markerUpdate(hash string, wanted map[string]peering.Stanza) (*gpb.Update, error) {
	names := []string{"peerflow"} // one at least: some routers refuse an empty policy
	for _, key := range sortedKeys(wanted) {
		_, entry, err := parse(wanted[key])
		if err != nil {
			return nil, err
		}
		text := textAt(entry, "config", "auth-password")
		if ref, ok := strings.CutPrefix(strings.TrimSuffix(text, "}"), "{secret:"); ok {
			names = append(names, key+" "+ref)
		}
	}
	var statements []any
	for _, n := range names {
		statements = append(statements, map[string]any{
			"name": n, "config": map[string]any{"name": n},
			"actions": map[string]any{"config": map[string]any{"policy-result": "REJECT_ROUTE"}},
		})
	}
	name := markerPrefix + hash
	raw, err := json.Marshal(map[string]any{
		"name": name, "config": map[string]any{"name": name}, "statements": map[string]any{"statement": statements},
	})
	return jsonUpdate(markerPath(hash), raw), err
}
