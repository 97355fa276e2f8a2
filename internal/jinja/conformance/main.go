// Command conformance runs a file of cases and prints each failure, and how many passed and failed.
//
//	go run ./internal/jinja/conformance FILE.json
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"peerflow/internal/jinja/jinjatest"
)

func main() {
	failed, err := run(context.Background(), os.Args[1:], os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (failed int, err error) {
	if len(args) != 1 {
		return 0, fmt.Errorf("usage: conformance FILE.json")
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return 0, err
	}
	cases, err := jinjatest.Read(data)
	if err != nil {
		return 0, err
	}
	for _, c := range cases {
		if fault := c.Check(ctx); fault != nil {
			failed++
			fmt.Fprintf(out, "%s\n  %q\n  %v\n", c.Name, c.Template, fault)
		}
	}
	fmt.Fprintf(out, "%d passed, %d failed\n", len(cases)-failed, failed)
	return failed, nil
}
