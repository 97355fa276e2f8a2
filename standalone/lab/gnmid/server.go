package gnmid

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"slices"
	"time"

	gpb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// service speaks gNMI for a target. Subscribe is not implemented.
type service struct {
	gpb.UnimplementedGNMIServer
	target *Target
}

// login checks the user name and password that each call carries in its metadata.
func (t *Target) login(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if !same(md.Get("username"), t.cfg.Username) || !same(md.Get("password"), t.cfg.Password) {
		return nil, status.Error(codes.Unauthenticated, "wrong user name or password")
	}
	return next(ctx, req)
}

func same(got []string, want string) bool {
	return len(got) == 1 && subtle.ConstantTimeCompare([]byte(got[0]), []byte(want)) == 1
}

func (s *service) Capabilities(context.Context, *gpb.CapabilityRequest) (*gpb.CapabilityResponse, error) {
	return &gpb.CapabilityResponse{
		SupportedModels: []*gpb.ModelData{
			{Name: "openconfig-network-instance", Organization: "OpenConfig working group", Version: "4.6.0"},
			{Name: "openconfig-bgp", Organization: "OpenConfig working group", Version: "9.9.1"},
			{Name: "openconfig-routing-policy", Organization: "OpenConfig working group", Version: "3.4.2"},
			{Name: "openconfig-system", Organization: "OpenConfig working group", Version: "2.3.0"},
			{Name: datastoreModule, Organization: "peerflow", Version: "1.0.0"},
		},
		SupportedEncodings: []gpb.Encoding{gpb.Encoding_JSON_IETF},
		GNMIVersion:        "0.10.0",
	}, nil
}

func (s *service) Set(ctx context.Context, r *gpb.SetRequest) (*gpb.SetResponse, error) {
	if err := ctx.Err(); err != nil { // the client's deadline ended on the way
		return nil, status.FromContextError(err).Err()
	}
	if see := s.target.cfg.OnSet; see != nil {
		see(r)
	}
	return s.target.set(r)
}

func (s *service) Get(ctx context.Context, r *gpb.GetRequest) (*gpb.GetResponse, error) {
	if r.GetEncoding() != gpb.Encoding_JSON_IETF {
		return nil, status.Error(codes.Unimplemented, "only JSON_IETF is implemented here")
	}
	if len(r.GetExtension()) > 0 {
		return nil, status.Error(codes.Unimplemented, "no extension of Get is implemented here")
	}
	root, err := s.target.view(ctx, r)
	if err != nil {
		return nil, err
	}
	now := time.Now().UnixNano()
	out := &gpb.GetResponse{}
	for _, p := range r.GetPath() {
		n := &gpb.Notification{Timestamp: now}
		u, err := s.target.answerGet(root, r.GetPrefix(), p)
		if err != nil {
			return nil, err
		}
		if u != nil {
			n.Update = []*gpb.Update{u}
		}
		out.Notification = append(out.Notification, n)
	}
	return out, nil
}

// answerGet is one path's subtree; nil when the path is known and nothing is there.
func (t *Target) answerGet(root tree, prefix, p *gpb.Path) (*gpb.Update, error) {
	es := elems(prefix, p)
	v, ok := lookup(root, es)
	if !ok {
		return nil, knownPath(es)
	}
	raw, err := json.Marshal(qualify(v, topModule(es)))
	if err != nil {
		return nil, status.Errorf(codes.Internal, "%s: %v", pathText(es), err)
	}
	return &gpb.Update{Path: p, Val: &gpb.TypedValue{Value: &gpb.TypedValue_JsonIetfVal{JsonIetfVal: raw}}}, nil
}

// knownPath refuses paths outside the schema; state nodes are known by their container.
func knownPath(es []*gpb.PathElem) error {
	for i, e := range es {
		if e.GetName() == "state" {
			es = es[:i]
			break
		}
	}
	if len(es) > 0 && (es[0].GetName() == datastoreName || es[0].GetName() == "system") {
		return nil
	}
	_, err := schemaAt(es)
	return err
}

// moduleOf names the module of nodes whose module differs from their parent's.
var moduleOf = map[string]string{
	"network-instances": "openconfig-network-instance",
	"routing-policy":    "openconfig-routing-policy",
	"bgp-defined-sets":  "openconfig-bgp-policy",
	"bgp-conditions":    "openconfig-bgp-policy",
	"bgp-actions":       "openconfig-bgp-policy",
	"system":            "openconfig-system",
	datastoreName:       datastoreModule,
}

// identityModule names the module of identities, by the leaf that holds them.
var identityModule = map[string]string{
	"afi-safi-name":                   "openconfig-bgp-types",
	"identifier":                      "openconfig-policy-types",
	"operator":                        "openconfig-policy-types",
	"type":                            "openconfig-network-instance-types",
	"last-notification-error-code":    "openconfig-bgp-types",
	"last-notification-error-subcode": "openconfig-bgp-types",
}

func topModule(es []*gpb.PathElem) string {
	module := ""
	for _, e := range es {
		if m, ok := moduleOf[e.GetName()]; ok {
			module = m
		}
	}
	return module
}

// qualify writes module names where RFC 7951 §4 asks for them: on the members of
// the outermost object, where the module changes, and on identities.
func qualify(v any, module string) any {
	m, ok := v.(tree)
	if !ok {
		return inner(v)
	}
	out := make(tree, len(m))
	for name, x := range m {
		qualified := name
		if own, ok := moduleOf[name]; ok {
			qualified = own + ":" + name
		} else if module != "" {
			qualified = module + ":" + name
		}
		out[qualified] = innerMember(name, x)
	}
	return out
}

func inner(v any) any {
	switch v := v.(type) {
	case tree:
		out := make(tree, len(v))
		for name, x := range v {
			qualified := name
			if own, ok := moduleOf[name]; ok {
				qualified = own + ":" + name
			}
			out[qualified] = innerMember(name, x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = inner(x)
		}
		return out
	}
	return v
}

func innerMember(name string, v any) any {
	if s, ok := v.(string); ok && identityModule[name] != "" {
		return identityModule[name] + ":" + s
	}
	return inner(v)
}

// view is what a Get of one type sees: configuration, state, or both.
func (t *Target) view(ctx context.Context, r *gpb.GetRequest) (tree, error) {
	kind := r.GetType()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.speaker == nil {
		return nil, status.Error(codes.Unavailable, "the router is going down")
	}
	root := clone(t.running).(tree)
	if t.cfg.HidePasswords {
		hidePasswords(root)
	}
	if kind == gpb.GetRequest_CONFIG {
		return root, nil
	}
	if err := t.addState(ctx, root); err != nil {
		return nil, err
	}
	if err := t.addRIBs(root, r); err != nil {
		return nil, err
	}
	if kind != gpb.GetRequest_ALL {
		onlyState(root)
	}
	return root, nil
}

func hidePasswords(root tree) {
	bgp := bgpOf(root)
	for _, c := range slices.Concat(bgp.at("neighbors").rows("neighbor"), bgp.at("peer-groups").rows("peer-group")) {
		delete(c.at("config").tree, "auth-password")
	}
}

// onlyState removes the config containers; list keys stay, they name the entries.
func onlyState(v any) {
	switch v := v.(type) {
	case tree:
		delete(v, "config")
		for _, x := range v {
			onlyState(x)
		}
	case []any:
		for _, x := range v {
			onlyState(x)
		}
	}
}
