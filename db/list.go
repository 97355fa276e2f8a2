package db

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/bgp"
	"peerflow/internal/peering"
)

// listing says by which fields a noun's list may be filtered. Optional filters
// would spoil prepared plans, so that these queries are put together here, from
// the expressions below and bound arguments alone.
type listing struct {
	table  string
	fields map[string]field
	search []string // expressions that the filter q looks into
	newest bool     // newest first, unless the page asks for another order
	bare   bool     // without the filters that nouns have
	tagged bool     // has the filter tag
}

// field is one filter: an SQL expression over the table t, and how its values are read.
type field struct {
	expr   string
	join   string // tables beside t that expr reads, each with one row for t at most: a subquery would run for each row
	each   string // instead of expr: a condition that each value has to meet, with %s for its place
	kind   valueKind
	values []string // of an enum
}

// valueKind reads filter values and knows which operators make sense.
type valueKind struct {
	name      string // as the API's description calls it
	sqlType   string
	parse     func(string) (any, error)
	operators []string
}

var (
	ordered = []string{"", "n", "gt", "gte", "lt", "lte", "isnull"}
	worded  = []string{"", "n", "ic", "isw", "isnull"}
	exact   = []string{"", "n", "isnull"}
)

var (
	number   = valueKind{"integer", "bigint", func(s string) (any, error) { return read(strconv.ParseInt(s, 10, 64))("it is no number") }, ordered}
	asNumber = valueKind{"AS number", "bigint", func(s string) (any, error) { n, err := bgp.ParseASN(s); return int64(n), err }, ordered}
	moment   = valueKind{"date-time", "timestamptz", func(s string) (any, error) {
		return read(time.Parse(time.RFC3339, s))("write it as 2026-01-31T15:04:05Z")
	}, ordered}
	word = valueKind{"string", "text", func(s string) (any, error) { return s, nil }, worded}
	flag = valueKind{"boolean", "boolean", func(s string) (any, error) { return read(strconv.ParseBool(s))("it is true or false") }, exact}
	host = valueKind{"address", "inet", func(s string) (any, error) {
		a, err := netip.ParseAddr(s)
		return read(a.Unmap(), err)("it is no IP address")
	}, exact}
)

// read says in our words what a parser's error means.
func read[T any](v T, err error) func(remedy string) (any, error) {
	return func(remedy string) (any, error) {
		if err != nil {
			return nil, errors.New(remedy)
		}
		return v, nil
	}
}

// oneOf is an enum; values is sqlc's list of them.
func oneOf[E ~string](values func() []E, expr string) field {
	var names []string
	for _, v := range values() {
		names = append(names, string(v))
	}
	parse := func(s string) (any, error) {
		if !slices.Contains(names, s) {
			return nil, fmt.Errorf("it is one of %s", strings.Join(names, ", "))
		}
		return s, nil
	}
	return field{expr: "(" + expr + ")::text", kind: valueKind{"string", "text", parse, worded}, values: names}
}

// everywhere are the filters that each noun has.
var everywhere = map[string]field{
	"id":         {expr: "t.id", kind: number},
	"created_at": {expr: "t.created_at", kind: moment},
	"updated_at": {expr: "t.updated_at", kind: moment},
}

const (
	defaultPage = 100
	largestPage = 1000
)

// listQuery is one list, ready to run.
type listQuery struct {
	sql   string
	joins []string
	args  []any
	limit int
	down  bool // from the highest id to the lowest
}

// query puts a list together; kind invalid names the field, operator or value that can't be.
func (l listing) query(filters []peering.Filter, page peering.Page) (listQuery, error) {
	q := listQuery{limit: page.Limit}
	if q.limit == 0 {
		q.limit = defaultPage
	}
	if q.limit < 0 || q.limit > largestPage {
		return q, peering.Errorf(peering.Invalid, "a page has 1 to %d records, not %d", largestPage, page.Limit)
	}
	var err error
	if q.down, err = l.descends(page.Order); err != nil {
		return q, err
	}
	conditions, err := q.start(page.After)
	if err != nil {
		return q, err
	}
	for _, f := range filters {
		condition, err := l.condition(&q, f)
		if err != nil {
			return q, err
		}
		conditions = append(conditions, condition)
	}
	order := "t.id"
	if q.down {
		order += " DESC"
	}
	from := strings.Join(append([]string{l.table + " t"}, q.joins...), " LEFT JOIN ")
	q.sql = fmt.Sprintf("SELECT t.id FROM %s WHERE %s ORDER BY %s LIMIT %d", from, strings.Join(conditions, " AND "), order, q.limit+1)
	return q, nil
}

// descends tells which way a list goes through its records.
func (l listing) descends(order string) (bool, error) {
	switch order {
	case "":
		return l.newest, nil
	case peering.OldestFirst:
		return false, nil
	case peering.NewestFirst:
		return true, nil
	}
	return false, peering.Errorf(peering.Invalid, "lists are ordered by %s or %s, not by %q", peering.OldestFirst, peering.NewestFirst, clip(order))
}

// start is the condition that a page begins with: past the cursor of the one before.
func (q *listQuery) start(after string) ([]string, error) {
	if after == "" {
		return []string{"true"}, nil
	}
	id, err := strconv.ParseInt(after, 10, 64)
	if err != nil || id < 0 {
		return nil, peering.Errorf(peering.Invalid, "%q is no cursor: give the one of the page before", after)
	}
	if q.down {
		return []string{"t.id < " + q.bind(id)}, nil
	}
	return []string{"t.id > " + q.bind(id)}, nil
}

// bind adds an argument and gives its place.
func (q *listQuery) bind(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

// page runs a list on one unchanging view, and loads what it found.
func page[T any](ctx context.Context, d *DB, l listing, load func(context.Context, *dbsqlc.Queries, []int64) ([]T, error), filters []peering.Filter, p peering.Page) (peering.List[T], error) {
	query, err := l.query(filters, p)
	if err != nil {
		return peering.List[T]{}, err
	}
	var out peering.List[T]
	err = d.read(ctx, func(tx pgx.Tx, q *dbsqlc.Queries) error {
		ids, next, err := query.ids(ctx, tx)
		if err != nil {
			return err
		}
		out.Next = next
		if out.Items, err = load(ctx, q, ids); query.down {
			slices.Reverse(out.Items) // loaded by id
		}
		return err
	})
	return out, err
}

// ids runs the list; next is the cursor of the page after it, "" on the last one.
func (q listQuery) ids(ctx context.Context, tx pgx.Tx) (ids []int64, next string, err error) {
	rows, err := tx.Query(ctx, q.sql, q.args...)
	if err != nil {
		return nil, "", err
	}
	ids, err = pgx.CollectRows(rows, pgx.RowTo[int64])
	if err == nil && len(ids) > q.limit {
		ids = ids[:q.limit]
		next = strconv.FormatInt(ids[q.limit-1], 10)
	}
	return ids, next, err
}

func (l listing) condition(q *listQuery, f peering.Filter) (string, error) {
	if err := storable(f); err != nil {
		return "", err
	}
	if f.Field == "q" && f.Op == "" && len(l.search) > 0 {
		return l.matches(q, f)
	}
	found, ok := l.field(f.Field)
	if !ok {
		return "", peering.Errorf(peering.Invalid, "%s has no filter %q%s", noun(l.table), f.Field, l.suggest(f.Field))
	}
	if !slices.Contains(found.kind.operators, f.Op) {
		return "", peering.Errorf(peering.Invalid, "filter %s has no operator %q: it has %s", f.Field, f.Op, operatorNames(found.kind.operators))
	}
	if len(f.Values) == 0 {
		return "", peering.Errorf(peering.Invalid, "filter %s has no value", f.Field)
	}
	if found.join != "" && !slices.Contains(q.joins, found.join) {
		q.joins = append(q.joins, found.join)
	}
	return found.condition(q, f)
}

// storable refuses letters that no text in the database can hold.
func storable(f peering.Filter) error {
	for _, v := range f.Values {
		if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
			return peering.Errorf(peering.Invalid, "filter %s: a value isn't text", f.Field)
		}
	}
	return nil
}

func (l listing) field(name string) (field, bool) {
	if f, ok := l.fields[name]; ok || l.bare {
		return f, ok
	}
	if name == "tag" && l.tagged {
		return tagSlugs(l.table), true
	}
	f, ok := everywhere[name]
	return f, ok
}

// matches looks for all values in any of the searched texts.
func (l listing) matches(q *listQuery, f peering.Filter) (string, error) {
	var all []string
	for _, v := range f.Values {
		place := q.bind("%" + likeEscape.Replace(v) + "%")
		var either []string
		for _, expr := range l.search {
			either = append(either, fmt.Sprintf("(%s)::text ILIKE %s", expr, place))
		}
		all = append(all, "("+strings.Join(either, " OR ")+")")
	}
	if len(all) == 0 {
		return "", peering.Errorf(peering.Invalid, "filter q has no value")
	}
	return strings.Join(all, " AND "), nil
}

// likeEscape keeps a value from acting as a pattern.
var likeEscape = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`)

var comparisons = map[string]string{"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}

func (f field) condition(q *listQuery, filter peering.Filter) (string, error) {
	switch filter.Op {
	case "isnull":
		return f.isNull(filter)
	case "ic", "isw":
		return f.like(q, filter), nil
	}
	values := make([]any, len(filter.Values))
	for i, text := range filter.Values {
		v, err := f.kind.parse(text)
		if err != nil {
			return "", peering.Errorf(peering.Invalid, "filter %s: %q doesn't fit: %w", filter.Field, text, err)
		}
		values[i] = v
	}
	if f.each != "" {
		return f.ofEach(q, filter.Op, values), nil
	}
	if operator, ok := comparisons[filter.Op]; ok {
		if len(values) > 1 {
			return "", peering.Errorf(peering.Invalid, "filter %s__%s takes one value", filter.Field, filter.Op)
		}
		return fmt.Sprintf("%s %s %s::%s", f.expr, operator, q.bind(values[0]), f.kind.sqlType), nil
	}
	any := f.equals(q, values)
	if filter.Op == "n" {
		return "(" + any + ") IS NOT TRUE", nil // nothing is not equal to something, too
	}
	return any, nil
}

// equals asks for any of the values. Several are one argument: a statement for each number of
// them would stay prepared on every connection, half a megabyte each with a thousand places.
func (f field) equals(q *listQuery, values []any) string {
	if len(values) == 1 {
		return fmt.Sprintf("(%s) = %s::%s", f.expr, q.bind(values[0]), f.kind.sqlType)
	}
	return fmt.Sprintf("(%s) = ANY(%s::%s[])", f.expr, q.bind(values), f.kind.sqlType)
}

// ofEach asks for what meets the condition with each value, or with the operator n with none.
func (f field) ofEach(q *listQuery, op string, values []any) string {
	var met []string
	for _, v := range values {
		met = append(met, fmt.Sprintf(f.each, q.bind(v)+"::"+f.kind.sqlType))
	}
	if op == "n" {
		return "NOT (" + strings.Join(met, " OR ") + ")"
	}
	return strings.Join(met, " AND ")
}

func (f field) isNull(filter peering.Filter) (string, error) {
	want, err := strconv.ParseBool(filter.Values[0])
	if err != nil || len(filter.Values) > 1 {
		return "", peering.Errorf(peering.Invalid, "filter %s__isnull is true or false", filter.Field)
	}
	if want {
		return "(" + f.expr + ") IS NULL", nil
	}
	return "(" + f.expr + ") IS NOT NULL", nil
}

// like finds texts that contain, or start with, any of the values, whatever their case.
func (f field) like(q *listQuery, filter peering.Filter) string {
	var either []string
	for _, v := range filter.Values {
		pattern := likeEscape.Replace(v) + "%"
		if filter.Op == "ic" {
			pattern = "%" + pattern
		}
		either = append(either, fmt.Sprintf("(%s)::text ILIKE %s", f.expr, q.bind(pattern)))
	}
	return "(" + strings.Join(either, " OR ") + ")"
}

// describe lists the filters for those who write them, by name.
func (l listing) describe() []peering.FilterField {
	names := l.names()
	slices.Sort(names)
	list := make([]peering.FilterField, 0, len(names)+1)
	for _, name := range names {
		f, _ := l.field(name)
		list = append(list, peering.FilterField{Name: name, Type: f.kind.name, Values: f.values, Operators: f.kind.operators[1:], Every: f.each != ""})
	}
	if len(l.search) > 0 {
		list = append(list, peering.FilterField{Name: "q", Type: "string"})
	}
	return list
}

// names are the fields of the filters: the noun's own, in order, then those that all have.
func (l listing) names() []string {
	names := slices.Sorted(maps.Keys(l.fields))
	if l.tagged {
		names = append(names, "tag")
	}
	if !l.bare {
		names = append(names, slices.Sorted(maps.Keys(everywhere))...)
	}
	return names
}

func operatorNames(operators []string) string {
	names := slices.Clone(operators)
	names[0] = "equality"
	return strings.Join(names, ", ")
}

// suggest names the filter that was probably meant, or all of them.
func (l listing) suggest(name string) string {
	names := l.names()
	if best, near := peering.Nearest(name, names); near {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	return ": it has " + strings.Join(names, ", ")
}
