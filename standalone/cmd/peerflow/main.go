// Command peerflow is the binary with everything in it: the operator's commands
// and the production processes of the lean one, and `up`, which runs PostgreSQL,
// Temporal, the worker and the API in one process tree.
package main

import (
	"context"
	"os"

	"peerflow/cmd"
)

func main() {
	os.Exit(cmd.Run(context.Background(), os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr, upCommand(), doctorCommand()))
}
