package openconfig

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"peerflow/internal/peering"
)

// Syntax cuts artifacts of this platform. An artifact is a sequence of JSON
// objects, one per stanza, with nothing between them but white space; a template
// needs no commas between them. Each has one member, which names the class, and
// whose value is the entry of the OpenConfig list as RFC 7951 writes it:
//
//	{"prefix-set": {"config": {"name": "pf-as64501-v4", "mode": "IPV4"},
//	  "prefixes": {"prefix": [{"config": {"ip-prefix": "192.0.2.0/24", "masklength-range": "exact"}}]}}}
//	{"community-set": {"config": {"community-set-name": "pf-drop", "community-member": ["64500:666"]}}}
//	{"as-path-set": {"config": {"as-path-set-name": "pf-own", "as-path-set-member": ["_64500_"]}}}
//	{"policy": {"config": {"name": "pf-in-peers"}, "statements": {"statement": [
//	  {"config": {"name": "10"}, "conditions": {"match-prefix-set": {"config": {"prefix-set": "pf-as64501-v4"}}},
//	   "actions": {"config": {"policy-result": "ACCEPT_ROUTE"}}}]}}}
//	{"peer-group": {"config": {"peer-group-name": "pf-peers"}}}
//	{"neighbor": {"config": {"neighbor-address": "192.0.2.11", "peer-as": 64501, "peer-group": "pf-peers",
//	  "auth-password": "{secret:17@3}"}, "timers": {"config": {"hold-time": 90}}, …}}
//
// Rules: names of all classes but neighbor begin with "pf-"; a neighbor's
// peer-group does: that is how the router shows what is ours. A list key may
// stand in config alone; it is added beside it. Module names are not needed.
// auth-password holds a placeholder, and placeholders stand nowhere else.
//
// The keys are prefix-set/NAME, community-set/NAME, as-path-set/NAME,
// policy/NAME, peer-group/NAME and neighbor/ADDRESS.
type Syntax struct{}

// ownedPrefix begins the name of everything that peerflow owns on a router.
const ownedPrefix = "pf-"

// class is one kind of stanza, in the order in which a router needs them.
type class struct {
	name string   // member name in the artifact and first part of the key
	key  string   // the list's key leaf
	path []string // containers down to the list, from the BGP instance or from the root
	bgp  bool     // path starts at the BGP instance
}

var classes = []class{
	{name: "prefix-set", key: "name", path: []string{"routing-policy", "defined-sets", "prefix-sets", "prefix-set"}},
	{name: "community-set", key: "community-set-name", path: []string{"routing-policy", "defined-sets", "bgp-defined-sets", "community-sets", "community-set"}},
	{name: "as-path-set", key: "as-path-set-name", path: []string{"routing-policy", "defined-sets", "bgp-defined-sets", "as-path-sets", "as-path-set"}},
	{name: "policy", key: "name", path: []string{"routing-policy", "policy-definitions", "policy-definition"}},
	{name: "peer-group", key: "peer-group-name", path: []string{"peer-groups", "peer-group"}, bgp: true},
	{name: "neighbor", key: "neighbor-address", path: []string{"neighbors", "neighbor"}, bgp: true},
}

func classIndex(name string) int {
	return slices.IndexFunc(classes, func(c class) bool { return c.name == name })
}

// Split reads a sequence of objects and brings each into its canonical form.
func (Syntax) Split(text string) ([]peering.Stanza, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var out []peering.Stanza
	for {
		var document map[string]any
		line := lineAfter(text, int(d.InputOffset()))
		err := d.Decode(&document)
		if errors.Is(err, io.EOF) {
			if _, err := peering.StanzaMap(out); err != nil {
				return nil, peering.Errorf(peering.Invalid, "artifact: %w", err)
			}
			return out, nil
		}
		if err != nil {
			return nil, peering.Errorf(peering.Invalid, "object %d isn't JSON: %w", len(out)+1, jsonTrouble(err, d.InputOffset()))
		}
		s, err := stanzaOf(document)
		if err != nil {
			return nil, peering.Errorf(peering.Invalid, "object %d: %w", len(out)+1, err)
		}
		s.Line = line
		out = append(out, s)
	}
}

// lineAfter is the line of the first text after an offset, counted from 1.
func lineAfter(text string, offset int) int {
	rest := text[offset:]
	offset += len(rest) - len(strings.TrimLeft(rest, " \t\r\n"))
	return strings.Count(text[:offset], "\n") + 1
}

// jsonTrouble keeps the place of a syntax error and drops the text around it.
func jsonTrouble(err error, offset int64) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("syntax error near byte %d", syntax.Offset)
	}
	return fmt.Errorf("it ends or changes shape near byte %d", offset)
}

func stanzaOf(document map[string]any) (peering.Stanza, error) {
	if len(document) != 1 {
		return peering.Stanza{}, errors.New("write one member, which names the class")
	}
	for name, v := range document {
		i := classIndex(name)
		entry, ok := v.(map[string]any)
		if i < 0 || !ok {
			return peering.Stanza{}, fmt.Errorf("%q is no class with an object: prefix-set, community-set, as-path-set, policy, peer-group or neighbor", name)
		}
		return newStanza(classes[i], entry)
	}
	return peering.Stanza{}, nil
}

// newStanza makes a stanza of one list entry, canonical and checked for ownership.
func newStanza(c class, raw map[string]any) (peering.Stanza, error) {
	if plain := canonicalObject(raw); plain[c.key] != nil && valueAt(plain, "config", c.key) != nil && plain[c.key] != valueAt(plain, "config", c.key) {
		return peering.Stanza{}, fmt.Errorf("%s has two different values of %s", c.name, c.key)
	}
	entry := canonical(raw, c.key)
	name, _ := entry[c.key].(string)
	if name == "" {
		return peering.Stanza{}, fmt.Errorf("%s without %s", c.name, c.key)
	}
	s := peering.Stanza{Key: stanzaKey(c, entry), Refs: refsOf(entry)}
	if c.name == "neighbor" {
		a, err := netip.ParseAddr(name)
		if err != nil {
			return s, fmt.Errorf("neighbor %q is no address", name)
		}
		s.Neighbor, entry[c.key] = a, a.String()
		fillKeys(entry, []string{c.key})
	}
	if !owned(c, entry) {
		return s, fmt.Errorf("%s isn't named as ours: names (for a neighbor: its peer-group) begin with %q", s.Key, ownedPrefix)
	}
	if err := checkPasswords(entry); err != nil {
		return s, fmt.Errorf("%s: %w", s.Key, err)
	}
	var err error
	s.Text, err = marshal(map[string]any{c.name: entry})
	return s, err
}

// stanzaKey is class and name; addresses are written as Go prints them.
func stanzaKey(c class, entry map[string]any) string {
	name := textAt(entry, c.key)
	if a, err := netip.ParseAddr(name); err == nil && c.name == "neighbor" {
		name = a.String()
	}
	return c.name + "/" + name
}

// owned tells ours from foreign by what the router itself shows.
func owned(c class, entry map[string]any) bool {
	name := textAt(entry, c.key)
	if c.name == "neighbor" {
		name = textAt(entry, "config", "peer-group")
	}
	return strings.HasPrefix(name, ownedPrefix)
}

// redacted begins the stand-in of a password that is none of ours.
const redacted = "redacted:"

// checkPasswords refuses clear text in auth-password, and placeholders anywhere else.
func checkPasswords(entry map[string]any) error {
	password := textAt(entry, "config", "auth-password")
	refs, err := peering.SecretRefs(password)
	if err != nil {
		return err
	}
	whole := len(refs) == 1 && refs[0].String() == password
	if password != "" && !whole && !strings.HasPrefix(password, redacted) {
		return errors.New("auth-password must be a secret's placeholder and nothing more")
	}
	all, err := marshal(entry)
	if err != nil {
		return err
	}
	if n := strings.Count(all, "{secret:"); n > len(refs) {
		return errors.New("a secret's placeholder may stand in config/auth-password only")
	}
	return nil
}

func marshal(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.String(), err
}

// Join puts sets first, then policies, groups and neighbors, each by name.
func (Syntax) Join(stanzas []peering.Stanza) (string, error) {
	if _, err := peering.StanzaMap(stanzas); err != nil {
		return "", err
	}
	sorted := slices.Clone(stanzas)
	for _, s := range sorted {
		if class, _, ok := strings.Cut(s.Key, "/"); !ok || classIndex(class) < 0 {
			return "", peering.Errorf(peering.Invalid, "stanza %s has no class that this platform knows", s.Key)
		}
	}
	slices.SortFunc(sorted, byOrder)
	var b strings.Builder
	for _, s := range sorted {
		b.WriteString(s.Text)
	}
	return b.String(), nil
}

func byOrder(a, b peering.Stanza) int {
	classA, _, _ := strings.Cut(a.Key, "/")
	classB, _, _ := strings.Cut(b.Key, "/")
	if c := cmp.Compare(classIndex(classA), classIndex(classB)); c != 0 {
		return c
	}
	if c := a.Neighbor.Compare(b.Neighbor); c != 0 {
		return c
	}
	return cmp.Compare(a.Key, b.Key)
}

// parse reads a stanza's text back.
func parse(s peering.Stanza) (class, map[string]any, error) {
	d := json.NewDecoder(strings.NewReader(s.Text))
	d.UseNumber()
	var document map[string]map[string]any
	if err := d.Decode(&document); err != nil {
		return class{}, nil, peering.Errorf(peering.Invalid, "stanza %s isn't JSON", s.Key)
	}
	for name, entry := range document {
		if i := classIndex(name); i >= 0 {
			return classes[i], entry, nil
		}
	}
	return class{}, nil, peering.Errorf(peering.Invalid, "stanza %s has no class that this platform knows", s.Key)
}

// refsOf lists the owned stanzas that an entry names. What isn't named as ours is foreign and not listed.
func refsOf(entry map[string]any) []string {
	var out []string
	add := func(class, name string) {
		if strings.HasPrefix(name, ownedPrefix) {
			out = append(out, class+"/"+name)
		}
	}
	walk(entry, "", func(path string, v any) {
		name, _ := v.(string)
		switch {
		case path == "config/peer-group":
			add("peer-group", name)
		case strings.HasSuffix(path, "apply-policy/config/import-policy"), strings.HasSuffix(path, "apply-policy/config/export-policy"):
			add("policy", name)
		case strings.HasSuffix(path, "match-prefix-set/config/prefix-set"):
			add("prefix-set", name)
		case strings.HasSuffix(path, "match-community-set/config/community-set"):
			add("community-set", name)
		case strings.HasSuffix(path, "match-as-path-set/config/as-path-set"):
			add("as-path-set", name)
		}
	})
	slices.Sort(out)
	return slices.Compact(out)
}

// walk visits every leaf with its path; the values of lists and leaf-lists share their list's path.
func walk(v any, path string, visit func(path string, v any)) {
	switch v := v.(type) {
	case map[string]any:
		for name, x := range v {
			walk(x, strings.TrimPrefix(path+"/"+name, "/"), visit)
		}
	case []any:
		for _, x := range v {
			walk(x, path, visit)
		}
	default:
		visit(path, v)
	}
}

func textAt(entry map[string]any, names ...string) string {
	for _, n := range names[:len(names)-1] {
		entry, _ = entry[n].(map[string]any)
	}
	s, _ := entry[names[len(names)-1]].(string)
	return s
}
