package db

import (
	"context"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// Contacts are people and desks of networks and exchanges.
func (d *DB) Contacts() Noun[peering.Contact] { return Noun[peering.Contact]{d, contacts} }

// ContactRoles are what contacts are there for.
func (d *DB) ContactRoles() Noun[peering.ContactRole] {
	return Noun[peering.ContactRole]{d, contactRoles}
}

var contacts = &kind[peering.Contact]{
	object: "contact",
	list: listing{table: "contact", search: []string{"t.name", "t.title", "t.email", "t.description"}, fields: map[string]field{
		"name":  {expr: "t.name", kind: word},
		"title": {expr: "t.title", kind: word},
		"email": {expr: "t.email", kind: word},
		"phone": {expr: "t.phone", kind: word},
	}},
	meta: func(c *peering.Contact) *peering.Meta { return &c.Meta },
	load: loads((*dbsqlc.Queries).ContactRows, contactOf),
	insert: writes((*dbsqlc.Queries).ContactInsert, func(c peering.Contact) dbsqlc.ContactInsertParams {
		return dbsqlc.ContactInsertParams(contactParams(c))
	}),
	update:   writes((*dbsqlc.Queries).ContactUpdate, contactParams),
	remove:   removes((*dbsqlc.Queries).ContactDelete),
	complete: (*peering.Contact).Complete,
}

var contactRoles = &kind[peering.ContactRole]{
	object: "contact_role",
	list: listing{table: "contact_role", search: []string{"t.slug", "t.name", "t.description"}, fields: map[string]field{
		"slug": {expr: "t.slug", kind: word},
		"name": {expr: "t.name", kind: word},
	}},
	meta: func(r *peering.ContactRole) *peering.Meta { return &r.Meta },
	load: loads((*dbsqlc.Queries).ContactRoleRows, func(r dbsqlc.ContactRole) peering.ContactRole {
		return peering.ContactRole{Meta: meta(r.ID, r.Version, r.CreatedAt, r.UpdatedAt), Slug: r.Slug, Name: r.Name, Description: r.Description}
	}),
	insert: writes((*dbsqlc.Queries).ContactRoleInsert, func(r peering.ContactRole) dbsqlc.ContactRoleInsertParams {
		return dbsqlc.ContactRoleInsertParams(contactRoleParams(r))
	}),
	update:   writes((*dbsqlc.Queries).ContactRoleUpdate, contactRoleParams),
	remove:   removes((*dbsqlc.Queries).ContactRoleDelete),
	complete: (*peering.ContactRole).Complete,
}

func contactOf(c dbsqlc.Contact) peering.Contact {
	return peering.Contact{Meta: meta(c.ID, c.Version, c.CreatedAt, c.UpdatedAt), Name: c.Name, Title: c.Title, Phone: c.Phone, Email: c.Email,
		Address: c.Address, Description: c.Description}
}

func contactParams(c peering.Contact) dbsqlc.ContactUpdateParams {
	return dbsqlc.ContactUpdateParams{Name: c.Name, Title: c.Title, Phone: c.Phone, Email: c.Email, Address: c.Address,
		Description: c.Description, ID: c.ID, Version: c.Version}
}

func contactRoleParams(r peering.ContactRole) dbsqlc.ContactRoleUpdateParams {
	return dbsqlc.ContactRoleUpdateParams{Slug: r.Slug, Name: r.Name, Description: r.Description, ID: r.ID, Version: r.Version}
}

// contactRefs reads the columns of contacts and their roles.
func contactRefs(ids, roles []int64) []peering.ContactRef {
	refs := make([]peering.ContactRef, len(ids))
	for i, id := range ids {
		refs[i] = peering.ContactRef{ID: id, RoleID: roles[i]}
	}
	return refs
}

func setContacts(ctx context.Context, q *dbsqlc.Queries, table string, id int64, refs []peering.ContactRef) error {
	set := dbsqlc.ContactsSetParams{Object: table, ObjectID: id, Contacts: []int64{}, Roles: []int64{}}
	for _, r := range refs {
		set.Contacts, set.Roles = append(set.Contacts, r.ID), append(set.Roles, r.RoleID)
	}
	return q.ContactsSet(ctx, set)
}
