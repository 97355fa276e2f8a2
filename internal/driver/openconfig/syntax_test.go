package openconfig_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"peerflow/internal/driver/openconfig"
	"peerflow/internal/peering"
)

var syntax = openconfig.Syntax{}

func split(t testing.TB, text string) []peering.Stanza {
	t.Helper()
	s, err := syntax.Split(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func join(t testing.TB, stanzas []peering.Stanza) string {
	t.Helper()
	text, err := syntax.Join(stanzas)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestSplitCutsKeysAndReferences(t *testing.T) {
	t.Parallel()
	var keys []string
	refs := map[string][]string{}
	for _, s := range split(t, artifactBase) {
		keys = append(keys, s.Key)
		refs[s.Key] = s.Refs
		if (s.Key == "neighbor/192.0.2.11") != (s.Neighbor.String() == "192.0.2.11") {
			t.Errorf("%s has neighbor %v", s.Key, s.Neighbor)
		}
	}
	want := []string{"prefix-set/pf-as64501", "prefix-set/pf-own", "policy/pf-in", "policy/pf-out", "peer-group/pf-peers", "neighbor/192.0.2.11"}
	if !slices.Equal(keys, want) {
		t.Errorf("keys are %v", keys)
	}
	for key, want := range map[string][]string{
		"policy/pf-in":        {"prefix-set/pf-as64501"},
		"peer-group/pf-peers": {"policy/pf-in", "policy/pf-out"},
		"neighbor/192.0.2.11": {"peer-group/pf-peers"},
	} {
		if !slices.Equal(refs[key], want) {
			t.Errorf("%s refers to %v, want %v", key, refs[key], want)
		}
	}
}

func TestJoinOfSplitIsAFixpointInAnyOrder(t *testing.T) {
	t.Parallel()
	canonical := join(t, split(t, withPasswords))
	if again := join(t, split(t, canonical)); again != canonical {
		t.Errorf("once\n%s\ntwice\n%s", canonical, again)
	}
	rapid.Check(t, func(r *rapid.T) {
		shuffled := rapid.Permutation(split(t, withPasswords)).Draw(r, "order")
		if got := join(t, shuffled); got != canonical {
			t.Errorf("another order gives\n%s", got)
		}
	})
}

func TestWhatSaysNothingIsNotInTheCanonicalForm(t *testing.T) {
	t.Parallel()
	want := join(t, split(t, neighbor11))
	for name, text := range map[string]string{
		"module names":      strings.NewReplacer(`"config"`, `"openconfig-network-instance:config"`, `"IPV4_UNICAST"`, `"openconfig-bgp-types:IPV4_UNICAST"`).Replace(neighbor11),
		"the key beside":    strings.Replace(neighbor11, `{"config"`, `{"neighbor-address": "192.0.2.11", "config"`, 1),
		"state":             strings.Replace(neighbor11, `{"config"`, `{"state": {"session-state": "IDLE"}, "config"`, 1),
		"a default":         strings.Replace(neighbor11, `"peer-as"`, `"enabled": true, "send-community": "NONE", "peer-as"`, 1),
		"an empty part":     strings.Replace(neighbor11, `{"config"`, `{"timers": {"config": {}}, "config"`, 1),
		"a default policy":  strings.Replace(neighbor11, `{"config"`, `{"apply-policy": {"config": {"default-import-policy": "REJECT_ROUTE"}}, "config"`, 1),
		"white space":       strings.ReplaceAll(neighbor11, " ", "\n\t "),
		"another row order": neighbor11,
	} {
		if got := join(t, split(t, text)); strings.ReplaceAll(got, "\n", "") != strings.ReplaceAll(want, "\n", "") && name != "white space" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestSplitRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, says string }{
		"text that is no JSON":              {`neighbor 192.0.2.11 {}`, "isn't JSON"},
		"half an object":                    {neighbor11[:40], "isn't JSON"},
		"text between objects":              {neighbor11 + `,` + neighbor11, "isn't JSON"},
		"an unknown class":                  {`{"interface": {"name": "et-0/0/0"}}`, "no class"},
		"two classes in one object":         {`{"neighbor": {}, "policy": {}}`, "one member"},
		"an entry without its key":          {`{"policy": {"statements": {}}}`, "without name"},
		"a neighbor that is no address":     {strings.ReplaceAll(neighbor11, "192.0.2.11", "as64501"), "no address"},
		"a neighbor outside our groups":     {strings.ReplaceAll(neighbor11, "pf-peers", "PEERS"), "named as ours"},
		"a policy that isn't named as ours": {`{"policy": {"config": {"name": "BY-HAND"}}}`, "named as ours"},
		"a key that says two things":        {strings.Replace(neighbor11, `{"config"`, `{"neighbor-address": "192.0.2.12", "config"`, 1), "two different values"},
		"the same stanza twice":             {neighbor11 + neighbor11, "defined twice"},
		"a password in clear":               {strings.Replace(neighbor11, `"peer-as"`, `"auth-password": "hunter2hunter2", "peer-as"`, 1), "placeholder"},
		"a placeholder in other words":      {strings.Replace(neighbor11, `"peer-as"`, `"auth-password": "{secret:17@3}x", "peer-as"`, 1), "placeholder"},
		"a placeholder in a description":    {strings.Replace(neighbor11, `"AS64501"`, `"{secret:17@3}"`, 1), "auth-password only"},
		"a placeholder as a name":           {`{"policy": {"config": {"name": "pf-{secret:17@3}"}}}`, "auth-password only"},
	} {
		_, err := syntax.Split(c.text)
		if err == nil || !strings.Contains(err.Error(), c.says) || peering.KindOf(err) != peering.Invalid {
			t.Errorf("%s: %v, want an invalid input that says %q", name, err, c.says)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the refusal shows the password", name)
		}
	}
}

func TestDisruptionClasses(t *testing.T) {
	t.Parallel()
	secret := strings.Replace(neighbor11, `"peer-as"`, `"auth-password": "{secret:17@3}", "peer-as"`, 1)
	edit := func(text, old, new string) [2]string { return [2]string{text, strings.Replace(text, old, new, 1)} }
	policy := `{"policy": {"config": {"name": "pf-in"}, "statements": {"statement": [{"config": {"name": "1"}, "actions": {"config": {"policy-result": "ACCEPT_ROUTE"}}}]}}}`
	group := `{"peer-group": {"config": {"peer-group-name": "pf-peers"}, "timers": {"config": {"hold-time": 90}}}}`
	for name, c := range map[string]struct {
		texts [2]string
		want  peering.Disruption
	}{
		"nothing":                      {[2]string{neighbor11, neighbor11}, peering.DisruptsNone},
		"a description":                {edit(neighbor11, `"AS64501"`, `"Example"`), peering.DisruptsNone},
		"a prefix limit":               {edit(neighbor11, `100`, `200`), peering.DisruptsRefresh},
		"a policy of the session":      {edit(neighbor11, `{"config"`, `{"apply-policy": {"config": {"import-policy": ["pf-in"]}}, "config"`), peering.DisruptsRefresh},
		"a rule inside a policy":       {edit(policy, `ACCEPT_ROUTE`, `REJECT_ROUTE`), peering.DisruptsRefresh},
		"the AS":                       {edit(neighbor11, `64501,`, `64502,`), peering.DisruptsReset},
		"another version of a secret":  {edit(secret, `17@3`, `17@4`), peering.DisruptsReset},
		"a new password":               {[2]string{neighbor11, secret}, peering.DisruptsReset},
		"the hold time of a group":     {edit(group, `90`, `30`), peering.DisruptsReset},
		"a shutdown":                   {edit(neighbor11, `"peer-as"`, `"enabled": false, "peer-as"`), peering.DisruptsReset},
		"a family":                     {edit(neighbor11, `IPV4`, `IPV6`), peering.DisruptsReset},
		"another group":                {edit(neighbor11, `pf-peers`, `pf-others`), peering.DisruptsReset},
		"a leaf that nobody knows":     {edit(neighbor11, `{"config"`, `{"vendor": {"config": {"x": 1}}, "config"`), peering.DisruptsUnknown},
		"a description and a password": {[2]string{neighbor11, strings.Replace(secret, `"AS64501"`, `"Example"`, 1)}, peering.DisruptsReset},
	} {
		before, after := split(t, c.texts[0])[0], split(t, c.texts[1])[0]
		if got := syntax.Disruption(&before, &after); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	session, rules := split(t, neighbor11)[0], split(t, policy)[0]
	for name, got := range map[string][2]peering.Disruption{
		"adding a session":   {syntax.Disruption(nil, &session), peering.DisruptsNone},
		"removing a session": {syntax.Disruption(&session, nil), peering.DisruptsReset},
		"removing a policy":  {syntax.Disruption(&rules, nil), peering.DisruptsRefresh},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %s, want %s", name, got[0], got[1])
		}
	}
}
