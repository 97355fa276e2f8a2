// Package peering holds what peerflow records and decides: autonomous systems,
// exchanges, routers, sessions and policies, how values are inherited, which
// sessions to plan with a peer, what a change is, and when it may go on.
//
// It has no clock, no network, no disk and no database: everything comes in as
// arguments, so that each rule can be tested alone. Start with session.go for
// the nouns, change.go for the way of a change.
package peering
