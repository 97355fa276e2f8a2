package cmd

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"peerflow/internal/peering"
)

func (a *app) routerWhy() *cobra.Command {
	return &cobra.Command{Use: "why ROUTER TEXT", Short: "Say where lines on a router come from", Args: takes("a router", "a text"),
		Long: `Looks for lines that hold TEXT in what was deployed to the router last, and names
for each the template line that wrote it and the fields of records that were
printed or decided on.`,
		RunE: func(cc *cobra.Command, args []string) error {
			c, r, err := a.router(cc.Context(), args[0])
			if err != nil {
				return err
			}
			var found struct {
				Items []peering.LineWhy `json:"items"`
			}
			path := fmt.Sprintf("/api/v1/routers/%d/provenance?contains=%s", r.ID, url.QueryEscape(args[1]))
			if err := c.call(cc.Context(), http.MethodGet, path, nil, &found); err != nil {
				return err
			}
			if a.json {
				return printJSON(a.out, found.Items)
			}
			if len(found.Items) == 0 {
				return peering.Errorf(peering.NotFound, "no line of what was deployed to %s holds %q", r.Name, args[1])
			}
			s := a.screen()
			for _, line := range found.Items {
				s.line("%s  %s", s.paint(bold, line.Stanza), strings.TrimSpace(line.Text))
				s.line("  %s", whence(line.LineOrigin))
			}
			return nil
		}}
}

// whence is a line's origin in words.
func whence(o peering.LineOrigin) string {
	if len(o.Places) == 0 {
		return "not known: it was put there before that was kept"
	}
	var words []string
	for _, p := range o.Places {
		words = append(words, fmt.Sprintf("%s line %d", p.Template, p.Line))
	}
	text := "template " + strings.Join(words, ", ")
	for i, f := range o.Fields {
		text += map[bool]string{true: ": ", false: ", "}[i == 0] + f.Record + " " + f.Field
	}
	return text
}
