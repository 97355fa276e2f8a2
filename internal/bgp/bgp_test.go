package bgp

import (
	"encoding/json"
	"testing"
)

func TestParseASN(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		in   string
		want ASN
		ok   bool
	}{
		"a plain number":                     {"64501", 64501, true},
		"with the letters":                   {"as64501", 64501, true},
		"asdot (RFC 5396)":                   {"1.10", 65546, true},
		"the largest fits":                   {"4294967295", 4294967295, true},
		"as 0 is refused (RFC 7607)":         {"AS0", 0, false},
		"more than 32 bits are refused":      {"4294967296", 0, false},
		"asdot with a large part is refused": {"1.65536", 0, false},
		"words are refused":                  {"ASfoo", 0, false},
		"negative is refused":                {"-1", 0, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseASN(c.in)
			if got != c.want || (err == nil) != c.ok {
				t.Errorf("ParseASN(%q) = %v, %v", c.in, got, err)
			}
		})
	}
}

func TestPrefixLimitJSON(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		in, out string
		ok      bool
	}{
		"null inherits":            {"null", "null", true},
		"a count stays":            {"100", "100", true},
		"unlimited is said":        {`"unlimited"`, `"unlimited"`, true},
		"zero is refused":          {"0", "", false},
		"a negative is refused":    {"-5", "", false},
		"a fraction is refused":    {"1.5", "", false},
		"more than 32 bits refuse": {"4294967296", "", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var l PrefixLimit
			err := json.Unmarshal([]byte(c.in), &l)
			if (err == nil) != c.ok {
				t.Fatalf("unmarshal %s: %v", c.in, err)
			}
			if !c.ok {
				return
			}
			if out, _ := json.Marshal(l); string(out) != c.out {
				t.Errorf("%s came back as %s", c.in, out)
			}
		})
	}
}

func TestClassesOfNumbers(t *testing.T) {
	t.Parallel()
	for asn, want := range map[ASN][3]bool{
		0: {true}, 23456: {true}, 65535: {true}, 4294967295: {true}, 2914: {}, 131072: {},
		64512: {1: true}, 65534: {1: true}, 4200000000: {1: true}, 4294967294: {1: true},
		64496: {2: true}, 64511: {2: true}, 65536: {2: true}, 65551: {2: true},
	} {
		if got := [3]bool{asn.Unusable(), asn.Private(), asn.Documentation()}; got != want {
			t.Errorf("%v is unusable, private, for documentation: %v, want %v", asn, got, want)
		}
	}
}
