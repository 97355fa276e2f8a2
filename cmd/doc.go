// Package cmd is where concrete database, drivers and clients meet their users:
// the processes (API, worker, migration) and the commands that people type.
//
// Operators' commands speak to the API alone, over Client, so that they work
// from any machine; only migrate, api and worker open a database. Nothing here
// may import standalone, which would fatten the lean binary. Start reading at
// Run; parts.go wires the processes, watch.go prints a change on its way.
package cmd
