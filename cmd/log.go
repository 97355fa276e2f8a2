package cmd

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"peerflow/internal/peering"
)

func (a *app) logCommands() *cobra.Command {
	var object, who string
	var id, change int64
	var since time.Duration
	var most int
	c := &cobra.Command{Use: "list", Short: "List who changed what, newest first", Args: takes(),
		Long: `Lists the writes to records: by whom, in which change's name, and what. --json has
each record before and after. Needs the role operator; entries of people and
their tokens are for the role admin.`}
	c.Flags().StringVar(&object, "object", "", "only of this kind of record, such as session or router")
	c.Flags().Int64Var(&id, "id", 0, "only of the record with this id, with --object")
	c.Flags().StringVar(&who, "user", "", "only by this person (name) or workflow (such as deployment/7)")
	c.Flags().Int64Var(&change, "change", 0, "only in this change's name")
	c.Flags().DurationVar(&since, "since", 0, "only of the last while, such as 24h; 0 is all")
	c.Flags().IntVar(&most, "limit", 100, "entries at most; 0 is all")
	c.RunE = func(cc *cobra.Command, _ []string) error {
		if id != 0 && object == "" {
			return usage("--id is a record of a kind: name it with --object")
		}
		q := url.Values{}
		for field, value := range map[string]string{"object": object, "actor": who, "object_id": numberOr(id), "change_id": numberOr(change)} {
			if value != "" {
				q.Set(field, value)
			}
		}
		if since != 0 {
			q.Set("at__gte", time.Now().Add(-since).UTC().Format(time.RFC3339))
		}
		return showSome(cc, a, most, "/api/v1/change-log?"+q.Encode(), func(s Screen, entries []peering.LogEntry) {
			rows := [][]string{{"AT", "WHO", "CHANGE", "RECORD", "WHAT"}}
			for _, e := range entries {
				rows = append(rows, []string{e.At.Format("2006-01-02 15:04:05"), cmp.Or(e.Actor, string(e.ActorKind)), numberOr(e.ChangeID),
					fmt.Sprintf("%s %d", e.Object, e.ObjectID), e.Action})
			}
			s.table(rows)
		})
	}
	return group("log", "Who changed what", c)
}

// numberOr is a number, and "" for 0.
func numberOr(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
