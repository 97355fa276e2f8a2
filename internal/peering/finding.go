package peering

import (
	"cmp"
	"slices"
)

// FindingLevel is how much a finding about a template weighs.
type FindingLevel string

const (
	FindingError   FindingLevel = "error"   // the template fails, or what it prints harms
	FindingWarning FindingLevel = "warning" // it does something else than it seems to
	FindingNote    FindingLevel = "note"    // worth knowing
)

// Finding is something about a template that its author should know before a router runs it.
type Finding struct {
	Level    FindingLevel `json:"level" enum:"error,warning,note"`
	Code     string       `json:"code" doc:"what kind of finding it is: a name that stays the same from release to release" example:"unknown-field"`
	Template string       `json:"template,omitempty" doc:"the included template that it is in, or subject for a mail's; left out for the text that is checked"`
	Line     int          `json:"line" doc:"from 1; 0 when it is about no line in particular"`
	Column   int          `json:"column" doc:"from 1, in bytes; 0 when it is about no place in the line"`
	Text     string       `json:"text"`
	Fix      string       `json:"fix" doc:"what to do about it"`
}

// TemplateCheck is what was found about a template.
type TemplateCheck struct {
	Template string    `json:"template"`
	Routers  []string  `json:"routers" doc:"those that it was rendered for; without any only its text was looked at"`
	Findings []Finding `json:"findings"`
}

// SortFindings puts findings in the order of the text: what is about no line comes last.
func SortFindings(list []Finding) {
	last := func(line int) int {
		if line == 0 {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Template, b.Template), cmp.Compare(last(a.Line), last(b.Line)), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
