package render

import (
	"slices"

	"peerflow/internal/jinja"
)

// tagged gives the tags of what can have some.
func tagged(s *jinja.State, in jinja.Value) ([]*Tag, error) {
	row, ok := in.(object)
	if !ok {
		return nil, invalidInput(s, in, "object has no tags: it is %s", name(in))
	}
	if _, ok := row.Attr("tags"); !ok {
		return nil, jinja.Errorf(jinja.AttributeErr, "object has no tags: %s is a %s", row, row.TypeName())
	}
	return row.record().Tags, nil
}

func filterTags(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	if err := none("tags", a); err != nil {
		return nil, err
	}
	tags, err := tagged(s, in)
	return rows("Tag", tags), err
}

// hasTag looks for a tag by its name or slug.
func hasTag(want bool) jinja.Filter {
	return func(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
		tag, err := textArgs(s, a, "has_tag", "tag")
		if err != nil {
			return nil, err
		}
		tags, err := tagged(s, in)
		has := slices.ContainsFunc(tags, func(t *Tag) bool { return t.Name == tag[0] || t.Slug == tag[0] })
		return jinja.Bool(has == want), err
	}
}

const (
	disabled    = "disabled"
	maintenance = "maintenance"
)

// planned are the statuses of work on something, which what hangs on it takes on.
var planned = []string{"pre-maintenance", maintenance, "post-maintenance"}

// filterInheritedStatus is a record's status with that of what it hangs on: an exchange or group, then a router. What is
// disabled itself stays so.
func filterInheritedStatus(s *jinja.State, in jinja.Value, a jinja.Args) (jinja.Value, error) {
	if err := none("inherited_status", a); err != nil {
		return nil, err
	}
	switch row := in.(type) {
	case *Connection:
		return jinja.Str(row.inheritedStatus()), nil
	case *Session:
		return jinja.Str(row.inheritedStatus()), nil
	}
	if status, ok := getattr(in, "status"); ok {
		return status, nil
	}
	return nil, invalidInput(s, in, "value has no status property: it is %s", name(in))
}

func (c *Connection) inheritedStatus() string {
	switch {
	case c.Status == disabled:
		return disabled
	case c.Exchange != nil && (c.Exchange.Status == disabled || slices.Contains(planned, c.Exchange.Status)):
		return c.Exchange.Status
	case c.Router != nil && slices.Contains(planned, c.Router.Status): // a disabled router disables no connection
		return c.Router.Status
	}
	return c.Status
}

func (s *Session) inheritedStatus() string {
	switch {
	case s.Status == disabled:
		return disabled
	case s.Direct && s.Group != nil && (s.Group.Status == disabled || s.Group.Status == maintenance): // and neither pre- nor post-
		return s.Group.Status
	case s.Direct && s.Router != nil && slices.Contains(planned, s.Router.Status):
		return s.Router.Status
	case s.Direct || s.Connection == nil:
		return s.Status
	}
	if status := s.Connection.inheritedStatus(); status == disabled || slices.Contains(planned, status) {
		return status
	}
	return s.Status
}
