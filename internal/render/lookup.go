package render

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// lookup is one field__relation__operator=value of Django's.
type lookup struct {
	path     []string
	operator string
	value    jinja.Value
}

// filter keeps the items for which all lookups hold, or with keep false those for which not all do.
func (q *querySet) filter(s *jinja.State, a jinja.Args, keep bool) (*querySet, error) {
	if len(a.Pos) > 0 {
		return nil, jinja.Errorf(jinja.TypeErr, "filter() and exclude() take lookups such as name='x' or name__icontains='x'")
	}
	lookups := make([]lookup, len(a.Kw))
	for i, kw := range a.Kw {
		lookups[i] = parseLookup(kw)
	}
	var kept []jinja.Value
	for _, item := range q.Items() {
		all, err := matchesAll(s, item, lookups)
		if err != nil {
			return nil, err
		}
		if all == keep {
			kept = append(kept, item)
		}
	}
	return q.like(kept), nil
}

func parseLookup(kw jinja.Keyword) lookup {
	path, operator := strings.Split(kw.Name, "__"), "exact"
	if last := path[len(path)-1]; len(path) > 1 && operators[last] != nil {
		path, operator = path[:len(path)-1], last
	}
	return lookup{path, operator, kw.Value}
}

// matchesAll holds lookups against a value. Those that go over the same relation have to hold for one and the same of its
// records, as in one call of Django's filter.
func matchesAll(s *jinja.State, v jinja.Value, lookups []lookup) (bool, error) {
	for len(lookups) > 0 {
		l := lookups[0]
		var ok bool
		var err error
		if len(l.path) == 0 {
			ok, err = operators[l.operator](s, v, l.value)
			lookups = lookups[1:]
		} else {
			var over []lookup
			over, lookups = split(lookups, l.path[0])
			ok, err = matchesOver(s, v, l.path[0], over)
		}
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// split takes out the lookups that go over a relation, and their paths one step on.
func split(lookups []lookup, relation string) (over, rest []lookup) {
	for _, l := range lookups {
		if len(l.path) > 0 && l.path[0] == relation {
			l.path = l.path[1:]
			over = append(over, l)
		} else {
			rest = append(rest, l)
		}
	}
	return over, rest
}

func matchesOver(s *jinja.State, v jinja.Value, relation string, lookups []lookup) (bool, error) {
	if v == jinja.None {
		return matchesAll(s, v, ended(lookups))
	}
	next, err := step(v, relation)
	if err != nil {
		return false, err
	}
	many, ok := next.(*querySet)
	switch {
	case !ok:
		return matchesAll(s, next, lookups)
	case len(many.Items()) == 0:
		return matchesAll(s, jinja.None, ended(lookups))
	}
	for _, row := range many.Items() {
		if ok, err := matchesAll(s, row, lookups); err != nil || ok {
			return ok, err
		}
	}
	return false, nil
}

// ended are lookups that lead nowhere, since a relation on their way is absent.
func ended(lookups []lookup) []lookup {
	out := slices.Clone(lookups)
	for i := range out {
		out[i].path = nil
	}
	return out
}

// follow gives what stands at the end of a path. A relation that is absent gives None.
func follow(v jinja.Value, path []string) ([]jinja.Value, error) {
	if many, ok := v.(*querySet); ok {
		return followAll(many.Items(), path)
	}
	if len(path) == 0 || v == jinja.None {
		return []jinja.Value{v}, nil
	}
	next, err := step(v, path[0])
	if err != nil {
		return nil, err
	}
	return follow(next, path[1:])
}

func followAll(items []jinja.Value, path []string) (out []jinja.Value, err error) {
	if len(items) == 0 {
		return []jinja.Value{jinja.None}, nil
	}
	for _, item := range items {
		found, err := follow(item, path)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// step is one part of a path: an attribute, or a key of data.
func step(v jinja.Value, name string) (jinja.Value, error) {
	if data, ok := v.(*jinja.Dict); ok {
		if item, ok := data.GetStr(name); ok {
			return item, nil
		}
		return jinja.None, nil
	}
	if family, ok := v.(jinja.Object); ok && name == "family" {
		if version, ok := family.Attr("version"); ok {
			return version, nil
		}
	}
	if row, ok := v.(jinja.Object); ok {
		if attr, ok := row.Attr(name); ok {
			return attr, nil
		}
	}
	return nil, noField(v, name)
}

// noField names what was probably meant.
func noField(v jinja.Value, name string) error {
	return jinja.Errorf("FieldError", "Cannot resolve keyword '%s' into field: %s has no such field or lookup%s", name, v.TypeName(), nearField(v, name))
}

// nearField suggests an attribute of a record, or a lookup on it.
func nearField(v jinja.Value, name string) string {
	row, ok := v.(object)
	if !ok {
		return ""
	}
	known := slices.Concat(row.noun().names, operatorNames)
	if session, ok := v.(*Session); ok && session.Ours != nil {
		known = append(known, slices.Sorted(maps.Keys(oursFields))...)
	}
	if best, near := peering.Nearest(name, known); near {
		return fmt.Sprintf(", did you mean %q?", best)
	}
	return ""
}

type operator func(s *jinja.State, have, want jinja.Value) (bool, error)

// operators are Django's lookups. Nothing compares with an absent value but "isnull" and "exact" with None.
var operators = map[string]operator{
	"exact":       exact,
	"iexact":      onText(func(have, want string) bool { return strings.EqualFold(have, want) }),
	"contains":    contains,
	"icontains":   onText(func(have, want string) bool { return strings.Contains(lower(have), lower(want)) }),
	"startswith":  onText(strings.HasPrefix),
	"istartswith": onText(func(have, want string) bool { return strings.HasPrefix(lower(have), lower(want)) }),
	"endswith":    onText(strings.HasSuffix),
	"iendswith":   onText(func(have, want string) bool { return strings.HasSuffix(lower(have), lower(want)) }),
	"regex":       matching(""),
	"iregex":      matching("(?i)"),
	"gt":          ordered(">"),
	"gte":         ordered(">="),
	"lt":          ordered("<"),
	"lte":         ordered("<="),
	"range":       between,
	"in":          in,
	"isnull": func(s *jinja.State, have, want jinja.Value) (bool, error) {
		yes, err := s.Truth(want)
		return (have == jinja.None) == yes, err
	},
}

// operatorNames are listed apart, as the operators' own messages name them.
var operatorNames = strings.Fields("exact iexact contains icontains startswith istartswith endswith iendswith regex iregex gt gte lt lte range in isnull")

var lower = strings.ToLower

// exact compares as the database does: records by id too, addresses by their text.
func exact(s *jinja.State, have, want jinja.Value) (bool, error) {
	if have == jinja.None || want == jinja.None {
		return have == want, nil
	}
	return same(s, have, want)
}

func same(s *jinja.State, have, want jinja.Value) (bool, error) {
	want, err := coerced(have, want)
	if err != nil {
		return false, err
	}
	if _, isText := want.(jinja.Str); isText {
		switch have.(type) {
		case subnet, mac, instant:
			text, err := s.Text(have)
			return err == nil && jinja.Str(text) == want, err
		}
	}
	if x, ok := prefixOf(have); ok {
		read, _ := readAddress(want)
		y, ok := prefixOf(read)
		return ok && x == y, nil
	}
	_, isRow := have.(object)
	if row, ok := want.(object); ok != isRow { // a record is as good as its id
		if ok {
			want, _ = keyOf(row)
		} else {
			have, _ = keyOf(have)
		}
	}
	return s.Equal(have, want)
}

// coerced is a value as the database compares it with one of another type: text with numbers as a number, numbers with text
// as text.
func coerced(have, want jinja.Value) (jinja.Value, error) {
	if key, ok := keyOf(have); ok {
		have = key
	}
	switch have.(type) {
	case jinja.Int:
		if text, ok := want.(jinja.Str); ok {
			n, err := strconv.ParseInt(string(text), 10, 64)
			if err != nil {
				return nil, jinja.Errorf(jinja.ValueErr, "a number was expected, and not %.40q", string(text))
			}
			return jinja.Int(n), nil
		}
	case jinja.Str:
		if n, ok := want.(jinja.Int); ok {
			return jinja.Str(jinja.Repr(n)), nil
		}
	}
	return want, nil
}

// prefixOf is an address as the database compares it: one without a length has its full one.
func prefixOf(v jinja.Value) (netip.Prefix, bool) {
	switch v := v.(type) {
	case address:
		return netip.PrefixFrom(v.Addr, v.BitLen()), true
	case hosted:
		return v.Prefix, true
	}
	return netip.Prefix{}, false
}

// onText compares texts; what isn't text is printed first, as a database does.
func onText(holds func(have, want string) bool) operator {
	return func(s *jinja.State, have, want jinja.Value) (bool, error) {
		if have == jinja.None || want == jinja.None {
			return false, nil
		}
		a, err := s.Text(have)
		if err != nil {
			return false, err
		}
		b, err := s.Text(want)
		return err == nil && holds(a, b), err
	}
}

// contains looks for text in text, or for all of a list in a list.
func contains(s *jinja.State, have, want jinja.Value) (bool, error) {
	list, ok := have.(*jinja.List)
	if !ok {
		return onText(strings.Contains)(s, have, want)
	}
	wanted, err := s.Items(want)
	if err != nil {
		return false, err
	}
	for _, w := range wanted {
		if ok, err := in(s, w, list); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// The longest that a lookup's pattern and the text it is held against may be, in bytes: the time that a match takes grows
// with their product.
const (
	longestPattern = 512
	longestSubject = 64 << 10
)

func matching(flags string) operator {
	return func(s *jinja.State, have, want jinja.Value) (bool, error) {
		pattern, err := s.Text(want)
		if err != nil || have == jinja.None {
			return false, err
		}
		text, err := s.Text(have)
		if err != nil {
			return false, err
		}
		if len(pattern) > longestPattern || len(text) > longestSubject {
			return false, jinja.Errorf(jinja.ValueErr, "regex and iregex take a pattern of at most %d bytes and look at texts of at most %d", longestPattern, longestSubject)
		}
		if err := s.Work(1 + (len(pattern)*(len(pattern)+len(text)))/64); err != nil {
			return false, err
		}
		re, err := regexp.Compile(flags + pattern)
		if err != nil {
			return false, jinja.Errorf(jinja.ValueErr, "%.200s", err)
		}
		return re.MatchString(text), nil
	}
}

func ordered(op string) operator {
	return func(s *jinja.State, have, want jinja.Value) (bool, error) {
		if have == jinja.None || want == jinja.None {
			return false, nil
		}
		want, err := coerced(have, want)
		if err != nil {
			return false, err
		}
		return s.Ordered(op, have, want)
	}
}

func between(s *jinja.State, have, want jinja.Value) (bool, error) {
	ends, err := s.Items(want)
	if err != nil || len(ends) != 2 || have == jinja.None {
		return false, err
	}
	above, err := s.Ordered(">=", have, ends[0])
	if err != nil || !above {
		return false, err
	}
	return s.Ordered("<=", have, ends[1])
}

func in(s *jinja.State, have, want jinja.Value) (bool, error) {
	wanted, err := s.Items(want)
	if err != nil || have == jinja.None {
		return false, err
	}
	for _, w := range wanted {
		if ok, err := exact(s, have, w); err != nil || ok {
			return ok, err
		}
	}
	return false, nil
}
