package openconfig

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	gpb "github.com/openconfig/gnmi/proto/gnmi"
	"github.com/openconfig/gnmi/proto/gnmi_ext"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"peerflow/internal/driver"
	"peerflow/internal/peering"
)

// readAttempts bounds how often a read starts again because somebody loaded a
// configuration meanwhile.
const readAttempts = 3

// ReadOwned reads configuration, marker, pending commit and boot configuration.
// Where the router shows a load counter, a change between the parts starts the
// read again, so that they belong together.
func (c *conn) ReadOwned(ctx context.Context, known []peering.SecretRef) (peering.Running, error) {
	return c.readOwned(ctx, known, nil)
}

// ReadOwned of a connection that may write can also ask for a pending commit.
func (w *writer) ReadOwned(ctx context.Context, known []peering.SecretRef) (peering.Running, error) {
	return w.readOwned(ctx, known, w.probePending)
}

func (c *conn) readOwned(ctx context.Context, known []peering.SecretRef, probe func(context.Context) (*peering.Pending, error)) (peering.Running, error) {
	hide, err := c.hider(ctx, known)
	if err != nil {
		return peering.Running{}, err
	}
	for range readAttempts {
		r, again, err := c.readOnce(ctx, hide, probe)
		if err != nil || !again {
			return r, err
		}
	}
	return peering.Running{}, peering.Errorf(peering.Conflict, "router %s: its configuration kept changing while it was read", c.target.Router)
}

func (c *conn) readOnce(ctx context.Context, hide hider, probe func(context.Context) (*peering.Pending, error)) (r peering.Running, again bool, err error) {
	first, err := c.readDatastore(ctx)
	if err != nil {
		return r, false, err
	}
	root, err := c.readConfig(ctx)
	if err != nil {
		return r, false, err
	}
	last, err := c.readDatastore(ctx)
	if err != nil || first.State.Generation != last.State.Generation {
		return r, err == nil, err
	}
	if r.Stanzas, err = c.ownedStanzas(root, hide); err != nil {
		return r, false, err
	}
	if r.Incarnation, err = c.bootTime(ctx); err != nil {
		return r, false, err
	}
	r.Identity, r.ReadAt = identity(root), time.Now()
	if c.settings.DatastorePath != "" {
		err = c.fromDatastore(&r, last, hide)
		return r, false, err
	}
	return r, false, c.withoutDatastore(ctx, &r, root, hide, probe)
}

// datastore is what a router shows below datastore_path: its pending commit, a
// counter that moves with every load of a configuration, and what it would boot.
type datastore struct {
	State struct {
		Generation string `json:"generation"`
		Pending    *struct {
			ID        string `json:"id"`
			Remaining int64  `json:"remaining-seconds"`
		} `json:"pending"`
	} `json:"state"`
	Boot map[string]any `json:"boot"`
}

func (c *conn) readDatastore(ctx context.Context) (datastore, error) {
	var d datastore
	if c.settings.DatastorePath == "" {
		return d, nil
	}
	p := plainPath(c.settings.DatastorePath)
	root, err := c.mustGet(ctx, gpb.GetRequest_ALL, p)
	if err != nil {
		return d, err
	}
	var at any = root
	for _, e := range p.GetElem() {
		m, _ := at.(map[string]any)
		at = m[e.GetName()]
	}
	raw, err := json.Marshal(at)
	if err == nil {
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		err = dec.Decode(&d)
	}
	if err != nil || d.State.Generation == "" {
		return d, peering.Errorf(peering.Invalid, "router %s: datastore_path shows no load counter", c.target.Router)
	}
	return d, nil
}

// bootTime tells restarts apart: openconfig-system's boot-time, the same text
// until the router restarts. A router without that model tells nothing, and a
// restart of its BGP process alone doesn't show.
func (c *conn) bootTime(ctx context.Context) (string, error) {
	root, err := c.get(ctx, gpb.GetRequest_STATE, containers("system", "state", "boot-time"))
	switch kind := peering.KindOf(err); {
	case status.Code(err) == codes.NotFound, kind == peering.Invalid, kind == peering.Unsupported:
		return "", nil
	case err != nil:
		return "", err
	}
	n, ok := countAt(root, "system", "state", "boot-time")
	if !ok {
		return "", nil
	}
	return strconv.FormatInt(n, 10), nil
}

// plainPath is a path without keys, from a setting such as "/datastore".
func plainPath(text string) *gpb.Path {
	return containers(strings.Split(strings.Trim(text, "/"), "/")...)
}

func containers(names ...string) *gpb.Path {
	p := &gpb.Path{}
	for _, n := range names {
		p.Elem = append(p.Elem, &gpb.PathElem{Name: bare(n)})
	}
	return p
}

func (c *conn) fromDatastore(r *peering.Running, d datastore, hide hider) (err error) {
	r.Generation = d.State.Generation
	if p := d.State.Pending; p != nil {
		r.Pending = &peering.Pending{Owner: owner(p.ID), Remaining: time.Duration(p.Remaining) * time.Second}
	}
	r.Boot, err = c.ownedStanzas(d.Boot, hide)
	return err
}

// withoutDatastore is what can be said where a router shows the standard paths
// only. Boot is taken to equal running, since a router without save_path is one
// that keeps confirmed Sets, and is left empty while a commit waits. The generation is a digest of
// what was read: a configuration that was changed and changed back has the same.
func (c *conn) withoutDatastore(ctx context.Context, r *peering.Running, root map[string]any, hide hider, probe func(context.Context) (*peering.Pending, error)) error {
	all, err := marshal(root)
	if err != nil {
		return err
	}
	r.Generation = hide.digest(all)
	if probe == nil {
		return nil // mode observe can't ask: see probePending
	}
	if r.Pending, err = probe(ctx); err != nil {
		return err
	}
	if r.Pending == nil {
		r.Boot = r.Stanzas
	}
	return nil
}

// probeID is a commit id that no deployment has.
const probeID = commitPrefix + "probe"

// probePending asks with a Set that holds no operation and tries to shorten the
// rollback of a commit which doesn't exist. A router answers "failed
// precondition" when no commit waits and "invalid argument" when another one
// does (gNMI commit confirmed §3.2.4); either way nothing changes. Whose commit
// it is, and how long it has, gNMI doesn't tell. Should a router shorten it in
// spite of the wrong id, it returns to its base early, which is the safe side.
func (w *writer) probePending(ctx context.Context) (*peering.Pending, error) {
	_, err := w.client.Set(w.as(ctx), &gpb.SetRequest{Extension: []*gnmi_ext.Extension{{Ext: &gnmi_ext.Extension_Commit{Commit: &gnmi_ext.Commit{
		Id: probeID,
		Action: &gnmi_ext.Commit_SetRollbackDuration{SetRollbackDuration: &gnmi_ext.CommitSetRollbackDuration{
			RollbackDuration: durationpb.New(time.Second),
		}},
	}}}}})
	switch status.Code(err) {
	case codes.FailedPrecondition:
		return nil, nil
	case codes.InvalidArgument:
		return &peering.Pending{}, nil
	case codes.OK:
		return nil, peering.Errorf(peering.Unsupported, "router %s ignores the commit-confirmed extension: this platform can't commit safely there", w.target.Router)
	}
	return nil, w.failed("ask for a pending commit", err)
}

// readConfig reads what the stanzas are cut from. One Get asks for all of it; a
// router that knows nothing below one of the paths is asked path by path.
func (c *conn) readConfig(ctx context.Context) (map[string]any, error) {
	paths := []*gpb.Path{c.bgp("neighbors"), c.bgp("peer-groups"), containers("routing-policy")}
	root, err := c.get(ctx, gpb.GetRequest_CONFIG, paths...)
	if status.Code(err) != codes.NotFound {
		return root, err
	}
	root = map[string]any{}
	for _, p := range paths {
		part, err := c.get(ctx, gpb.GetRequest_CONFIG, p)
		if status.Code(err) == codes.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		merge(root, part)
	}
	return root, nil
}

// bgp is a path below the BGP instance.
func (c *conn) bgp(names ...string) *gpb.Path {
	p := &gpb.Path{Elem: []*gpb.PathElem{
		{Name: "network-instances"},
		{Name: "network-instance", Key: map[string]string{"name": c.settings.NetworkInstance}},
		{Name: "protocols"},
		{Name: "protocol", Key: map[string]string{"identifier": "BGP", "name": c.settings.Protocol}},
		{Name: "bgp"},
	}}
	p.Elem = append(p.Elem, containers(names...).GetElem()...)
	return p
}

// mustGet is get for paths that every router of this platform has.
func (c *conn) mustGet(ctx context.Context, kind gpb.GetRequest_DataType, paths ...*gpb.Path) (map[string]any, error) {
	root, err := c.get(ctx, kind, paths...)
	if status.Code(err) == codes.NotFound {
		return nil, c.failed("read", err)
	}
	return root, err
}

// get answers one Get as a tree from the root, module names removed. A path that
// the router doesn't know comes back as the bare status NotFound.
func (c *conn) get(ctx context.Context, kind gpb.GetRequest_DataType, paths ...*gpb.Path) (map[string]any, error) {
	r, err := c.client.Get(c.as(ctx), &gpb.GetRequest{Path: paths, Type: kind, Encoding: gpb.Encoding_JSON_IETF})
	if status.Code(err) == codes.NotFound {
		return nil, err
	}
	if err != nil {
		return nil, c.failed("read", err)
	}
	root := map[string]any{}
	for _, n := range r.GetNotification() {
		for _, u := range n.GetUpdate() {
			v, err := value(u.GetVal())
			if err != nil {
				return nil, peering.Errorf(peering.Unsupported, "router %s: %w", c.target.Router, err)
			}
			graft(root, slices.Concat(n.GetPrefix().GetElem(), u.GetPath().GetElem()), v)
		}
	}
	return root, nil
}

func value(v *gpb.TypedValue) (any, error) {
	raw, ok := v.GetValue().(*gpb.TypedValue_JsonIetfVal)
	if !ok {
		return nil, fmt.Errorf("it answers %T where JSON_IETF was asked for", v.GetValue())
	}
	d := json.NewDecoder(bytes.NewReader(raw.JsonIetfVal))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		return nil, fmt.Errorf("its answer isn't JSON: %w", jsonTrouble(err, d.InputOffset()))
	}
	return bareTree(out), nil
}

// bareTree removes module names from all members; values stay.
func bareTree(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, x := range v {
			out[bare(name)] = bareTree(x)
		}
		return out
	case []any:
		for i := range v {
			v[i] = bareTree(v[i])
		}
	}
	return v
}

// graft puts a value where its path says, making list entries on the way.
func graft(at map[string]any, es []*gpb.PathElem, v any) {
	for i, e := range es {
		name, last := bare(e.GetName()), i == len(es)-1
		if len(e.GetKey()) > 0 {
			at = row(at, name, e.GetKey())
			if m, ok := v.(map[string]any); last && ok {
				merge(at, m)
			}
			continue
		}
		if m, ok := v.(map[string]any); last && !ok {
			at[name] = v
			return
		} else if last {
			merge(child(at, name), m)
			return
		}
		at = child(at, name)
	}
	if m, ok := v.(map[string]any); ok && len(es) == 0 {
		merge(at, m)
	}
}

func child(at map[string]any, name string) map[string]any {
	m, ok := at[name].(map[string]any)
	if !ok {
		m = map[string]any{}
		at[name] = m
	}
	return m
}

func row(at map[string]any, list string, keys map[string]string) map[string]any {
	rows, _ := at[list].([]any)
	for _, r := range rows {
		if m, ok := r.(map[string]any); ok && hasKeys(m, keys) {
			return m
		}
	}
	m := map[string]any{}
	for k, v := range keys {
		m[bare(k)] = v
	}
	at[list] = append(rows, m)
	return m
}

func hasKeys(m map[string]any, keys map[string]string) bool {
	for k, v := range keys {
		s, _ := m[bare(k)].(string)
		if bareIdentity(s) != bareIdentity(v) {
			return false
		}
	}
	return true
}

// merge adds the members of one container to another; lists of the same name are joined.
func merge(into, from map[string]any) {
	for name, v := range from {
		switch v := v.(type) {
		case map[string]any:
			merge(child(into, name), v)
		case []any:
			old, _ := into[name].([]any)
			into[name] = append(old, v...)
		default:
			into[name] = v
		}
	}
}

// entries lists one class's list entries in a tree from the root.
func (c *conn) entries(root map[string]any, of class) []map[string]any {
	at := root
	if of.bgp {
		at = c.bgpIn(root)
	}
	for _, n := range of.path[:len(of.path)-1] {
		at, _ = at[n].(map[string]any)
	}
	rows, _ := at[of.path[len(of.path)-1]].([]any)
	var out []map[string]any
	for _, r := range rows {
		if m, ok := r.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// bgpIn finds the BGP instance in a tree from the root; nil when there is none.
func (c *conn) bgpIn(root map[string]any) map[string]any {
	instances, _ := root["network-instances"].(map[string]any)
	instance := find(instances["network-instance"], map[string]string{"name": c.settings.NetworkInstance})
	protocols, _ := instance["protocols"].(map[string]any)
	protocol := find(protocols["protocol"], map[string]string{"identifier": "BGP", "name": c.settings.Protocol})
	bgp, _ := protocol["bgp"].(map[string]any)
	return bgp
}

func find(list any, keys map[string]string) map[string]any {
	rows, _ := list.([]any)
	for _, r := range rows {
		if m, ok := r.(map[string]any); ok && hasKeys(m, keys) {
			return m
		}
	}
	return nil
}

// ownedStanzas cuts what is ours from a tree, secrets hidden, in the order of Join.
func (c *conn) ownedStanzas(root map[string]any, hide hider) ([]peering.Stanza, error) {
	var out []peering.Stanza
	root, _ = bareTree(root).(map[string]any)
	said := sayings(root)
	for _, of := range classes {
		for _, raw := range c.entries(root, of) {
			entry := canonical(raw, of.key)
			if !owned(of, entry) {
				continue
			}
			hide.password(entry, said[stanzaKey(of, entry)])
			s, err := newStanza(of, entry)
			if err != nil {
				return nil, peering.Errorf(peering.Invalid, "router %s: %w", c.target.Router, err)
			}
			out = append(out, s)
		}
	}
	slices.SortFunc(out, byOrder)
	return out, nil
}

// commitPrefix begins the commit ids of deployments: peerflow-1042.
const commitPrefix = "peerflow-"

func commitID(c driver.Commit) string { return fmt.Sprintf("%s%d", commitPrefix, c.Deployment) }

// owner is the deployment's number when the id is one of ours, else the id as it is.
func owner(id string) string { return strings.TrimPrefix(id, commitPrefix) }
