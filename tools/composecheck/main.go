// Composecheck loads a compose file with the library that docker compose itself uses, and says what is wrong with it:
// the form, and references to services, networks and secrets that are not there. It needs no Docker.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	if err := check(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(ctx context.Context, files []string) error {
	options, err := cli.NewProjectOptions(files, cli.WithInterpolation(true), cli.WithConsistency(true))
	if err != nil {
		return err
	}
	_, err = options.LoadProject(ctx)
	return err
}
