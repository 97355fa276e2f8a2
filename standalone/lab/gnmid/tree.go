package gnmid

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	gpb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A tree is configuration in the shape of RFC 7951 without module names:
// containers are map[string]any, lists are []any of map[string]any.
type tree = map[string]any

func invalid(path, format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, "%s: %s", path, fmt.Sprintf(format, args...))
}

// elems joins a prefix and a path, module names removed.
func elems(prefix, path *gpb.Path) []*gpb.PathElem {
	var out []*gpb.PathElem
	for _, e := range append(slices.Clone(prefix.GetElem()), path.GetElem()...) {
		keys := make(map[string]string, len(e.GetKey()))
		for k, v := range e.GetKey() {
			keys[bare(k)] = modulePrefixOfValue(v)
		}
		out = append(out, &gpb.PathElem{Name: bare(e.GetName()), Key: keys})
	}
	return out
}

// bare removes a module name from a node name.
func bare(name string) string {
	if _, after, ok := strings.Cut(name, ":"); ok {
		return after
	}
	return name
}

// modulePrefixOfValue drops the module of an identity used as a key; addresses keep their colons.
func modulePrefixOfValue(v string) string {
	if module, name, ok := strings.Cut(v, ":"); ok && strings.HasPrefix(module, "openconfig-") {
		return name
	}
	return v
}

func pathText(es []*gpb.PathElem) string {
	var b strings.Builder
	for _, e := range es {
		b.WriteString("/" + e.GetName())
		for _, k := range sortedKeys(e.GetKey()) {
			fmt.Fprintf(&b, "[%s=%s]", k, e.GetKey()[k])
		}
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// schemaAt finds the schema node of a path, and refuses what isn't in the allow-list.
func schemaAt(es []*gpb.PathElem) (*node, error) {
	n := schemaRoot
	for i, e := range es {
		child, ok := n.children[e.GetName()]
		if !ok {
			return nil, invalid(pathText(es[:i+1]), "no such node in this router's schema")
		}
		if err := keysFit(child, e, es[:i+1], i == len(es)-1); err != nil {
			return nil, err
		}
		n = child
	}
	return n, nil
}

func keysFit(n *node, e *gpb.PathElem, es []*gpb.PathElem, last bool) error {
	if n.kind != list || last && len(e.GetKey()) == 0 {
		if len(e.GetKey()) > 0 {
			return invalid(pathText(es), "this node has no keys")
		}
		return nil
	}
	if len(e.GetKey()) != len(n.keys) {
		return invalid(pathText(es), "the keys are %s", strings.Join(n.keys, ", "))
	}
	for _, k := range n.keys {
		v, ok := e.GetKey()[k]
		if !ok {
			return invalid(pathText(es), "the key %s is missing", k)
		}
		canonical, err := n.children[k].check(v)
		if err != nil {
			return invalid(pathText(es), "key %s: %v", k, err)
		}
		e.Key[k] = canonical.(string)
	}
	return nil
}

// decode reads JSON with numbers kept as written, and refuses anything after the value.
func decode(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than one JSON value")
	}
	return v, nil
}

// normalise checks a value against its schema node and gives its canonical form:
// no module names, lists and leaf-lists sorted unless the user's order counts.
func normalise(n *node, v any, path string) (any, error) {
	switch n.kind {
	case leaf:
		out, err := n.check(v)
		if err != nil {
			return nil, invalid(path, "%v", err)
		}
		return out, nil
	case leafList:
		return normaliseLeafList(n, v, path)
	case list:
		return normaliseList(n, v, path)
	}
	return normaliseContainer(n, v, path)
}

func normaliseContainer(n *node, v any, path string) (tree, error) {
	m, ok := v.(tree)
	if !ok {
		return nil, invalid(path, "an object is expected")
	}
	out := make(tree, len(m))
	for name, value := range m {
		child, ok := n.children[bare(name)]
		if !ok {
			return nil, invalid(path+"/"+bare(name), "no such node in this router's schema")
		}
		c, err := normalise(child, value, path+"/"+bare(name))
		if err != nil {
			return nil, err
		}
		out[bare(name)] = c
	}
	return out, nil
}

func normaliseLeafList(n *node, v any, path string) (any, error) {
	values, ok := v.([]any)
	if !ok {
		return nil, invalid(path, "an array is expected")
	}
	out := make([]any, 0, len(values))
	for _, value := range values {
		c, err := n.check(value)
		if err != nil {
			return nil, invalid(path, "%v", err)
		}
		if slices.Contains(out, c) {
			return nil, invalid(path, "a value occurs twice")
		}
		out = append(out, c)
	}
	if !n.ordered {
		slices.SortFunc(out, func(a, b any) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
	return out, nil
}

func normaliseList(n *node, v any, path string) (any, error) {
	values, ok := v.([]any)
	if !ok {
		return nil, invalid(path, "an array is expected")
	}
	out := make([]any, 0, len(values))
	seen := map[string]bool{}
	for _, value := range values {
		row, err := normaliseContainer(n, value, path)
		if err != nil {
			return nil, err
		}
		id, err := rowID(n, row, path)
		if err != nil {
			return nil, err
		}
		if seen[id] {
			return nil, invalid(path+id, "the entry occurs twice")
		}
		seen[id] = true
		out = append(out, row)
	}
	sortRows(n, out)
	return out, nil
}

// rowID is an entry's keys as a path writes them; the keys in its config must agree.
func rowID(n *node, row tree, path string) (string, error) {
	var b strings.Builder
	inner, _ := row["config"].(tree)
	for _, k := range n.keys {
		v, ok := row[k].(string)
		if !ok {
			return "", invalid(path, "an entry lacks its key %s", k)
		}
		fmt.Fprintf(&b, "[%s=%s]", k, v)
		if c, ok := inner[k]; !ok || c != v {
			return "", invalid(path+b.String()+"/config/"+k, "must equal the key")
		}
	}
	return b.String(), nil
}

func sortRows(n *node, out []any) {
	if n.ordered {
		return
	}
	slices.SortFunc(out, func(a, b any) int {
		for _, k := range n.keys {
			if c := cmp.Compare(a.(tree)[k].(string), b.(tree)[k].(string)); c != 0 {
				return c
			}
		}
		return 0
	})
}

// lookup returns what stands at a path, and false when nothing does.
func lookup(root tree, es []*gpb.PathElem) (any, bool) {
	var at any = root
	for _, e := range es {
		m, ok := at.(tree)
		if !ok {
			return nil, false
		}
		if at, ok = m[e.GetName()]; !ok {
			return nil, false
		}
		if len(e.GetKey()) == 0 {
			continue
		}
		i := rowIndex(at.([]any), e)
		if i < 0 {
			return nil, false
		}
		at = at.([]any)[i]
	}
	return at, true
}

func rowIndex(rows []any, e *gpb.PathElem) int {
	return slices.IndexFunc(rows, func(r any) bool {
		for k, v := range e.GetKey() {
			if r.(tree)[k] != v {
				return false
			}
		}
		return true
	})
}

// remove deletes what stands at a path; nothing there is no error (gNMI §3.4.6).
func remove(root tree, es []*gpb.PathElem) {
	if len(es) == 0 {
		clear(root)
		return
	}
	parent, ok := lookup(root, es[:len(es)-1])
	if !ok {
		return
	}
	m, last := parent.(tree), es[len(es)-1]
	if len(last.GetKey()) == 0 {
		delete(m, last.GetName())
		return
	}
	rows, _ := m[last.GetName()].([]any)
	if i := rowIndex(rows, last); i >= 0 {
		m[last.GetName()] = slices.Delete(rows, i, i+1)
	}
}

// put writes a normalised value at a path, making the containers and entries on
// the way. merge keeps what the value doesn't mention (gNMI update).
func put(root tree, es []*gpb.PathElem, value any, merge bool) {
	at, n := root, schemaRoot
	for i, e := range es {
		last := i == len(es)-1
		n = n.children[e.GetName()]
		if len(e.GetKey()) > 0 {
			at = ensureRow(at, n, e)
			if last {
				fill(at, value.(tree), n, merge)
			}
			continue
		}
		if last {
			putMember(at, e.GetName(), value, n, merge)
			return
		}
		next, ok := at[e.GetName()].(tree)
		if !ok {
			next = tree{}
			at[e.GetName()] = next
		}
		at = next
	}
	if len(es) == 0 {
		fill(root, value.(tree), schemaRoot, merge)
	}
}

func ensureRow(at tree, n *node, e *gpb.PathElem) tree {
	rows, _ := at[e.GetName()].([]any)
	if i := rowIndex(rows, e); i >= 0 {
		return rows[i].(tree)
	}
	row := tree{}
	inner := tree{}
	for k, v := range e.GetKey() {
		row[k], inner[k] = v, v
	}
	row["config"] = inner
	rows = append(rows, row)
	sortRows(n, rows)
	at[e.GetName()] = rows
	return row
}

func fill(at, value tree, n *node, merge bool) {
	if !merge {
		clear(at)
	}
	for name, v := range value {
		putMember(at, name, v, n.children[name], merge)
	}
}

func putMember(at tree, name string, v any, n *node, merge bool) {
	old, exists := at[name]
	if !merge || !exists || n.kind == leaf || n.kind == leafList {
		at[name] = v
		return
	}
	if n.kind == container {
		fill(old.(tree), v.(tree), n, true)
		return
	}
	rows := old.([]any)
	for _, r := range v.([]any) {
		row := r.(tree)
		e := &gpb.PathElem{Key: map[string]string{}}
		for _, k := range n.keys {
			e.Key[k] = row[k].(string)
		}
		if i := rowIndex(rows, e); i >= 0 {
			fill(rows[i].(tree), row, n, true)
			continue
		}
		rows = append(rows, row)
	}
	sortRows(n, rows)
	at[name] = rows
}

// clone copies a tree deeply; leaf values are immutable.
func clone(v any) any {
	switch v := v.(type) {
	case tree:
		out := make(tree, len(v))
		for k, x := range v {
			out[k] = clone(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = clone(x)
		}
		return out
	}
	return v
}

// at is lookup for code that knows the names: containers only.
func (c conf) at(names ...string) conf {
	m := c.tree
	for _, n := range names {
		m, _ = m[n].(tree)
	}
	return conf{m}
}

// conf reads leaves of a tree; what is absent reads as zero.
type conf struct{ tree }

func (c conf) text(name string) string { s, _ := c.tree[name].(string); return s }
func (c conf) truth(name string) bool  { b, _ := c.tree[name].(bool); return b }

func (c conf) number(name string) uint32 {
	n, _ := c.tree[name].(json.Number)
	i, _ := n.Int64()
	return uint32(i)
}

func (c conf) has(name string) bool { _, ok := c.tree[name]; return ok }

func (c conf) texts(name string) []string {
	var out []string
	values, _ := c.tree[name].([]any)
	for _, v := range values {
		out = append(out, v.(string))
	}
	return out
}

func (c conf) rows(name string) []conf {
	var out []conf
	values, _ := c.tree[name].([]any)
	for _, v := range values {
		out = append(out, conf{v.(tree)})
	}
	return out
}
