// Package nxos knows how NX-OS's configuration is cut into stanzas, for rendering,
// checking and preview. No driver speaks to NX-OS yet.
package nxos

import "peerflow/internal/driver/outline"

// Syntax is NX-OS's: lists and route maps are stanzas by name, and a neighbor is one with all that is in it. What a
// change does to sessions wasn't measured.
var Syntax = outline.Syntax{
	Indent: "  ",
	Classes: []outline.Class{
		{Path: []string{"ip prefix-list *"}},
		{Path: []string{"ipv6 prefix-list *"}},
		{Path: []string{"ip as-path access-list *"}},
		{Path: []string{"ip community-list standard *"}},
		{Path: []string{"ip community-list expanded *"}},
		{Path: []string{"route-map *"}},
		{Path: []string{"router bgp *", "neighbor *"}, Session: true},
	},
}
