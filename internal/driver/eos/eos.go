// Package eos knows how EOS's configuration is cut into stanzas, for rendering,
// checking and preview. No driver speaks to EOS yet.
package eos

import "peerflow/internal/driver/outline"

// Syntax is EOS's: lists and route maps are stanzas by name, and a neighbor is one with its lines in every address
// family. What a change does to sessions wasn't measured.
var Syntax = outline.Syntax{
	Indent: "   ",
	Classes: []outline.Class{
		{Path: []string{"ip prefix-list *"}},
		{Path: []string{"ipv6 prefix-list *"}},
		{Path: []string{"ip as-path access-list *"}},
		{Path: []string{"ip community-list *"}},
		{Path: []string{"route-map *"}},
		{Path: []string{"router bgp *", "neighbor *"}, Session: true},
	},
}
