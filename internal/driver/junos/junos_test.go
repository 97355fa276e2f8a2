package junos_test

import (
	"fmt"
	"testing"

	"peerflow/internal/driver/junos"
)

const inBraces = `groups { replace: peerflow {
  policy-options { policy-statement pf-in { term a { then accept; } } }
  protocols { bgp { group pf-as64501_7 { neighbor 192.0.2.11 { peer-as 64501; authentication-key "{secret:17@3|junos-9}"; import [ pf-in ]; } } } }
  routing-instances { red { protocols { bgp { group pf-as64501_8 { neighbor 192.0.2.12 { passive; } } } } } }
} }
`

const inXML = `<configuration><groups replace="replace"><name>peerflow</name>
  <policy-options><policy-statement><name>pf-in</name><term><name>a</name><then><accept/></then></term></policy-statement></policy-options>
  <protocols><bgp><group><name>pf-as64501_7</name><neighbor><name>192.0.2.11</name><peer-as>64501</peer-as>
    <authentication-key>{secret:17@3|junos-9}</authentication-key><import>pf-in</import></neighbor></group></bgp></protocols>
  <routing-instances><instance><name>red</name><protocols><bgp><group><name>pf-as64501_8</name><neighbor><name>192.0.2.12</name><passive/></neighbor></group></bgp></protocols></instance></routing-instances>
</groups></configuration>
`

// A template may write either form: the same policies and sessions are found in it.
func TestBothFormsAreCutIntoTheSameSessions(t *testing.T) {
	t.Parallel()
	want := []string{
		"policy-options/policy-statement pf-in [] invalid IP",
		"protocols/bgp/group pf-as64501_7 [policy-options/policy-statement pf-in] 192.0.2.11",
		"routing-instances/red/protocols/bgp/group pf-as64501_8 [] 192.0.2.12",
	}
	for form, text := range map[string]string{"braces": inBraces, "XML": inXML} {
		cut, err := junos.Syntax.Split(text)
		if err != nil || len(cut) != len(want) {
			t.Fatalf("%s: %d stanzas, %v", form, len(cut), err)
		}
		for i, s := range cut {
			expected := want[i]
			if form == "XML" && i == 2 {
				expected = "routing-instances/instance red/protocols/bgp/group pf-as64501_8 [] 192.0.2.12"
			}
			if got := fmt.Sprint(s.Key, " ", s.Refs, " ", s.Neighbor); got != expected {
				t.Errorf("%s: %s, want %s", form, got, expected)
			}
		}
		if _, err := junos.Syntax.Join(cut); err != nil {
			t.Errorf("%s: %v", form, err)
		}
	}
}
