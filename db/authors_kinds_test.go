package db_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"peerflow/db"
	"peerflow/db/dbtest"
	"peerflow/internal/peering"
)

// edits are the ways to write one noun, each in somebody's name.
type edits struct {
	create func(by peering.Actor, record string) (id int64, err error)
	update func(by peering.Actor, id int64, patch string) error
	delete func(by peering.Actor, id int64) error
}

func editsOf[T any](t *testing.T, noun db.Noun[T], id func(T) int64) edits {
	return edits{
		func(by peering.Actor, record string) (int64, error) {
			var v T
			if err := json.Unmarshal([]byte(record), &v); err != nil {
				t.Fatal(err)
			}
			made, err := noun.Create(t.Context(), by, v)
			return id(made), err
		},
		func(by peering.Actor, id int64, patch string) error {
			_, err := noun.Patch(t.Context(), by, id, 0, []byte(patch))
			return err
		},
		func(by peering.Actor, id int64) error { return noun.Delete(t.Context(), by, id, 0) },
	}
}

// Whatever kind of edit moves what a router is rendered from has an author: a record that comes, changes, goes, and is
// given to another one or taken from it.
func TestPendingAuthorsAreThoseOfEveryKindOfEdit(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	n := smallNetwork(t, d)
	nouns := map[string]edits{
		"session":        editsOf(t, d.Sessions(), func(v peering.Session) int64 { return v.ID }),
		"connection":     editsOf(t, d.Connections(), func(v peering.Connection) int64 { return v.ID }),
		"router":         editsOf(t, d.Routers(), func(v peering.Router) int64 { return v.ID }),
		"exchange":       editsOf(t, d.IXPs(), func(v peering.IXP) int64 { return v.ID }),
		"network":        editsOf(t, d.AutonomousSystems(), func(v peering.AutonomousSystem) int64 { return v.ID }),
		"group":          editsOf(t, d.BGPGroups(), func(v peering.BGPGroup) int64 { return v.ID }),
		"policy":         editsOf(t, d.RoutingPolicies(), func(v peering.RoutingPolicy) int64 { return v.ID }),
		"community":      editsOf(t, d.Communities(), func(v peering.Community) int64 { return v.ID }),
		"relationship":   editsOf(t, d.Relationships(), func(v peering.Relationship) int64 { return v.ID }),
		"tag":            editsOf(t, d.Tags(), func(v peering.Tag) int64 { return v.ID }),
		"bfd":            editsOf(t, d.BFD(), func(v peering.BFD) int64 { return v.ID }),
		"config-context": editsOf(t, d.ConfigContexts(), func(v peering.ConfigContext) int64 { return v.ID }),
		"contact":        editsOf(t, d.Contacts(), func(v peering.Contact) int64 { return v.ID }),
		"contact-role":   editsOf(t, d.ContactRoles(), func(v peering.ContactRole) int64 { return v.ID }),
		"template":       editsOf(t, d.Templates(), func(v peering.Template) int64 { return v.ID }),
		"platform":       editsOf(t, d.Platforms(), func(v peering.PlatformRecord) int64 { return v.ID }),
	}
	people := 0
	person := func(name string) peering.Actor {
		people++
		return asUser(newUser(t, d, fmt.Sprintf("%s-%d", name, people), peering.Operator))
	}
	counts := func(by peering.Actor, what string) {
		t.Helper()
		if !slices.Contains(pendingAuthors(t, d, n.router.ID), by.Name) {
			t.Errorf("%s doesn't count", what)
		}
	}
	makes := func(noun, record string) (int64, peering.Actor) {
		t.Helper()
		by := person("makes-" + noun)
		id, err := nouns[noun].create(by, record)
		if err != nil {
			t.Fatalf("%s %s: %v", noun, record, err)
		}
		return id, by
	}
	edit := func(what, noun string, id int64, patch string) {
		t.Helper()
		by := person(noun)
		if err := nouns[noun].update(by, id, patch); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		counts(by, what)
	}
	remove := func(what, noun string, id int64) {
		t.Helper()
		by := person("removes-" + noun)
		if err := nouns[noun].delete(by, id); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		counts(by, what)
	}

	// What other records are given: its author counts once something has it.
	role, contact := mustCreate(t, d.ContactRoles(), peering.ContactRole{Slug: "noc"}).ID, mustCreate(t, d.Contacts(), peering.Contact{Name: "desk"}).ID
	for _, given := range []struct{ noun, record, edited, owner, patch, taken string }{
		{"tag", `{"slug": "t"}`, `{"description": "x"}`, "session", `{"tags": [%d]}`, `{"tags": []}`},
		{"config-context", `{"name": "c"}`, `{"description": "x"}`, "network", `{"config_contexts": [{"config_context_id": %d}]}`, `{"config_contexts": []}`},
		{"contact", `{"name": "NOC"}`, `{"title": "x"}`, "exchange", `{"contacts": [{"contact_id": %d, "role_id": ` + strconv.FormatInt(role, 10) + `}]}`, `{"contacts": []}`},
		{"contact-role", `{"slug": "desk"}`, `{"name": "x"}`, "exchange", `{"contacts": [{"contact_id": ` + strconv.FormatInt(contact, 10) + `, "role_id": %d}]}`, `{"contacts": []}`},
		{"policy", `{"slug": "p", "direction": "import"}`, `{"weight": 7}`, "session", `{"import_policies": [%d]}`, `{"import_policies": []}`},
		{"bfd", `{"slug": "b"}`, `{"description": "x"}`, "session", `{"bfd_id": %d}`, `{"bfd_id": 0}`},
	} {
		owner := map[string]int64{"session": n.session.ID, "network": n.peer.ID, "exchange": n.ixp.ID}[given.owner]
		id, by := makes(given.noun, given.record)
		if slices.Contains(pendingAuthors(t, d, n.router.ID), by.Name) {
			t.Errorf("who made a %s that nothing has counts", given.noun)
		}
		edit("giving a "+given.noun, given.owner, owner, fmt.Sprintf(given.patch, id))
		counts(by, "making a "+given.noun+" that was given later")
		edit("editing a "+given.noun, given.noun, id, given.edited)
		edit("taking a "+given.noun, given.owner, owner, given.taken)
		if slices.Contains(pendingAuthors(t, d, n.router.ID), by.Name) {
			t.Errorf("who made a %s that nothing has any more counts", given.noun)
		}
	}

	// Records that the router has, or every template is given.
	id, by := makes("session", fmt.Sprintf(`{"peering_id": %d, "router_id": %d, "peer_address": "192.0.2.99", "peer_asn": 64510}`, n.peering.ID, n.router.ID))
	counts(by, "making a session")
	edit("editing a session", "session", id, `{"description": "x"}`)
	network, by := makes("network", `{"asn": 64510}`)
	counts(by, "making the record of a session's number")
	edit("editing a network", "network", network, `{"name": "x"}`)
	remove("removing the record of a session's number", "network", network)
	group, by := makes("group", `{"slug": "g"}`)
	edit("giving a group", "session", id, fmt.Sprintf(`{"group_id": %d}`, group))
	counts(by, "making a group that was given later")
	edit("editing a group", "group", group, `{"name": "x"}`)
	remove("removing a session", "session", id)
	far, by := makes("exchange", fmt.Sprintf(`{"slug": "far", "local_as_id": %d}`, n.us.ID))
	port, maker := makes("connection", fmt.Sprintf(`{"exchange_id": %d, "router_id": %d, "ipv4": "203.0.113.1", "ipv4_lan": "203.0.113.0/24"}`, far, n.router.ID))
	counts(by, "making an exchange")
	counts(maker, "making a connection")
	edit("editing an exchange", "exchange", far, `{"name": "x"}`)
	edit("editing a connection", "connection", port, `{"description": "x"}`)
	remove("removing a connection", "connection", port)
	edit("editing a router", "router", n.router.ID, `{"bgp_port": 1790}`)
	edit("editing a platform", "platform", n.platform.ID, `{"name": "x"}`)
	for noun, record := range map[string]string{"community": `{"slug": "c", "value": "64500:1"}`, "relationship": `{"slug": "r"}`} {
		id, by := makes(noun, record)
		counts(by, "making a "+noun)
		edit("editing a "+noun, noun, id, `{"name": "x"}`)
		remove("removing a "+noun, noun, id)
	}
	if err := nouns["template"].update(anna, n.template.ID, `{"body": "{% include 'part' ignore missing %}"}`); err != nil {
		t.Fatal(err)
	}
	part, by := makes("template", `{"name": "part", "body": "x"}`)
	counts(by, "making a template that is included")
	edit("editing a template that is included", "template", part, `{"body": "y"}`)
	edit("naming an included template otherwise", "template", part, `{"name": "other"}`)
	edit("naming a template as one that is included", "template", part, `{"name": "part"}`)
	remove("removing a template that is included", "template", part)
	by = person("irr")
	if err := d.PutIRRLists(t.Context(), by, n.peer.ID, []peering.IRRList{prefixes("192.0.2.0/24")}, false); err != nil {
		t.Fatal(err)
	}
	counts(by, "recording the list of a network")
}
