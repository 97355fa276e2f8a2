// Command peerflow is the lean binary: the API, the worker, the migration and
// the operator's commands, on a PostgreSQL and a Temporal that run elsewhere.
package main

import (
	"context"
	"os"

	"peerflow/cmd"
)

func main() {
	os.Exit(cmd.Run(context.Background(), os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr))
}
