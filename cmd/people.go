package cmd

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"peerflow/api"
	"peerflow/db"
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
	return group("user", "People who may log in", add, a.userList(), a.userFirst())
}

// FirstAdmin makes the first administrator with a token of that name. While
// nobody ever logged in, the token may have been lost on its way to that person: it
// is revoked then, and another one made. "" where somebody may log in already.
func FirstAdmin(ctx context.Context, database *db.DB, name, token string) (clear string, err error) {
	by := peering.Actor{Kind: peering.ActorSystem, Name: "peerflow"}
	users, err := database.Users(ctx)
	if err != nil {
		return "", err
	}
	active := slices.DeleteFunc(users, func(u peering.User) bool { return !u.Active })
	var admin peering.User
	switch {
	case len(active) == 0:
		admin, err = database.CreateUser(ctx, by, name, []peering.Role{peering.Admin, peering.Emergency})
	case len(active) == 1 && active[0].Name == name:
		admin = active[0]
		var used bool
		if used, err = revokeUnused(ctx, database, by, admin); used {
			return "", nil
		}
	default:
		return "", nil
	}
	if err != nil {
		return "", err
	}
	clear, _, err = database.MintToken(ctx, by, admin.ID, token, admin.Roles, time.Time{})
	return clear, err
}

// revokeUnused revokes a person's tokens, unless one was used.
func revokeUnused(ctx context.Context, database *db.DB, by peering.Actor, u peering.User) (used bool, err error) {
	tokens, err := database.Tokens(ctx, u.ID)
	if err != nil || slices.ContainsFunc(tokens, func(t peering.Token) bool { return !t.UsedAt.IsZero() }) {
		return err == nil, err
	}
	for _, t := range tokens {
		if !t.RevokedAt.IsZero() {
			continue
		}
		if err := database.RevokeToken(ctx, by, t.ID); err != nil {
			return false, err
		}
	}
	return false, nil
}

func (a *app) userFirst() *cobra.Command {
	return &cobra.Command{Use: "first NAME", Short: "Make the first administrator, on the database itself; the token is printed once", Args: takes("a name"),
		Long: `Makes the first administrator of a new installation and prints the token: there is nobody yet whom the API would let in.
It speaks to PEERFLOW_DATABASE_URL and refuses once somebody else may log in, or NAME did; until then a lost token is replaced. (peerflow up does this by itself.)`,
		RunE: func(cc *cobra.Command, args []string) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			database, err := OpenDatabase(cc.Context(), c, 2)
			if err != nil {
				return err
			}
			defer database.Close()
			if err := database.CheckSchema(cc.Context()); err != nil {
				return err
			}
			token, err := FirstAdmin(cc.Context(), database, args[0], "command line")
			if err == nil && token == "" {
				err = peering.Errorf(peering.Conflict, "somebody may log in already: an administrator adds others with peerflow user add")
			}
			return a.say(map[string]string{"user": args[0], "token": token}, err, token)
		}}
}

func (a *app) userList() *cobra.Command {
	return tableOf(a, "List people", "/api/v1/users", []string{"USER", "NAME", "ROLES", "ACTIVE"}, func(u peering.User) []string {
		return []string{fmt.Sprint(u.ID), u.Name, roleList(u.Roles), fmt.Sprint(u.Active)}
	})
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
