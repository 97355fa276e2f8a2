package render

import (
	"strings"
	"testing"

	"peerflow/internal/peering"
)

func TestOwnFilters(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{{ "Café  Zürich\n neighbor 192.0.2.1; {x} \"y\" !z" | label }}`: "Cafe Zurich neighbor 192.0.2.1 x y z",
		`{{ ("a" * 200) | label | length }}`:                              "80",
		`{{ "" | label }}`:                                                "",
		`{{ "192.0.2.0/24" | prefix_range }}`:                             "{'prefix': '192.0.2.0/24', 'family': 'ipv4', 'length': 24, 'low': 24, 'high': 24}",
		`{{ "192.0.2.0/24+" | prefix_range }}`:                            "{'prefix': '192.0.2.0/24', 'family': 'ipv4', 'length': 24, 'low': 24, 'high': 32}",
		`{{ "2001:db8::/32{ 16, 48 }" | prefix_range }}`:                  "{'prefix': '2001:db8::/32', 'family': 'ipv6', 'length': 32, 'low': 32, 'high': 48}",
		`{{ 100 | integer(0, 4294967295) }} {{ "007" | integer(0, 9) }}`:  "100 7",
		`{{ "100; accept" | integer(0, 4294967295) }}`:                    `error: "100; accept" is no whole number from 0 to 4294967295`,
		`{{ -1 | integer(0, 9) }}`:                                        `error: "-1" is no whole number from 0 to 9`,
		`{{ true | integer(0, 9) }}`:                                      `error: "True" is no whole number`,
		`{{ router.context.nothing | integer(0, 9) }}`:                    "error: nothing",
		`{{ 1 | integer("a", 9) }}`:                                       "error: least and the most",
		`{{ sessions[0].password | integer(0, 9) }}`:                      "error: secret",
		`{{ ["a", 1] | digest }}`:                                         "1d8094",
		`{{ (["a", 1] | digest) == (["a", 2] | digest) }}`:                "False",
		`{{ "192.0.2.1/24" | prefix_range }}`:                             "error: write 192.0.2.0/24",
		`{{ "192.0.2.0/24-" | prefix_range }}`:                            "error: write 192.0.2.0/24",
		`{{ "192.0.2.0/24{25,24}" | prefix_range }}`:                      "error: write 192.0.2.0/24",
		`{{ "192.0.2.0/24{24,33}" | prefix_range }}`:                      "error: write 192.0.2.0/24",
		`{{ "192.0.2.0/24+{24,25}" | prefix_range }}`:                     "error: write 192.0.2.0/24",
		`{{ "192.0.2.0/24{24,25" | prefix_range }}`:                       "error: write 192.0.2.0/24",
		`{{ 5 | prefix_range }}`:                                          "error: prefix_range takes a prefix as text",
		`{{ sessions[0].password | digest }}`:                             "error: secret",
		`{{ sessions[0].password | label }}`:                              "error: label takes text",
	} {
		d := desired(t, "bird")
		d.Template.Body = "x" + in
		got, err := Router(t.Context(), d)
		if wrong, ok := strings.CutPrefix(want, "error: "); ok {
			if err == nil || !strings.Contains(err.Error(), wrong) || peering.KindOf(err) != peering.Invalid {
				t.Errorf("%s: %q, %v, want %q", in, got, err, wrong)
			}
		} else if err != nil || got != "x"+want {
			t.Errorf("%s: %q, %v, want %q", in, got, err, want)
		}
	}
}
