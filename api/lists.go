package api

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"peerflow/internal/peering"
)

// listInput reads filters from the query, whatever their names: the list refuses
// those that it doesn't have, and says which one was probably meant.
type listInput struct {
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"records on a page"`
	Cursor   string `query:"cursor" doc:"next of the page before, which had the same filters and ordering"`
	Ordering string `query:"ordering" enum:"id,-id" doc:"id is oldest first, -id newest first"`

	filters []peering.Filter
}

// Resolve is called by huma with the request.
func (in *listInput) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	in.filters = filtersOf(u.Query())
	return nil
}

// pageParameters are no filters.
var pageParameters = []string{"limit", "cursor", "ordering"}

// filtersOf cuts name__ic into field and operator; the same name again adds a value.
func filtersOf(query url.Values) []peering.Filter {
	var filters []peering.Filter
	for name, values := range query {
		if slices.Contains(pageParameters, name) {
			continue
		}
		field, op, _ := strings.Cut(name, "__")
		filters = append(filters, peering.Filter{Field: field, Op: op, Values: values})
	}
	slices.SortFunc(filters, func(a, b peering.Filter) int { return strings.Compare(a.Field+a.Op, b.Field+b.Op) })
	return filters
}

// filterParameters describes filters as query parameters, one for each field:
// its operators are named there, since seven parameters a field help nobody.
func filterParameters(fields []peering.FilterField) []*huma.Param {
	var params []*huma.Param
	for _, f := range fields {
		about := "any of these"
		if f.Every {
			about = "all of these"
		}
		if len(f.Operators) > 0 {
			about += "; also " + f.Name + "__" + strings.Join(f.Operators, ", __")
		}
		if f.Name == "q" {
			about = "words that have to be found, all of them, in the record's names and texts"
		}
		explode := true
		params = append(params, &huma.Param{Name: f.Name, In: "query", Style: "form", Explode: &explode, Description: about,
			Schema: &huma.Schema{Type: "array", Items: filterSchema(f)}})
	}
	return params
}

func filterSchema(f peering.FilterField) *huma.Schema {
	item := &huma.Schema{Type: "string"}
	switch f.Type {
	case "integer", "boolean":
		item.Type = f.Type
	case "AS number":
		item = asnSchema{}.Schema(nil)
	case "date-time":
		item.Format = f.Type
	case "address":
		item.Description = "an IP address"
	}
	for _, v := range f.Values {
		item.Enum = append(item.Enum, v)
	}
	return item
}

// page is one page of a list.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next" doc:"cursor of the page after; empty on the last one"`
}

func listing[T any](store Store[T]) func(context.Context, *listInput) (*answer[page[T]], error) {
	return func(ctx context.Context, in *listInput) (*answer[page[T]], error) { return run(ctx, in, store.List) }
}

// run asks for the page that the input names.
func run[T any](ctx context.Context, in *listInput, list func(context.Context, []peering.Filter, peering.Page) (peering.List[T], error)) (*answer[page[T]], error) {
	found, err := list(ctx, in.filters, peering.Page{After: in.Cursor, Limit: in.Limit, Order: in.Ordering})
	return say(page[T]{Items: orEmpty(found.Items), Next: found.Next}, err)
}

// everyPage walks through a whole list; for lists that stay short.
func everyPage[T any](ctx context.Context, list func(context.Context, []peering.Filter, peering.Page) (peering.List[T], error), filters ...peering.Filter) ([]T, error) {
	var all []T
	next := peering.Page{Limit: 1000}
	for {
		found, err := list(ctx, filters, next)
		if err != nil {
			return nil, err
		}
		all = append(all, found.Items...)
		if next.After = found.Next; next.After == "" {
			return all, nil
		}
	}
}

// among is a filter for a field with any of these numbers.
func among(field string, ids ...int64) peering.Filter {
	f := peering.Filter{Field: field}
	for _, id := range ids {
		f.Values = append(f.Values, strconv.FormatInt(id, 10))
	}
	return f
}
