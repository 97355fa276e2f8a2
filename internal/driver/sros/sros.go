// Package sros knows how SR OS's configuration is cut into stanzas, for rendering,
// checking and preview. No driver speaks to SR OS yet.
package sros

import "peerflow/internal/driver/outline"

// Syntax is that of SR OS's model-driven configuration: policies and what they use are stanzas by name, a neighbor is one
// with all that is in it, and so is a group of neighbors. What a change does to sessions wasn't measured.
var Syntax = outline.Syntax{
	Indent: "    ",
	Braces: true,
	Classes: []outline.Class{
		{Path: []string{"policy-options", "prefix-list *"}},
		{Path: []string{"policy-options", "community *"}},
		{Path: []string{"policy-options", "as-path *"}},
		{Path: []string{"policy-options", "policy-statement *"}},
		{Path: []string{"service", "vprn *", "bgp", "group *"}},
		{Path: []string{"router *", "bgp", "group *"}},
		{Path: []string{"service", "vprn *", "bgp", "neighbor *"}, Session: true},
		{Path: []string{"router *", "bgp", "neighbor *"}, Session: true},
	},
}
