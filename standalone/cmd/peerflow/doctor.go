package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"peerflow/cmd"
	"peerflow/standalone/up"
)

func doctorCommand() *cobra.Command {
	var o up.Options
	c := &cobra.Command{
		Use: "doctor", Short: "Check what peerflow up needs: ports, PostgreSQL, keys, clock, disk", Args: cobra.NoArgs,
		Long: `Checks what peerflow up needs, and changes nothing. Each line names one thing, and where something is wrong the remedy.
Where PEERFLOW_DATABASE_URL or PEERFLOW_TEMPORAL_ADDRESS is set, it looks at that database and that Temporal in place of what
up would start here: whether they answer, their versions, what up or peerflow migrate will bring, and the database's clock.
Exit code 0 when all is well, 1 when a check failed.`,
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if o.Given, err = cmd.ConfigFromEnvironment(os.Getenv); err != nil {
				return err
			}
			return diagnose(c, thisMachine().checks(c.Context(), o))
		},
	}
	c.Flags().StringVar(&o.DataDir, "data", orEnv("PEERFLOW_DATA", defaultData), "data folder (PEERFLOW_DATA)")
	c.Flags().StringVar(&o.Listen, "listen", defaultListen, "address of the API that up will be given")
	c.Flags().IntVar(&o.TemporalPort, "temporal-port", defaultTemporalPort, "port of Temporal's gRPC that up will be given")
	return c
}

// diagnosis is one thing that has to be well.
type diagnosis struct {
	what string
	look func() (string, error)
}

// finding is what a look found, as --json prints it.
type finding struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Text  string `json:"text"` // what is there, or what is wrong and the remedy
}

func diagnose(c *cobra.Command, checks []diagnosis) error {
	asJSON, _ := c.Flags().GetBool("json") // the root's flag
	sick := 0
	findings := []finding{}
	for _, d := range checks {
		text, err := d.look()
		mark := "ok  "
		if err != nil {
			sick++
			mark, text = "FAIL", err.Error()
		}
		findings = append(findings, finding{d.what, err == nil, text})
		if !asJSON {
			fmt.Fprintf(c.OutOrStdout(), "%s  %-14s %s\n", mark, d.what, text)
		}
	}
	if asJSON {
		e := json.NewEncoder(c.OutOrStdout())
		e.SetIndent("", "  ")
		if err := e.Encode(findings); err != nil {
			return err
		}
	}
	if sick > 0 {
		return fmt.Errorf("%d of the checks failed", sick)
	}
	return nil
}
