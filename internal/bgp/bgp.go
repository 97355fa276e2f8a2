// Package bgp holds the words of BGP that have one meaning everywhere: AS
// numbers, address families, session states, prefix limits and roles, with
// their parsing and printing.
//
// It knows nothing of peerflow's records, of routers or of templates, and uses
// the standard library only. Start with asn.go.
package bgp
