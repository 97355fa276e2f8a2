// Package iosxr knows how IOS-XR's configuration is cut into stanzas, for rendering,
// checking and preview. No driver speaks to IOS-XR yet.
package iosxr

import "peerflow/internal/driver/outline"

// Syntax is IOS-XR's: sets and route policies, which have a language of their own up to the line that ends them, are
// stanzas by name, and a neighbor is one with all that is in it. What a change does to sessions wasn't measured.
var Syntax = outline.Syntax{
	Indent: " ",
	Verbatim: map[string]string{
		"prefix-set": "end-set", "community-set": "end-set", "large-community-set": "end-set", "as-path-set": "end-set", "route-policy": "end-policy",
	},
	Classes: []outline.Class{
		{Path: []string{"prefix-set *"}},
		{Path: []string{"community-set *"}},
		{Path: []string{"large-community-set *"}},
		{Path: []string{"as-path-set *"}},
		{Path: []string{"route-policy *"}},
		{Path: []string{"router bgp *", "neighbor *"}, Session: true},
	},
}
