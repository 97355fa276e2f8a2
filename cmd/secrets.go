package cmd

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"peerflow/internal/peering"
)

func (a *app) secretCommands() *cobra.Command {
	set := &cobra.Command{Use: "set NAME", Short: "Store a secret's new version, read from standard input", Args: takes("a name"), RunE: func(cc *cobra.Command, args []string) error {
		text, err := io.ReadAll(io.LimitReader(a.in, 64<<10))
		if err != nil {
			return err
		}
		value := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
		if strings.Contains(value, "\n") {
			value = string(text) // a private key keeps its last line end
		}
		if value == "" {
			return usage("standard input is empty: peerflow secret set %s < file", args[0])
		}
		c, err := a.client()
		if err != nil {
			return err
		}
		var made peering.Secret
		err = c.call(cc.Context(), http.MethodPut, "/api/v1/secrets/"+url.PathEscape(args[0]), map[string]string{"value": value}, &made)
		return a.say(made, err, fmt.Sprintf("secret/%d %s: version %d", made.ID, made.Name, made.Version))
	}}
	return group("secret", "Passwords and keys, sealed at rest", a.secretList(), set, a.secretDelete())
}

func (a *app) secretList() *cobra.Command {
	head := []string{"SECRET", "NAME", "VERSION", "SET BY", "SET AT", "USED BY"}
	return tableOf(a, "List secrets, without their values, and what uses them", "/api/v1/secrets", head, func(v peering.Secret) []string {
		var uses []string
		for _, u := range v.UsedBy {
			uses = append(uses, fmt.Sprintf("%s with version %d", u, u.Version))
		}
		return []string{fmt.Sprint(v.ID), v.Name, fmt.Sprint(v.Version), v.SetBy, v.SetAt.Format("2006-01-02 15:04"), strings.Join(uses, ", ")}
	})
}

func (a *app) secretDelete() *cobra.Command {
	return &cobra.Command{Use: "delete NAME", Short: "Delete a secret that nothing uses, with all its versions", Args: takes("a name"), RunE: func(cc *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		err = c.call(cc.Context(), http.MethodDelete, "/api/v1/secrets/"+url.PathEscape(args[0]), nil, nil)
		return a.say(map[string]string{"deleted": args[0]}, err, "secret "+args[0]+" deleted")
	}}
}
