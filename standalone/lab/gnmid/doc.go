// Package gnmid is a router for tests and the demo that is managed over gNMI: a
// strict OpenConfig target on top of an in-process GoBGP speaker, with real TCP
// sessions, a running and a boot configuration, and the commit-confirmed and
// master-arbitration extensions held to their specifications.
//
// It is our own server. It proves wire format, authentication, schema handling,
// rollback and sessions; it proves no vendor's quirks. The schema (schema.go) is
// an allow-list of the OpenConfig leaves that it implements: any other leaf is
// refused with its path, as a strict router does.
//
// Configurations speak documentation addresses; Config.Addresses maps them to
// the loopback addresses on which the sessions really run. Start with target.go.
package gnmid
