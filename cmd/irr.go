package cmd

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"peerflow/api"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

func (a *app) irrCommands() *cobra.Command {
	return group("irr", "What the IRR says of networks: prefix lists and AS lists", a.irrShow(), a.irrSet())
}

// listFlags choose one of a network's lists.
type listFlags struct {
	family  int
	numbers bool
}

func (f *listFlags) on(c *cobra.Command) {
	c.Flags().IntVar(&f.family, "family", 0, "the prefix list of this family: 4 or 6")
	c.Flags().BoolVar(&f.numbers, "as-list", false, "the AS numbers in the AS-SET, instead of prefixes")
}

// kind is the list that is meant; "" when none was named.
func (f *listFlags) kind() (peering.IRRKind, error) {
	kind, known := map[int]peering.IRRKind{0: "", 4: peering.IRRPrefixes4, 6: peering.IRRPrefixes6}[f.family]
	switch {
	case !known:
		return "", usage("--family is 4 or 6, and not %d", f.family)
	case f.numbers && kind != "":
		return "", usage("--as-list has no family")
	case f.numbers:
		return peering.IRRNumbers, nil
	}
	return kind, nil
}

// network finds a network by its AS number.
func (a *app) network(ctx context.Context, text string) (c *Client, as peering.AutonomousSystem, err error) {
	asn, err := bgp.ParseASN(text)
	if err != nil {
		return nil, as, usage("%w", err)
	}
	if c, err = a.client(); err != nil {
		return nil, as, err
	}
	as, err = only[peering.AutonomousSystem](ctx, c, asn.String(), "/api/v1/autonomous-systems"+query("asn", fmt.Sprint(uint32(asn))))
	return c, as, err
}

func networkPath(as peering.AutonomousSystem, rest string) string {
	return fmt.Sprintf("/api/v1/autonomous-systems/%d%s", as.ID, rest)
}

// irrReport is what irr show --json prints.
type irrReport struct {
	api.Prefixes
	api.ASList
	Lists api.Lists `json:"lists"`
}

func (a *app) irrShow() *cobra.Command {
	var flags listFlags
	c := &cobra.Command{Use: "show AS64501", Short: "Show what is recorded of a network's lists, or one of them", Args: takes("an AS number"),
		Long: `With --family or --as-list it prints that list, an entry a line, as "irr set"
takes it. Without, how many entries each has, where they come from and since when.`}
	flags.on(c)
	c.RunE = func(cc *cobra.Command, args []string) error {
		kind, err := flags.kind()
		if err != nil {
			return err
		}
		client, as, err := a.network(cc.Context(), args[0])
		if err != nil {
			return err
		}
		var prefixes api.PrefixesView
		var numbers api.ASListView
		if err := client.call(cc.Context(), http.MethodGet, networkPath(as, "/prefixes"), nil, &prefixes); err != nil {
			return err
		}
		if err := client.call(cc.Context(), http.MethodGet, networkPath(as, "/as-list"), nil, &numbers); err != nil {
			return err
		}
		r := irrReport{prefixes.Prefixes, numbers.ASList, prefixes.Lists}
		maps.Copy(r.Lists, numbers.Lists)
		switch {
		case a.json:
			return printJSON(a.out, r)
		case kind != "":
			_, err := io.WriteString(a.out, r.lines(kind))
			return err
		}
		rows := [][]string{{"LIST", "ENTRIES", "FETCHED", "SOURCE"}}
		for _, kind := range slices.Sorted(maps.Keys(r.Lists)) {
			l := r.Lists[kind]
			rows = append(rows, []string{string(kind), fmt.Sprint(l.Entries), l.FetchedAt.Format(time.RFC3339), l.Source})
		}
		a.screen().table(rows)
		return nil
	}
	return c
}

// lines are a list's entries, one a line.
func (r irrReport) lines(kind peering.IRRKind) string {
	var b strings.Builder
	if kind == peering.IRRNumbers {
		for _, asn := range r.ASList.ASList {
			b.WriteString(asn.String() + "\n")
		}
		return b.String()
	}
	for _, e := range *map[peering.IRRKind]*[]peering.PrefixEntry{peering.IRRPrefixes4: r.IPv4, peering.IRRPrefixes6: r.IPv6}[kind] {
		b.WriteString(e.Line() + "\n")
	}
	return b.String()
}

func (a *app) irrSet() *cobra.Command {
	var flags listFlags
	var source string
	var mayEmpty bool
	c := &cobra.Command{Use: "set AS64501 [FILE]", Short: "Record a network's prefix lists or AS list", Args: takesFrom(1, "an AS number", "a file"),
		Long: `Reads FILE, or standard input, in the JSON that bgpq3 and bgpq4 print, or with an
entry a line (192.0.2.0/24, 192.0.2.0/24{25,28}, 192.0.2.0/24+; AS64501):

  bgpq4 -j -6 -A AS-EXAMPLE | peerflow irr set AS64501 --family 6 --source "bgpq4 -A AS-EXAMPLE"
  bgpq4 -j -t AS-EXAMPLE | peerflow irr set AS64501 --as-list

It takes the place of what was recorded. Without --family entries of both families may be there,
and a family without any stays as it is. A list that has entries becomes empty
with --allow-empty alone, as a registry that fails gives nothing, too. peerflow asks no
registry itself; routers get the list with "router deploy".`}
	flags.on(c)
	c.Flags().StringVar(&source, "source", "", "what was asked, in your words")
	c.Flags().BoolVar(&mayEmpty, "allow-empty", false, "the list may become empty")
	c.RunE = func(cc *cobra.Command, args []string) error {
		kind, err := flags.kind()
		if err != nil {
			return err
		}
		text, err := a.read(append(args, "-")[1])
		if err != nil {
			return err
		}
		client, as, err := a.network(cc.Context(), args[0])
		if err != nil {
			return err
		}
		at, lists, err := listsIn(text, kind)
		if err != nil {
			return err
		}
		lists["source"] = source
		var recorded api.Lists
		err = client.call(cc.Context(), http.MethodPut, networkPath(as, at)+query("allow_empty", map[bool]string{true: "true"}[mayEmpty]), lists, &recorded)
		var words []string
		for _, kind := range slices.Sorted(maps.Keys(recorded)) {
			if _, set := lists[cmp.Or(map[peering.IRRKind]string{peering.IRRNumbers: "as_list"}[kind], string(kind))]; set {
				words = append(words, fmt.Sprintf("%s  %s  %s recorded", as.ASN, kind, entries(recorded[kind].Entries)))
			}
		}
		return a.say(recorded, err, strings.Join(words, "\n"))
	}
	return c
}

func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// listsIn reads the lists of a text, and where the API takes them.
func listsIn(text string, kind peering.IRRKind) (at string, body map[string]any, err error) {
	if kind == peering.IRRNumbers {
		numbers, err := peering.ReadASNumbers(text)
		if err != nil {
			return "", nil, usage("%w", err)
		}
		return "/as-list", map[string]any{"as_list": append([]bgp.ASN{}, numbers...)}, nil
	}
	all, err := peering.ReadPrefixes(text)
	if err != nil {
		return "", nil, usage("%w", err)
	}
	if kind != "" {
		return "/prefixes", map[string]any{string(kind): append([]peering.PrefixEntry{}, all...)}, nil
	}
	body = map[string]any{}
	for _, e := range all {
		kind := string(peering.IRRPrefixes4)
		if strings.Contains(e.Prefix, ":") {
			kind = string(peering.IRRPrefixes6)
		}
		list, _ := body[kind].([]peering.PrefixEntry)
		body[kind] = append(list, e)
	}
	if len(body) == 0 {
		return "", nil, usage("there is no entry: --family says which list is meant, and --allow-empty that it may become empty")
	}
	return "/prefixes", body, nil
}
