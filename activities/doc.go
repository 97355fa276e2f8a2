// Package activities holds what workflows do to the outside: thin, idempotent
// steps over ports, one struct per outside system.
//
// A writing step takes a deployment's id and nothing else: artifact, router,
// credentials, timer, votes and verdict come from the database, so that a
// workflow started by a stranger can push nothing. No step returns a
// configuration, a diff or a secret: a history carries ids, hashes and counts.
// Each struct declares the port it needs beside it; package db implements them.
package activities
