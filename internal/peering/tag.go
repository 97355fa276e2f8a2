package peering

import (
	"cmp"
	"regexp"
)

// Tag marks records, for people who look for them and for templates that ask for it.
type Tag struct {
	Meta
	Slug        string `json:"slug"`
	Name        string `json:"name" doc:"at most 100 characters; the slug when left out"`
	Color       string `json:"color" example:"9e9e9e" doc:"six hexadecimal digits; grey when left out"`
	Description string `json:"description" doc:"at most 200 characters"`
}

var colorShape = regexp.MustCompile(`^[0-9a-f]{6}$`)

// Complete fills defaults and refuses a tag that can't be.
func (t *Tag) Complete() error {
	if t.Color = cmp.Or(t.Color, "9e9e9e"); !colorShape.MatchString(t.Color) {
		return Errorf(Invalid, "color %.20q: six hexadecimal digits in small letters, such as 9e9e9e", t.Color)
	}
	return labelled(t.Slug, &t.Name, t.Description)
}

// tagList refuses a tag that a record has twice; their order stays.
func tagList(ids *[]int64) error {
	sorted := *ids
	*ids = orNone(*ids)
	return idSet("tags", &sorted)
}
