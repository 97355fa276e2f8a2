package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"peerflow/internal/peering"
)

// authorize asks for a token, and for the role that the operation names.
// Cookies don't count here: a page can't be made to send a token.
func (s *server) authorize(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	actor, err := s.Guard.actor(r, false)
	if err != nil {
		s.Guard.refuseLogin(w, r, actor, err)
		return
	}
	o, known := ctx.Operation().Metadata["operation"].(operation)
	if !known || !o.openTo(actor) {
		s.Guard.refused.note(r, actor, actByRole, changeOf(ctx), "it needs the role "+o.roles())
		writeProblem(w, r, newProblem(http.StatusForbidden, peering.Denied, "this needs the role "+o.roles()+", which this login doesn't have"))
		return
	}
	next(huma.WithValue(ctx, actorKey{}, actor))
}

// changeOf is the change that a request is about; 0 for none.
func changeOf(ctx huma.Context) int64 {
	if !strings.HasPrefix(ctx.Operation().Path, "/api/v1/changes/{id}") {
		return 0
	}
	id, err := strconv.ParseInt(ctx.Param("id"), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// knownParameters refuses a query parameter that the operation doesn't have: a
// filter with a typing error would list everything.
func (s *server) knownParameters(ctx huma.Context, next func(huma.Context)) {
	op := ctx.Operation()
	if filters, _ := op.Metadata["filters"].(bool); filters {
		next(ctx)
		return
	}
	r, w := humago.Unwrap(ctx)
	var known []string
	for _, p := range op.Parameters {
		if p.In == "query" {
			known = append(known, p.Name)
		}
	}
	for name := range r.URL.Query() {
		if !slices.Contains(known, name) {
			writeProblem(w, r, newProblem(http.StatusUnprocessableEntity, peering.Invalid, unknownParameter(name, known)))
			return
		}
	}
	next(ctx)
}

func unknownParameter(name string, known []string) string {
	if len(name) > 64 {
		name = name[:64] + "…"
	}
	text := "there is no query parameter \"" + name + "\" here"
	if len(known) == 0 {
		return text
	}
	near := slices.MaxFunc(known, func(a, b string) int { return likeness(a, name) - likeness(b, name) })
	if 2*likeness(near, name) >= len(near) {
		return text + ": did you mean \"" + near + "\"?"
	}
	return text + ": it has " + strings.Join(known, ", ")
}

// likeness counts the letters of a that b has in the same order.
func likeness(a, b string) int {
	row := make([]int, len(b)+1)
	for i := range len(a) {
		diagonal := 0
		for j := range len(b) {
			above := row[j+1]
			if a[i] == b[j] {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(above, row[j])
			}
			diagonal = above
		}
	}
	return row[len(b)]
}
