package cmd

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"peerflow/api"
	"peerflow/internal/peering"
)

func (a *app) userCommands() *cobra.Command {
	var roles []string
	add := &cobra.Command{Use: "add NAME", Short: "Add a person who may log in", Args: takes("a name"), RunE: func(cc *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		var user peering.User
		err = c.call(cc.Context(), http.MethodPost, "/api/v1/users", map[string]any{"name": args[0], "roles": roles}, &user)
		return a.say(user, err, fmt.Sprintf("user/%d %s: make a login with peerflow token add %s", user.ID, user.Name, user.Name))
	}}
	add.Flags().StringSliceVar(&roles, "role", []string{"viewer"}, "viewer, operator, approver, admin, emergency")
	return group("user", "People who may log in", add, a.userList())
}

func (a *app) userList() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List people", Args: takes(), RunE: func(cc *cobra.Command, _ []string) error {
		return show(cc, a, "/api/v1/users", func(s Screen, users []peering.User) {
			rows := [][]string{{"USER", "NAME", "ROLES", "ACTIVE"}}
			for _, u := range users {
				rows = append(rows, []string{fmt.Sprint(u.ID), u.Name, roleList(u.Roles), fmt.Sprint(u.Active)})
			}
			s.table(rows)
		})
	}}
}

func roleList(roles []peering.Role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = string(r)
	}
	return strings.Join(words, ",")
}

func (a *app) tokenCommands() *cobra.Command {
	var name string
	var roles []string
	add := &cobra.Command{Use: "add USER", Short: "Make a token; it is printed once", Args: takes("a user"), RunE: func(cc *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		users, err := list[peering.User](cc.Context(), c, "/api/v1/users")
		if err != nil {
			return err
		}
		for _, u := range users {
			if u.Name != args[0] && fmt.Sprint(u.ID) != args[0] {
				continue
			}
			if len(roles) == 0 {
				roles = strings.Split(roleList(u.Roles), ",")
			}
			var made api.MintedToken
			err := c.call(cc.Context(), http.MethodPost, fmt.Sprintf("/api/v1/users/%d/tokens", u.ID), map[string]any{"name": name, "roles": roles}, &made)
			return a.say(made, err, made.Clear)
		}
		return peering.Errorf(peering.NotFound, "there is no user %s", args[0])
	}}
	add.Flags().StringVar(&name, "name", "command line", "what uses it")
	add.Flags().StringSliceVar(&roles, "role", nil, "narrows the person's roles")
	return group("token", "Logins of people's programs", add)
}

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
		var made api.SecretView
		err = c.call(cc.Context(), http.MethodPut, "/api/v1/secrets/"+url.PathEscape(args[0]), map[string]string{"value": value}, &made)
		return a.say(made, err, fmt.Sprintf("secret/%d %s: version %d", made.ID, made.Name, made.Version))
	}}
	return group("secret", "Passwords and keys, sealed at rest", set)
}
