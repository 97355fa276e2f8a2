package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

func TestATemplateNeedsWhatItAndItsIncludesCanAskFor(t *testing.T) {
	t.Parallel()
	library := map[int64]peering.Template{
		1: {Meta: peering.Meta{ID: 1}, Name: "ports", Body: "{{ session.exists_in_peeringdb }}"},
		2: {Meta: peering.Meta{ID: 2}, Name: "outer", Body: "{% include_configuration ports %}{% include 'outer' %}"},
		3: {Meta: peering.Meta{ID: 3}, Name: "sign", Kind: peering.MailTemplate, Body: "{{ router.name }}"},
		4: {Meta: peering.Meta{ID: 4}, Name: "sets", Kind: peering.ExportTemplate, Dataset: "autonomous-systems", Body: "{% for a in dataset %}{{ a.as_list }}{% endfor %}"},
	}
	none, irr, mirror := peering.Needs{}, peering.Needs{IRR: true}, peering.Needs{PeeringDB: true}
	for body, want := range map[string]peering.Needs{
		"prefixes {{ router.name }} {# x.prefixes #}":                       none,
		"{% set d = {} %}{{ d[router.name] }}":                              none,
		"{{ local_as.prefixes }}":                                           irr,
		"{{ local_as | as_list }}":                                          irr,
		"{% for a in autonomous_systems.filter(as_list__isnull=0) %}":       peering.AllNeeds, // can't be read
		"{{ autonomous_systems.filter(prefixes__isnull=false) }}":           irr,
		"{{ autonomous_systems | map(attribute='prefixes.ipv6') }}":         irr,
		"{{ autonomous_systems.order_by('peeringdb_network__name') }}":      mirror,
		"{{ autonomous_systems[0].peeringdb_network.info_prefixes4 }}":      mirror,
		"{{ internet_exchange_points | iterate('peeringdb_ixlan_id') }}":    mirror,
		"{{ local_as | missing_sessions(autonomous_systems[0]) }}":          mirror,
		"{{ local_as | prefix_list(6) }}":                                   peering.AllNeeds, // an exchange has one, too
		"{{ local_as | as_json }}":                                          peering.AllNeeds,
		"{{ local_as[router.context.field] }}":                              peering.AllNeeds,
		"{{ autonomous_systems | iterate(router.context.field) }}":          peering.AllNeeds,
		"{{ autonomous_systems.values_list(router.context.field) }}":        peering.AllNeeds,
		"{% include_configuration 'outer' %}":                               mirror,
		"{% include '1' %}{% include_exporttemplate sets %}":                peering.AllNeeds,
		"{% include 'exporttemplate::4' %}":                                 irr,
		"{% include 'email::sign' %}{% include 'nothing' ignore missing %}": none,
		"{% include router.name %}":                                         peering.AllNeeds,
	} {
		if got := Needs(peering.Template{Meta: peering.Meta{ID: 9}, Name: "t", Body: body}, library); got != want {
			t.Errorf("%s: %+v, want %+v", body, got, want)
		}
	}
	for _, s := range Starters() {
		if got := Needs(peering.Template{Meta: peering.Meta{ID: 9}, Body: s.Body}, nil); got != none {
			t.Errorf("starter %s: %+v, want nothing", s.Platform, got)
		}
	}
}

// notLoaded renders over the small network as if some of it had been left out, and reports whether that was asked for.
func notLoaded(t *testing.T, body string, left peering.Needs) bool {
	t.Helper()
	n, vars := small()
	n.PeeringDB.unneeded = left.PeeringDB
	for _, a := range n.AutonomousSystems {
		a.unlisted = left.IRR
	}
	_, err := renderText(t.Context(), peering.Template{Name: "t", Body: body, Lenient: true}, vars, plain)
	return err != nil && strings.Contains(err.Error(), "weren't loaded") && strings.Contains(err.Error(), "line 1")
}

func TestWhatAsksForLargeDataIsKnownByName(t *testing.T) {
	t.Parallel()
	_, vars := small()
	asks := func(left peering.Needs) []string {
		found := map[string]bool{}
		for name, v := range vars.All {
			row, ok := v.(object)
			if !ok {
				continue
			}
			for _, field := range row.noun().names {
				if notLoaded(t, fmt.Sprintf("{{ %s.%s }}", name.(jinja.Str), field), left) {
					found[field] = true
				}
			}
			for filter := range filters {
				for _, arguments := range []string{"", "(us)", "(peer)", "(other=us, ixp=ixp)", "('id')"} {
					if notLoaded(t, fmt.Sprintf("{{ %s | %s%s }}", name.(jinja.Str), filter, arguments), left) {
						found[filter] = true
					}
				}
			}
		}
		return slices.Sorted(maps.Keys(found))
	}
	for _, c := range []struct {
		left peering.Needs
		want []string
	}{{peering.Needs{PeeringDB: true}, askPeeringDB}, {peering.Needs{IRR: true}, askIRR}} {
		want := slices.Sorted(slices.Values(c.want))
		if got := asks(c.left); !slices.Equal(got, want) {
			t.Errorf("%+v left out: asked for by\n%v, known are\n%v", c.left, got, want)
		}
	}
}
