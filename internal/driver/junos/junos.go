// Package junos knows how Junos's configuration is cut into stanzas, for rendering,
// checking and preview. No driver speaks to Junos yet.
package junos

import "peerflow/internal/driver/outline"

// Syntax is Junos's: policies and what they use are stanzas by name, and so is a BGP group, which is one session in the
// starter template. They may stand in a configuration group, in braces or as XML (load replace xml). What a change does to sessions wasn't measured.
var Syntax = outline.Syntax{
	Indent: "    ",
	Braces: true,
	XML:    true,
	End:    ";",
	Classes: []outline.Class{
		{Path: []string{"policy-options", "prefix-list *"}},
		{Path: []string{"policy-options", "route-filter-list *"}},
		{Path: []string{"policy-options", "community *"}},
		{Path: []string{"policy-options", "as-path *"}},
		{Path: []string{"policy-options", "policy-statement *"}},
		{Path: []string{"routing-instances", "instance *", "protocols", "bgp", "group *"}, Session: true}, // in XML
		{Path: []string{"routing-instances", "*", "protocols", "bgp", "group *"}, Session: true},
		{Path: []string{"protocols", "bgp", "group *"}, Session: true},
	},
}
