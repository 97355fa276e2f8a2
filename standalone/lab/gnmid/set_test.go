package gnmid

import (
	"strings"
	"testing"

	gpb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func TestLoginIsAskedOfEveryCall(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.10.")
	for name, pairs := range map[string][]string{
		"no login":       nil,
		"no password":    {"username", "peerflow"},
		"wrong password": {"username", "peerflow", "password", "guess"},
		"wrong user":     {"username", "root", "password", "router-password"},
	} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), pairs...)
		_, errSet := b.client.Set(ctx, addNeighbor())
		_, errGet := b.client.Get(ctx, &gpb.GetRequest{Encoding: gpb.Encoding_JSON_IETF})
		_, errCap := b.client.Capabilities(ctx, &gpb.CapabilityRequest{})
		for _, err := range []error{errSet, errGet, errCap} {
			if status.Code(err) != codes.Unauthenticated {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestSetRefusesWhatTheSchemaLacksAndNamesThePath(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.11.")
	replace := func(p *gpb.Path, text string) *gpb.SetRequest {
		return &gpb.SetRequest{Replace: []*gpb.Update{val(p, text)}}
	}
	edited := func(old, new string) *gpb.SetRequest {
		r := addNeighbor()
		r.Replace[0] = val(neighborPath("192.0.2.11"), strings.Replace(neighbor11, old, new, 1))
		return r
	}
	for name, c := range map[string]struct {
		request *gpb.SetRequest
		names   string
	}{
		"an unknown leaf":                {edited(`"peer-as"`, `"colour": "red", "peer-as"`), "/config/colour"},
		"an unknown container":           {replace(path("interfaces"), `{}`), "/interfaces"},
		"an unknown path":                {replace(neighborPath("192.0.2.11", "config", "colour"), `"red"`), "/config/colour"},
		"a number in quotes":             {edited(`"peer-as": 64501`, `"peer-as": "64501"`), "/config/peer-as"},
		"a number of too many bits":      {edited(`"hold-time": 9`, `"hold-time": 70000`), "/hold-time"},
		"a fraction":                     {edited(`"hold-time": 9`, `"hold-time": 9.5`), "/hold-time"},
		"a word for a truth":             {edited(`"enabled": true`, `"enabled": "yes"`), "/enabled"},
		"an unknown identity":            {edited(`"openconfig-bgp-types:IPV4_UNICAST", "config"`, `"openconfig-bgp-types:IPV9", "config"`), "afi-safi"},
		"a key that differs from config": {edited(`"config": {"neighbor-address": "192.0.2.11"`, `"config": {"neighbor-address": "192.0.2.12"`), "/config/neighbor-address"},
		"a key that differs in the path": {replace(neighborPath("192.0.2.12"), neighbor11), "neighbor-address"},
		"a policy that doesn't exist":    {edited(`"only-documentation"`, `"nowhere"`), "/apply-policy/config/import-policy"},
		"no AS":                          {edited(`, "peer-as": 64501`, ``), "/config/peer-as"},
		"a hold time of 1 (RFC 4271)":    {edited(`"hold-time": 9`, `"hold-time": 1`), "/hold-time"},
		"a policy in use is deleted":     {&gpb.SetRequest{Replace: addNeighbor().Replace, Delete: nil, Update: []*gpb.Update{val(neighborPath("192.0.2.10", "apply-policy", "config", "export-policy"), `["gone"]`)}}, "export-policy"},
		"host bits in a prefix":          {replace(prefixSetPath("x"), strings.ReplaceAll(strings.ReplaceAll(documentationSet, "198.51.100.0/24", "198.51.100.1/24"), `"documentation"`, `"x"`)), "ip-prefix"},
		"a mask range below the prefix":  {replace(prefixSetPath("documentation"), strings.ReplaceAll(documentationSet, "24..28", "8..28")), "prefix-set[name=documentation]"},
		"IPv6 in an IPv4 set":            {replace(prefixSetPath("documentation"), strings.ReplaceAll(strings.ReplaceAll(documentationSet, "198.51.100.0/24", "2001:db8::/32"), "24..28", "exact")), "prefix-set[name=documentation]"},
		"no JSON":                        {replace(neighborPath("192.0.2.11"), `{"`), "neighbor[neighbor-address=192.0.2.11]"},
		"the wrong keys":                 {replace(path("routing-policy", "policy-definitions", "policy-definition[id=1]"), `{}`), "policy-definition[id=1]"},
		"deleting an unknown path":       {&gpb.SetRequest{Delete: []*gpb.Path{path("interfaces")}}, "/interfaces"},
	} {
		err := b.set(c.request)
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(status.Convert(err).Message(), c.names) {
			t.Errorf("%s: %v, want InvalidArgument naming %s", name, err, c.names)
		}
	}
	plain := &gpb.SetRequest{Replace: []*gpb.Update{{Path: neighborPath("192.0.2.11"), Val: &gpb.TypedValue{Value: &gpb.TypedValue_StringVal{StringVal: "x"}}}}}
	wantCode(t, b.set(plain), codes.InvalidArgument)
	wantCode(t, b.set(&gpb.SetRequest{UnionReplace: []*gpb.Update{val(path(), `{}`)}}), codes.Unimplemented)
	if b.target.generation != 1 || b.has(neighborPath("192.0.2.11")) {
		t.Fatal("a refused Set left something behind")
	}
}

func TestSetAppliesDeletesThenReplacesThenUpdates(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.12.")
	r := addNeighbor()
	r.Delete = []*gpb.Path{neighborPath("192.0.2.11"), policyPath("absent")}
	r.Update = []*gpb.Update{val(neighborPath("192.0.2.11", "config"), `{"description": "updated last"}`)}
	b.mustSet(r)
	got, err := b.get(gpb.GetRequest_CONFIG, neighborPath("192.0.2.11", "config"))
	if err != nil || !strings.Contains(got, "updated last") || !strings.Contains(got, "64501") {
		t.Fatalf("%s, %v", got, err)
	}
	b.mustSet(&gpb.SetRequest{Replace: []*gpb.Update{val(neighborPath("192.0.2.11", "config"), `{"neighbor-address": "192.0.2.11", "peer-as": 64501}`)}})
	if b.has(neighborPath("192.0.2.11", "config", "description")) {
		t.Fatal("replace kept what it doesn't mention")
	}
	if !b.has(neighborPath("192.0.2.11", "timers", "config", "hold-time")) {
		t.Fatal("replace took away more than its subtree")
	}
}

func TestGetHonoursPathsAndTypes(t *testing.T) {
	t.Parallel()
	b := setup(t, "127.90.13.")
	for name, c := range map[string]struct {
		kind gpb.GetRequest_DataType
		path *gpb.Path
		want string
	}{
		"a leaf":               {gpb.GetRequest_CONFIG, neighborPath("192.0.2.10", "config", "peer-as"), `64510`},
		"config has no state":  {gpb.GetRequest_CONFIG, neighborPath("192.0.2.10", "state"), ``},
		"state has no config":  {gpb.GetRequest_STATE, neighborPath("192.0.2.10", "config"), ``},
		"a state leaf":         {gpb.GetRequest_STATE, neighborPath("192.0.2.10", "state", "established-transitions"), `"0"`},
		"absent and known":     {gpb.GetRequest_ALL, neighborPath("192.0.2.99"), ``},
		"members have modules": {gpb.GetRequest_CONFIG, underBGP("global"), `{"openconfig-network-instance:config":{"as":64500,"router-id":"192.0.2.1"}}`},
	} {
		got, err := b.get(c.kind, c.path)
		if err != nil || got != c.want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, c.want)
		}
	}
	_, err := b.get(gpb.GetRequest_ALL, path("interfaces"))
	wantCode(t, err, codes.InvalidArgument)
	_, err = b.client.Get(b.ctx(), &gpb.GetRequest{Encoding: gpb.Encoding_PROTO})
	wantCode(t, err, codes.Unimplemented)
}
