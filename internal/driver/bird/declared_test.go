package bird

import (
	"slices"
	"testing"
)

func TestWhatAConfigurationCloses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want []string // names, "-" before a closed one
	}{
		"Debian's unnamed direct":           {"protocol device {\n}\nprotocol direct {\n\tdisabled;\t# by default\n\tipv4;\n}\n", []string{"-direct1", "device1"}},
		"a word of its own":                 {"protocol bgp a { disabled yes; }\nprotocol bgp b { disabled off; }\nprotocol bgp c { disabled; disabled no; }", []string{"-a", "b", "c"}},
		"from a template":                   {"template bgp t { disabled; }\nprotocol bgp a from t { }\nprotocol bgp b from t { disabled no; }\nprotocol bgp c from a { }", []string{"-a", "-c", "b"}},
		"in a comment or string":            {"protocol bgp a { # disabled;\n/* disabled; */ description \"x; disabled;\"; }", []string{"a"}},
		"of a channel, or in the middle":    {"protocol bgp a { ipv4 { disabled; }; description disabled; }", []string{"a"}},
		"a version before the name":         {"protocol ospf v2 { }\nprotocol ospf v3 core { disabled; }", []string{"-core", "ospf1"}},
		"numbers go on past a name":         {"protocol static static1 { disabled; }\nprotocol static { }\nprotocol static { disabled; }", []string{"-static1", "-static3", "static2"}},
		"filters and functions are no help": {"function f() { if true then { disabled = 1; } }\nfilter g { protocol; }\nprotocol bgp 'odd-name' { disabled; }", []string{"-odd-name"}},
		"a template is no protocol":         {"template bgp t { disabled; }", nil},
		"no body":                           {"protocol bgp a", []string{"a"}},
		"a text that breaks off":            {"protocol bgp a { }\nprotocol", []string{"1", "a"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := declarations(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for name, d := range found {
				if d.disabled {
					name = "-" + name
				}
				got = append(got, name)
			}
			if slices.Sort(got); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWhatStaysClosedOrIsMeantToOpen(t *testing.T) {
	t.Parallel()
	const open = "protocol bgp a { neighbor 192.0.2.1 as 64501; ipv4 { import limit 5; }; }\n"
	const shut = "protocol bgp a { disabled; neighbor 192.0.2.1 as 64501; }\n"
	const raised = "protocol bgp a { neighbor 192.0.2.1 as 64501; ipv4 { import limit 9; }; }\n"
	const limit = "Automatic shutdown: Route limit exceeded"
	tests := map[string]struct {
		before, after, lastError string
		want                     bool
	}{
		"a command, and nobody says so":         {open, open, "", false},
		"a command, and the next says it too":   {open, shut, "", true},
		"the configuration, and the next too":   {shut, shut, "", true},
		"the configuration, and the next opens": {shut, open, "", true},
		"a command, and it is taken away":       {open, "", "", true},
		"a command, and it gets another name":   {open, "protocol bgp b { neighbor 192.0.2.1 as 64501; }", "", false},
		"a command, and it gets another limit":  {open, raised, "", false},
		"its limit, and nothing changes":        {open, open, limit, false},
		"its limit, which is raised":            {open, raised, limit, true},
		"something that no file names":          {"", "", "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, err := declarations(tt.before)
			if err != nil {
				t.Fatal(err)
			}
			after, err := declarations(tt.after)
			if err != nil {
				t.Fatal(err)
			}
			p := protocol{name: "a", fields: map[string]string{"Neighbor address": "192.0.2.1", "Last error": tt.lastError}}
			if got := stays(p, before, after); got != tt.want {
				t.Errorf("got %t", got)
			}
		})
	}
}
