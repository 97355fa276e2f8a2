// Package db keeps everything that peerflow knows in PostgreSQL: the nouns of
// peering, changes with their plans, votes and deployments, what routers were
// seen doing, and a mirror of PeeringDB. It turns rows into the values of
// package peering, and constraints into its kinds of errors.
//
// Every write goes through DB.Write, which is the only way to a transaction and
// leaves a change-log entry and an outbox row beside what it wrote. SQL lives in
// queries/ (typed by sqlc) and, for lists, in list.go; rules that need no
// database belong in package peering. Start with db.go, then noun.go.
package db
