package cmd

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
)

// tableOf is a command that lists all records at a path, a row each.
func tableOf[T any](a *app, short, path string, head []string, row func(T) []string) *cobra.Command {
	return &cobra.Command{Use: "list", Short: short, Args: takes(), RunE: func(cc *cobra.Command, _ []string) error {
		return show(cc, a, path, func(s Screen, records []T) { s.table(rowsOf(head, records, row)) })
	}}
}

func rowsOf[T any](head []string, records []T, row func(T) []string) [][]string {
	rows := [][]string{head}
	for _, r := range records {
		rows = append(rows, row(r))
	}
	return rows
}

// recordOf is a command that shows one record of a noun, such as approval-rule: field is what people name it
// by, besides its number, and about reads what else is told of it.
func recordOf[T, V any](a *app, noun, short, field string, about func(context.Context, *Client, T) (V, error), print func(Screen, V)) *cobra.Command {
	what := strings.ReplaceAll(noun, "-", " ")
	arg := strings.ToUpper(noun[strings.LastIndex(noun, "-")+1:])
	return &cobra.Command{Use: "show " + arg, Short: short, Args: takes(article(what)), RunE: func(cc *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		r, err := only[T](cc.Context(), c, what+" "+args[0], "/api/v1/"+noun+"s"+byNameOrID(field, strings.TrimPrefix(args[0], noun+"/")))
		if err != nil {
			return err
		}
		v, err := about(cc.Context(), c, r)
		if err != nil {
			return err
		}
		if a.json {
			return printJSON(a.out, v)
		}
		print(a.screen(), v)
		return nil
	}}
}

func article(noun string) string {
	if strings.ContainsAny(noun[:1], "aeiou") {
		return "an " + noun
	}
	return "a " + noun
}

// itself is all that is told of a record.
func itself[T any](_ context.Context, _ *Client, r T) (T, error) { return r, nil }

// named are names of records by id.
func named[T any](ctx context.Context, c *Client, path string, of func(T) (int64, string)) (map[int64]string, error) {
	records, err := list[T](ctx, c, path)
	names := map[int64]string{}
	for _, r := range records {
		id, name := of(r)
		names[id] = name
	}
	return names, err
}
