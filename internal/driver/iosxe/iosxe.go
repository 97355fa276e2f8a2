// Package iosxe knows how IOS's and IOS-XE's configuration is cut into stanzas, for rendering,
// checking and preview. No driver speaks to IOS-XE yet.
package iosxe

import "peerflow/internal/driver/outline"

// Syntax is IOS's and IOS-XE's: lists and route maps are stanzas by name, and a neighbor is one with its lines in every
// address family. What a change does to sessions wasn't measured.
var Syntax = outline.Syntax{
	Indent: " ",
	Closes: map[string]string{"address-family": "exit-address-family"},
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
