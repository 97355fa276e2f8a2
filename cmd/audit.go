package cmd

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"peerflow/internal/peering"
)

func (a *app) auditCommands() *cobra.Command {
	var refused bool
	var who string
	var change int64
	var since time.Duration
	var most int
	c := &cobra.Command{Use: "list", Short: "List what doors refused or did, newest first", Args: takes(),
		Long: `Lists refused logins, roles, pages, names, decisions and approval codes, calls to the embedded Temporal without
its secret, the decisions that counted, and what somebody had Temporal do past peerflow ("Temporal: " and the call).
Needs the role admin. TIMES is how often the like was refused or done within a minute.`}
	c.Flags().BoolVar(&refused, "refused", false, "only what was refused")
	c.Flags().StringVar(&who, "user", "", "only this person's (name)")
	c.Flags().Int64Var(&change, "change", 0, "only on this change")
	c.Flags().DurationVar(&since, "since", 0, "only of the last while, such as 24h; 0 is all")
	c.Flags().IntVar(&most, "limit", 100, "events at most; 0 is all")
	c.RunE = func(cc *cobra.Command, _ []string) error {
		q := url.Values{}
		if refused {
			q.Set("refused", "true")
		}
		if who != "" {
			q.Set("user", who)
		}
		if change != 0 {
			q.Set("change_id", strconv.FormatInt(change, 10))
		}
		if since != 0 {
			q.Set("at__gte", time.Now().Add(-since).UTC().Format(time.RFC3339))
		}
		return showSome(cc, a, most, "/api/v1/audit?"+q.Encode(), func(s Screen, events []peering.AuditEvent) {
			rows := [][]string{{"AT", "WHO", "DOOR", "ACT", "TIMES", "", "WHAT"}}
			for _, e := range events {
				word := ""
				if e.Refused {
					word = "refused"
				}
				rows = append(rows, []string{e.At.Format("2006-01-02 15:04:05"), e.User, string(e.Door), e.Act, fmt.Sprint(e.Times), word, e.Text})
			}
			s.table(rows)
		})
	}
	return group("audit", "What doors refused or did", c)
}
