package render

import (
	"slices"
	"strings"
	"testing"

	"peerflow/internal/peering"
)

// What people ask of a line on a router: which line of the template wrote it, and which record says so.
func TestALineOfAStanzaTellsItsTemplateLineAndItsFields(t *testing.T) {
	t.Parallel()
	for driver, wants := range map[string]map[string]peering.FieldRead{
		"bird": {
			"neighbor 192.0.2.11": {Record: "session 7", Field: "peer_asn"},
			"password \"{secret":  {Record: "session 7", Field: "password"},
			"import filter":       {Record: "routing policy 1", Field: "identifier"},
			"bgp_local_pref":      {Record: "routing policy 1", Field: "context"},
		},
		"openconfig": {`"peer-as": 64501`: {Record: "session 7", Field: "peer_asn"}, `"auth-password"`: {Record: "session 7", Field: "password"}},
	} {
		d := desired(t, driver)
		text, lines, err := RouterWithOrigins(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if untraced, err := Router(t.Context(), d); err != nil || untraced != text {
			t.Errorf("%s: tracing changes the text: %v", driver, err)
		}
		cut, err := syntaxes[driver].Split(text)
		if err != nil {
			t.Fatal(err)
		}
		origins := peering.Origins(text, lines, cut)
		template := strings.Split(d.Template.Body, "\n")
		for want, field := range wants {
			found := false
			for _, s := range cut {
				for i, line := range strings.Split(strings.TrimSuffix(s.Text, "\n"), "\n") {
					if !strings.Contains(line, want) {
						continue
					}
					found = true
					o := origins[s.Key][i]
					if !slices.Contains(o.Fields, field) || len(o.Places) == 0 {
						t.Errorf("%s: %q comes from %+v, want field %+v", driver, line, o, field)
						continue
					}
					if p := o.Places[0]; p.Template != d.Template.Name || p.Line < 1 || p.Line > len(template) || strings.TrimSpace(template[p.Line-1]) == "" {
						t.Errorf("%s: %q comes from %+v", driver, line, p)
					}
				}
			}
			if !found {
				t.Errorf("%s: no line %q in\n%s", driver, want, text)
			}
		}
		for _, s := range cut {
			if n := strings.Count(s.Text, "\n"); len(origins[s.Key]) != n {
				t.Errorf("%s: %s has %d lines and %d origins", driver, s.Key, n, len(origins[s.Key]))
			}
			for i, o := range origins[s.Key] {
				if len(o.Places) == 0 {
					t.Errorf("%s: line %d of %s comes from nowhere", driver, i+1, s.Key)
				}
			}
		}
	}
}

// A filter reads records that the template never sees: whoever asks where a line comes from is told of them, too.
func TestALineTellsOfTheRecordsThatAFilterReads(t *testing.T) {
	t.Parallel()
	d := desired(t, "bird")
	meta, weight := func(id int64) peering.Meta { return peering.Meta{ID: id} }, 1000
	d.Communities = map[int64]peering.Community{3: {Meta: meta(3), Slug: "a", Value: "64500:1"}}
	d.Tags = map[int64]peering.Tag{4: {Meta: meta(4), Slug: "canary", Name: "canary"}}
	d.Contexts = map[int64]peering.ConfigContext{5: {Meta: meta(5), Name: "shared", Data: peering.Context(`{"dscp": 48}`)}}
	d.Contacts = map[int64]peering.Contact{6: {Meta: meta(6), Name: "NOC", Email: "noc@example.net"}}
	d.ContactRoles = map[int64]peering.ContactRole{1: {Meta: meta(1), Slug: "noc", Name: "NOC"}}
	for id, n := range d.Networks {
		n.Contacts = []peering.ContactRef{{ID: 6, RoleID: 1}}
		d.Networks[id] = n
	}
	s := d.Sessions[7]
	s.Communities, s.Tags, s.ConfigContexts = []int64{3}, []int64{4}, []peering.ContextRef{{ID: 5, Weight: &weight}}
	d.Sessions[7] = s
	for body, want := range map[string]peering.FieldRead{
		"{{ s | merge_communities | iterate('value') | join }}": {Record: "community 3", Field: "value"},
		"{{ s | has_tag('canary') }}":                           {Record: "tag 4", Field: "name"},
		"{{ s | context_get_key('dscp') }}":                     {Record: "config context 5", Field: "data"},
		"{{ s | contact('noc', 'email') }}":                     {Record: "contact 6", Field: "name"},
		"{{ s.config_context.dscp }}":                           {Record: "config context 5", Field: "data"},
	} {
		d.Template.Body = "{% for s in sessions %}" + body + "{% endfor %}"
		text, lines, err := RouterWithOrigins(t.Context(), d)
		if err != nil || len(lines) != 1 || text == "" || !slices.Contains(lines[0].Fields, want) {
			t.Errorf("%s gives %q, %v from %+v, want %+v", body, text, err, lines, want)
		}
	}
}
