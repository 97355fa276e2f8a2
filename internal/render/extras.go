package render

import (
	"cmp"

	"peerflow/internal/jinja"
)

var tagFields = identified[*Tag]().with(fields[*Tag]{
	"name":        func(t *Tag) jinja.Value { return jinja.Str(t.Name) },
	"slug":        func(t *Tag) jinja.Value { return jinja.Str(t.Slug) },
	"color":       func(t *Tag) jinja.Value { return jinja.Str(t.Color) },
	"description": func(t *Tag) jinja.Value { return jinja.Str(t.Description) },
})

var tagNoun = describe("Tag", tagFields, "created updated name slug color description")

func (*Tag) noun() *noun                            { return tagNoun }
func (*Tag) TypeName() string                       { return "Tag" }
func (t *Tag) String() string                       { return t.Name }
func (t *Tag) Repr() string                         { return reprOf(t) }
func (t *Tag) Attr(name string) (jinja.Value, bool) { return tagFields.of(t, name) }

var relationshipFields = featured[*Relationship]().with(fields[*Relationship]{
	"name":  func(r *Relationship) jinja.Value { return jinja.Str(r.Name) },
	"slug":  func(r *Relationship) jinja.Value { return jinja.Str(r.Slug) },
	"color": func(r *Relationship) jinja.Value { return jinja.Str(r.Color) },
})

var relationshipNoun = describe("Relationship", relationshipFields, storedAlways+"name slug color")

func (*Relationship) noun() *noun                            { return relationshipNoun }
func (*Relationship) TypeName() string                       { return "Relationship" }
func (r *Relationship) String() string                       { return r.Name }
func (r *Relationship) Repr() string                         { return reprOf(r) }
func (r *Relationship) Attr(name string) (jinja.Value, bool) { return relationshipFields.of(r, name) }

func byRelationship(a, b *Relationship) int { return cmp.Or(cmp.Compare(a.Name, b.Name), byID(a, b)) }

var bfdFields = featured[*BFD]().with(fields[*BFD]{
	"name":                      func(b *BFD) jinja.Value { return jinja.Str(b.Name) },
	"slug":                      func(b *BFD) jinja.Value { return jinja.Str(b.Slug) },
	"minimum_transmit_interval": func(b *BFD) jinja.Value { return jinja.Int(b.MinimumTransmit) },
	"minimum_receive_interval":  func(b *BFD) jinja.Value { return jinja.Int(b.MinimumReceive) },
	"detection_multiplier":      func(b *BFD) jinja.Value { return jinja.Int(b.Multiplier) },
	"hold_time":                 func(b *BFD) jinja.Value { return jinja.Int(b.HoldTime) },
})

var bfdNoun = describe("BFD", bfdFields, storedAlways+"name slug minimum_transmit_interval minimum_receive_interval detection_multiplier hold_time")

func (*BFD) noun() *noun                            { return bfdNoun }
func (*BFD) TypeName() string                       { return "BFD" }
func (b *BFD) String() string                       { return b.Name }
func (b *BFD) Repr() string                         { return reprOf(b) }
func (b *BFD) Attr(name string) (jinja.Value, bool) { return bfdFields.of(b, name) }

func byBFD(a, b *BFD) int { return cmp.Or(cmp.Compare(a.Name, b.Name), byID(a, b)) }

var contactFields = primary[*Contact]().with(fields[*Contact]{
	"name":    func(c *Contact) jinja.Value { return jinja.Str(c.Name) },
	"title":   func(c *Contact) jinja.Value { return jinja.Str(c.Title) },
	"phone":   func(c *Contact) jinja.Value { return jinja.Str(c.Phone) },
	"email":   func(c *Contact) jinja.Value { return jinja.Str(c.Email) },
	"address": func(c *Contact) jinja.Value { return jinja.Str(c.Address) },
})

var contactNoun = describe("Contact", contactFields, storedInMost+"name title phone email address")

func (*Contact) noun() *noun                            { return contactNoun }
func (*Contact) TypeName() string                       { return "Contact" }
func (c *Contact) String() string                       { return c.Name }
func (c *Contact) Repr() string                         { return reprOf(c) }
func (c *Contact) Attr(name string) (jinja.Value, bool) { return contactFields.of(c, name) }

var roleFields = featured[*ContactRole]().with(fields[*ContactRole]{
	"name": func(r *ContactRole) jinja.Value { return jinja.Str(r.Name) },
	"slug": func(r *ContactRole) jinja.Value { return jinja.Str(r.Slug) },
})

var roleNoun = describe("ContactRole", roleFields, storedAlways+"name slug")

func (*ContactRole) noun() *noun                            { return roleNoun }
func (*ContactRole) TypeName() string                       { return "ContactRole" }
func (r *ContactRole) String() string                       { return r.Name }
func (r *ContactRole) Repr() string                         { return reprOf(r) }
func (r *ContactRole) Attr(name string) (jinja.Value, bool) { return roleFields.of(r, name) }

var assignmentFields = identified[*ContactAssignment]().with(fields[*ContactAssignment]{
	"contact": func(a *ContactAssignment) jinja.Value { return one(a.Contact) },
	"role":    func(a *ContactAssignment) jinja.Value { return one(a.Role) },
})

var assignmentNoun = describe("ContactAssignment", assignmentFields, "created updated contact role")

func (*ContactAssignment) noun() *noun      { return assignmentNoun }
func (*ContactAssignment) TypeName() string { return "ContactAssignment" }
func (a *ContactAssignment) String() string { return a.Contact.Name }
func (a *ContactAssignment) Repr() string   { return reprOf(a) }
func (a *ContactAssignment) Attr(name string) (jinja.Value, bool) {
	return assignmentFields.of(a, name)
}

// byContact orders assignments by the contact's name.
func byContact(a, b *ContactAssignment) int {
	return cmp.Or(cmp.Compare(a.Contact.Name, b.Contact.Name), byID(a, b))
}
