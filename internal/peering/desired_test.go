package peering

import "testing"

func TestARouterIsRenderedWithTheTemplateAndNumberThatAChangeGivesIt(t *testing.T) {
	t.Parallel()
	router := Router{Meta: Meta{ID: 1}, Name: "edge1", SiteID: 1, PlatformID: 1, LocalASID: 2, TemplateID: 3, Address: "192.0.2.1:22", Lab: true}
	d := Desired{Router: router, LocalAS: AutonomousSystem{Meta: Meta{ID: 2}, ASN: 64500}, Template: Template{Meta: Meta{ID: 3}, Name: "old"},
		Networks:  map[int64]AutonomousSystem{2: {Meta: Meta{ID: 2}, ASN: 64500}, 4: {Meta: Meta{ID: 4}, ASN: 64510}},
		Templates: map[int64]Template{3: {Meta: Meta{ID: 3}, Name: "old"}, 5: {Meta: Meta{ID: 5}, Name: "new"}}}
	for patch, want := range map[string]struct {
		template string
		asn      uint32
	}{
		`{"template_id": 5}`: {"new", 64500},
		`{"local_as_id": 4}`: {"old", 64510},
	} {
		changed, err := d.Apply([]Operation{{Object: ObjectRouter, ObjectID: 1, Action: Update, Patch: []byte(patch)}})
		if err != nil {
			t.Fatal(err)
		}
		if got := changed.LocalASOf(Session{}); changed.Template.Name != want.template || uint32(got) != want.asn {
			t.Errorf("%s: template %q, AS %d", patch, changed.Template.Name, got)
		}
	}
}

// The order of PostgreSQL's jsonb: shorter keys first.
func TestFreeDataIsOrderedAsItIsStored(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		`{"bb": 1, "c": {"é": 1, "zz": 2, "a": [{"yyy": 1, "x": 12345678901234567890}]}, "ab": 1.50}`: `{"c":{"a":[{"x":12345678901234567890,"yyy":1}],"zz":2,"é":1},"ab":1.50,"bb":1}`,
		`{}`: `{}`, ``: `{}`, `null`: `{}`,
	} {
		c := Context(given)
		if err := contextObject(&c, "context"); err != nil || string(c) != want {
			t.Errorf("%s: %s, %v, want %s", given, c, err, want)
		}
	}
}
