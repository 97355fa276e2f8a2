package render

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"peerflow/internal/jinja"
	"peerflow/internal/peering"
)

// scribe writes templates over the example network from bytes, by a small grammar: the same bytes give the same template.
type scribe struct {
	bytes []byte
	out   strings.Builder
}

func (s *scribe) next(n int) int {
	if len(s.bytes) == 0 {
		return 0
	}
	b := int(s.bytes[0])
	s.bytes = s.bytes[1:]
	return b % n
}

func (s *scribe) one(of []string) string { return of[s.next(len(of))] }

var (
	scribeNames   = strings.Fields("router sessions autonomous_systems internet_exchange_points bgp_groups routing_policies policies communities local_as x y l d none nothing")
	scribeFields  = slices.Concat(systemNoun.names, contextNoun.names, strings.Fields("status peer_asn ip_address password encrypted_password import_chain families name slug asn connection_set all() first() last() count() ixp_connection autonomous_system bgp_group relationship prefixes ipv4 ipv6 config_context tags contacts get_peering_sessions() policies() netixlan_set created"))
	scribeFilters = slices.Concat(slices.Sorted(maps.Keys(filters)), strings.Fields("map select reject selectattr rejectattr join sort groupby list first last unique batch slice default replace upper string int float tojson pprint xmlattr dictsort items format wordwrap truncate center sum min max attr urlize round random"))
	scribeKeys    = strings.Fields("name asn name__icontains asn__in id__gte family ip_address__family autonomous_system__asn autonomous_system__name__regex name__iregex tags__slug__in relationship__slug__isnull prefixes__ipv4__contains field attribute default order group ixp indent sort_keys chars reset recursive other")
	scribeValues  = strings.Fields("4 6 0 -1 99999999 1.5 'name' 'asn' 'ip_address' '(a|b)*c' '192.0.2.0/24{24,28}' '2001:db8::/32+' '' none true [1,2] {'a':1} (4,6) l d x router sessions 'cisco' 'cisco-type7' local_as")
	scribeTests   = strings.Fields("defined none string mapping iterable odd undefined sequence")
)

// value gives an expression.
func (s *scribe) value(depth int) string {
	v := s.one(scribeNames)
	if s.next(6) == 0 {
		v = s.one(scribeValues)
	}
	for range s.next(4) {
		switch s.next(6) {
		case 0, 1:
			v += "." + s.one(scribeFields)
		case 2:
			v += "[" + s.one(scribeValues) + "]"
		default:
			v = "(" + v + " | " + s.one(scribeFilters) + s.arguments(depth) + ")"
		}
	}
	if depth < 3 && s.next(8) == 0 {
		return "(" + v + ") " + s.one([]string{"+", "-", "*", "~", "==", "<", "in", "and"}) + " (" + s.value(depth+1) + ")"
	}
	return v
}

func (s *scribe) arguments(depth int) string {
	n := max(s.next(6)-3, 0)
	args := make([]string, n)
	for i := range args {
		if i > 0 || s.next(2) == 0 { // keywords come last, each once
			args[i] = scribeKeys[(s.next(len(scribeKeys)/3)*3+i)%len(scribeKeys)] + "="
		}
		if depth < 3 && s.next(3) == 0 {
			args[i] += "(" + s.value(depth+1) + ")"
		} else {
			args[i] += s.one(scribeValues)
		}
	}
	return "(" + strings.Join(args, ", ") + ")"
}

func (s *scribe) statement(depth int) {
	switch kind := s.next(8); {
	case kind == 0 && depth < 3:
		s.out.WriteString("{% for x in " + s.value(0) + " %}")
		s.statement(depth + 1)
		s.out.WriteString("\n{% endfor %}")
	case kind == 1 && depth < 3:
		s.out.WriteString("{% if (" + s.value(0) + ") is " + s.one(scribeTests) + " %}")
		s.statement(depth + 1)
		s.out.WriteString("{% endif %}")
	case kind == 2:
		s.out.WriteString("{% set " + s.one([]string{"x", "y", "l", "d"}) + " = " + s.value(0) + " %}")
	case kind == 3:
		s.out.WriteString("{% do " + s.one([]string{"l.append", "d.update", "l.extend", "d.setdefault"}) + "(" + s.value(0) + ") %}")
	default:
		s.out.WriteString("{{ " + s.value(0) + " }}")
	}
}

func template(bytes []byte) string {
	s := &scribe{bytes: bytes}
	s.out.WriteString("{% set l = [3, 1] %}{% set d = {'a': l} %}{% set x = 1 %}{% set y = 'y' %}")
	for range 1 + s.next(5) {
		s.statement(0)
	}
	return s.out.String()
}

// mostAllocated is what one rendering may allocate altogether, its own limit of memory and what stands beside it (bytes).
const mostAllocated = 4 << 30

// FuzzFilters runs our filters over a network's objects, on what they are meant for and on anything else: a rendering
// gives text or a template's error, soon, and within bounds.
func FuzzFilters(f *testing.F) {
	for i := range 64 {
		bytes := make([]byte, 96)
		for j := range bytes {
			bytes[j] = byte(i*31 + j*j*7 + j*i)
		}
		f.Add(bytes, i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, bytes []byte, lenient bool) {
		if len(bytes) > 2000 {
			return
		}
		source := template(bytes)
		watchdog := time.AfterFunc(2*limit, func() { panic(fmt.Sprintf("still rendering %q", source)) })
		defer watchdog.Stop()
		example := exampleNetwork(t)
		around := surroundings{library: example.library(nil)}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := renderText(around.in(t.Context()), peering.Template{Name: "it", Body: source, Lenient: lenient}, example.variables(job{Router: 1}), traced)
		runtime.ReadMemStats(&after)
		var failed *jinja.Error
		if err != nil && (!errors.As(err, &failed) || failed.Class == jinja.InternalErr) {
			t.Errorf("%v\n%s", err, source)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > mostAllocated {
			t.Errorf("%d bytes allocated for\n%s", used, source)
		}
	})
}

func traced(tmpl *jinja.Template, ctx context.Context, vars *jinja.Dict) (string, error) {
	text, _, err := tmpl.RenderTraced(ctx, vars, recordName)
	return text, err
}
