package peering

import (
	"cmp"
	"net/mail"
	"slices"
)

// Contact is a person or a desk.
type Contact struct {
	Meta
	Name        string `json:"name" doc:"at most 100 characters"`
	Title       string `json:"title" doc:"at most 100 characters"`
	Phone       string `json:"phone" doc:"at most 50 characters"`
	Email       string `json:"email" example:"noc@example.net" doc:"an address alone, of at most 254 characters"`
	Address     string `json:"address" doc:"one line of at most 200 characters"`
	Description string `json:"description" doc:"at most 200 characters"`
}

const (
	longestPhone = 50
	longestEmail = 254 // what mail servers take
)

// Complete refuses a contact that can't be.
func (c *Contact) Complete() error {
	if a, err := mail.ParseAddress(c.Email); c.Email != "" && (err != nil || a.Address != c.Email) {
		return Errorf(Invalid, "email %.60q is no address: give it alone, as noc@example.net", c.Email)
	}
	return firstError(need(c.Name != "", "name"), oneLine("name", c.Name, longestName), oneLine("title", c.Title, longestName),
		oneLine("phone", c.Phone, longestPhone), oneLine("email", c.Email, longestEmail), oneLine("address", c.Address, longestDescription),
		oneLine("description", c.Description, longestDescription))
}

// ContactRole is what a contact is there for; templates ask for one by its name.
type ContactRole struct {
	Meta
	Slug        string `json:"slug"`
	Name        string `json:"name" doc:"at most 100 characters; the slug when left out"`
	Description string `json:"description" doc:"at most 200 characters"`
}

// Complete fills defaults and refuses a role that can't be.
func (r *ContactRole) Complete() error { return labelled(r.Slug, &r.Name, r.Description) }

// ContactRef makes a contact a network's or an exchange's, in a role.
type ContactRef struct {
	ID     int64 `json:"contact_id"`
	RoleID int64 `json:"role_id"`
}

// contactRefs orders the references, and refuses one that stands there twice.
func contactRefs(refs *[]ContactRef) error {
	sorted := orNone(slices.Clone(*refs))
	slices.SortFunc(sorted, func(a, b ContactRef) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.RoleID, b.RoleID)) })
	for i := range sorted {
		if i > 0 && sorted[i] == sorted[i-1] {
			return Errorf(Invalid, "contacts: contact %d stands there twice in role %d", sorted[i].ID, sorted[i].RoleID)
		}
	}
	*refs = sorted
	return nil
}
