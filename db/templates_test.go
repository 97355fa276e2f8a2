package db_test

import (
	"fmt"
	"testing"

	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

func TestTemplatesOfThreeKinds(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	mail := mustCreate(t, d.Templates(), peering.Template{Name: "bird", Kind: peering.MailTemplate, Subject: "Peering with {{ autonomous_system.name }}", Body: "Dear peer"}) // as a router's is called
	export := mustCreate(t, d.Templates(), peering.Template{Name: "peers", Kind: peering.ExportTemplate, Dataset: "autonomous-systems", Body: "{{ dataset | length }}"})
	if n.template.Kind != peering.RouterTemplate || mail.Subject == "" || export.Dataset != "autonomous-systems" {
		t.Errorf("%+v, %+v, %+v", n.template, mail, export)
	}
	for what, wrong := range map[string]peering.Template{
		"a router's with a subject":  {Name: "a", Subject: "x"},
		"a mail with a dataset":      {Name: "a", Kind: peering.MailTemplate, Dataset: "routers"},
		"an export of nothing known": {Name: "a", Kind: peering.ExportTemplate, Dataset: "everything"},
		"a mail in another language": {Name: "a", Kind: peering.MailTemplate, Engine: peering.EnginePongo2},
		"a kind that there isn't":    {Name: "a", Kind: "fax"},
	} {
		if _, err := d.Templates().Create(t.Context(), anna, wrong); peering.KindOf(err) != peering.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := d.Routers().Patch(t.Context(), anna, n.router.ID, 0, fmt.Appendf(nil, `{"template_id": %d}`, mail.ID))
	wantKind(t, "a mail as a router's template", err, peering.Invalid)
	_, err = d.Templates().Patch(t.Context(), anna, n.template.ID, 0, []byte(`{"kind": "mail", "name": "other"}`))
	wantKind(t, "a router's template made a mail", err, peering.Invalid)
	list, err := d.Templates().List(t.Context(), []peering.Filter{{Field: "kind", Values: []string{"mail"}}}, peering.Page{Limit: 10})
	if err != nil || len(list.Items) != 1 || list.Items[0].ID != mail.ID {
		t.Errorf("mails: %+v, %v", list.Items, err)
	}
}

func TestPendingAuthorsAreThoseOfIncludedMailsAndExports(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	for author, made := range map[string]peering.Template{
		"ada": {Name: "signature", Kind: peering.MailTemplate, Body: "x"}, "ben": {Name: "all peers", Kind: peering.ExportTemplate, Body: "x"},
		"joe": {Name: "not included", Kind: peering.MailTemplate, Body: "x"}} {
		u := newUser(t, d, author, peering.Operator)
		if _, err := d.Templates().Create(t.Context(), peering.Actor{Kind: peering.ActorUser, UserID: u.ID, Name: author, Roles: u.Roles}, made); err != nil {
			t.Fatal(err)
		}
	}
	own := peering.Actor{Kind: peering.ActorWorkflow, Name: "test"}
	if _, err := d.Templates().Patch(t.Context(), own, n.template.ID, 0, []byte(`{"body": "{% include_email signature %}{% include_exporttemplate 'all peers' %}"}`)); err != nil {
		t.Fatal(err)
	}
	users, err := d.PendingAuthors(t.Context(), n.router.ID)
	names := map[string]bool{}
	for _, u := range users {
		names[u.Name] = true
	}
	if err != nil || len(users) != 2 || !names["ada"] || !names["ben"] {
		t.Errorf("pending authors %v, %v", names, err)
	}
}
