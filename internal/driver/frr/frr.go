// Package frr knows how FRR's configuration is cut into stanzas, for rendering,
// checking and preview. No driver speaks to FRR yet.
package frr

import (
	"peerflow/internal/driver/outline"
	"peerflow/internal/peering"
)

// Syntax is FRR's: lists and route maps are stanzas by name, and a neighbor is one with its lines in every address
// family. What was measured was measured on bgpd 8.4, by the tests of the starter template.
var Syntax = outline.Syntax{
	Indent: " ",
	Closes: map[string]string{"route-map": "exit", "router": "exit", "address-family": "exit-address-family"},
	Classes: []outline.Class{
		{Path: []string{"ip prefix-list *"}, Effect: peering.DisruptsRefresh},
		{Path: []string{"ipv6 prefix-list *"}, Effect: peering.DisruptsRefresh},
		{Path: []string{"bgp as-path access-list *"}},
		{Path: []string{"bgp community-list standard *"}},
		{Path: []string{"bgp community-list expanded *"}},
		{Path: []string{"bgp large-community-list standard *"}},
		{Path: []string{"bgp large-community-list expanded *"}},
		{Path: []string{"route-map *"}, Effect: peering.DisruptsRefresh},
		{Path: []string{"router bgp *", "neighbor *"}, Session: true},
	},
	Effects: []outline.Effect{
		{Words: "description", Does: peering.DisruptsNone},
		{Words: "maximum-prefix", Does: peering.DisruptsNone},
		{Words: "route-map", Does: peering.DisruptsRefresh},
	},
}
