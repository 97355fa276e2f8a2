package jinja

import (
	"context"
	"slices"
	"strings"
)

// mostTold is how many places, and how many fields, are told of one line at most; and partTold how many fields of what
// was read for one part of it, the last ones. A line that is made of more is a summary, which nobody reads by field.
const (
	mostTold = 256
	partTold = 64
)

// Origin is where one line of the output comes from. Lines may share their slices: they are read, never changed.
type Origin struct {
	Places []Place // template lines that wrote a part of it, in order; at most 256
	Fields []Field // what was read for it of the objects that have a name: printed, or decided on, in order; at most 256
}

// Place is a line of a template.
type Place struct {
	Template string
	Line     int // 1-based
}

// Field is an attribute of one of the host's objects, or a filter applied to it, as "|name".
type Field struct {
	Object string
	Name   string
}

// RenderTraced is Render that also tells where each line of the text comes from: one Origin per line, the last one
// for what follows the last newline. What it remembers counts towards Limits.Memory. Text that a filter changed after
// a macro or block wrote it comes from where it was printed. name gives what an object is called, such as "session 12";
// one that it calls "" isn't told of. Objects must be comparable with ==, as pointers are.
func (t *Template) RenderTraced(ctx context.Context, vars *Dict, name func(Object) string) (string, []Origin, error) {
	return t.render(ctx, vars, newTrace(name))
}

// trace is what a traced rendering remembers. A nil one remembers nothing.
type trace struct {
	name    func(Object) string
	missed  func(Miss) // nil: nobody asks
	known   map[read]int32
	fields  []Field // each thing that was read, once
	noted   []int   // for each of fields where it stands in reads, if it still does
	reads   []int32 // of fields, in order; not again where it was told of just before for the same piece
	claimed int     // reads before it belong to pieces already
	last    captured
}

type read struct {
	object Object
	name   string
}

// nameless is in known for what isn't told of.
const nameless = -1

func newTrace(name func(Object) string) *trace {
	return &trace{name: name, known: map[read]int32{}}
}

// piece is a part of a text that was written at one place: at once, or by several writes that are told alike.
type piece struct {
	start, end int32 // offsets in its buffer
	from, to   int32 // reads that led to it
	line       int32
	follows    bool // a template's own text of several lines: they follow the template's
	tmpl       string
}

// What is remembered takes, roughly, in bytes.
const (
	pieceSize = 48
	fieldSize = 160 // with its place in a map, and its name
	placeSize = 24
	lineSize  = 48
)

// captured is the text that a macro, block or capture gave last, which is usually printed next.
type captured struct {
	text   string
	pieces []piece
}

// noteRead notes that an attribute or a filter was asked of a value.
func (s *State) noteRead(v Value, name string) {
	t := s.trace
	if t == nil {
		return
	}
	object, ok := v.(Object)
	if !ok {
		return
	}
	id, ok := t.known[read{object, name}]
	if !ok {
		s.spend(fieldSize)
		id = t.know(object, name)
	}
	if id == nameless {
		return
	}
	if at := t.noted[id]; at >= max(t.claimed, len(t.reads)-partTold) && at < len(t.reads) && t.reads[at] == id {
		return
	}
	s.spend(4)
	t.noted[id] = len(t.reads)
	t.reads = append(t.reads, id)
}

func (t *trace) know(object Object, name string) int32 {
	id := int32(nameless)
	if called := t.name(object); called != "" {
		id = int32(len(t.fields))
		t.fields, t.noted = append(t.fields, Field{called, name}), append(t.noted, -1)
	}
	t.known[read{object, name}] = id
	return id
}

// mark is where the notes stand; forget drops those after it, which led to nothing.
func (t *trace) mark() int {
	if t == nil {
		return 0
	}
	return len(t.reads)
}

func (t *trace) forget(mark int) {
	if t != nil && mark >= t.claimed {
		t.reads = t.reads[:mark]
	}
}

// noteWritten notes that text went to the output from a place in a template.
func (s *State) noteWritten(text string, line int32, literal bool) {
	t := s.trace
	if t == nil || text == "" {
		return
	}
	from, start := t.claimed, s.out.Len()-len(text)
	if !literal && len(t.last.pieces) > 0 {
		last := t.last
		t.last = captured{}
		if text == last.text {
			s.spend(pieceSize * len(last.pieces))
			for _, p := range last.pieces {
				p.start, p.end = p.start+int32(start), p.end+int32(start)
				s.out.pieces = append(s.out.pieces, p)
			}
			return
		}
		from = int(last.pieces[0].from)
	}
	next := piece{int32(start), int32(s.out.Len()), int32(from), int32(len(t.reads)), line, literal && severalLines(text), s.tmpl}
	t.claimed = len(t.reads)
	if !s.out.extended(next) {
		s.spend(pieceSize)
		s.out.pieces = append(s.out.pieces, next)
	}
}

// severalLines is whether more than nothing follows a line's end.
func severalLines(text string) bool {
	end := strings.IndexByte(text, '\n')
	return end >= 0 && end < len(text)-1
}

// extended makes a piece a part of the one before it where each line's origin stays what it is: nothing was read for
// either of them, or both are on one line of the output.
func (b *buffer) extended(next piece) bool {
	if len(b.pieces) == 0 {
		return false
	}
	last := &b.pieces[len(b.pieces)-1]
	if last.tmpl != next.tmpl || last.line != next.line || last.follows || next.follows {
		return false
	}
	if last.from == last.to && next.from == next.to {
		last.end = next.end
		return true
	}
	text := b.String()
	if strings.IndexByte(text[last.start:last.end], '\n') >= 0 || severalLines(text[next.start:next.end]) {
		return false
	}
	switch {
	case next.from == next.to:
	case last.from == last.to:
		last.from, last.to = next.from, next.to
	case last.to == next.from:
		last.to = next.to
	default: // what was read in between went elsewhere
		return false
	}
	last.end = next.end
	return true
}

// captured keeps what out holds for the moment that it is printed.
func (t *trace) captured(text string, out *buffer) {
	if t != nil {
		t.last = captured{text, out.pieces}
	}
}

// origins cuts the pieces at line ends.
func (s *State) origins() []Origin {
	text := s.out.String()
	lines := make([]Origin, strings.Count(text, "\n")+1)
	s.spend(lineSize * len(lines))
	n := 0
	var places []Place
	for _, p := range s.out.pieces {
		s.step(1)
		fields := s.trace.told(p)
		line := int(p.line)
		for rest := text[p.start:p.end]; rest != ""; {
			part, after, more := strings.Cut(rest, "\n")
			if part != "" {
				if place := (Place{p.tmpl, line}); len(places) == 0 || places[0] != place {
					s.spend(placeSize)
					places = []Place{place}
				}
				s.add(&lines[n], places, fields)
			}
			if more {
				n++
				if p.follows {
					line++
				}
			}
			rest = after
		}
	}
	return lines
}

// told are the last things that were read for a piece, each once, in order.
func (t *trace) told(p piece) (fields []Field) {
	reads := t.reads[max(p.from, p.to-8*partTold):p.to]
	var ids []int32
	for i := len(reads) - 1; i >= 0 && len(ids) < partTold; i-- {
		if !slices.Contains(ids, reads[i]) {
			ids = append(ids, reads[i])
		}
	}
	for _, id := range slices.Backward(ids) {
		fields = append(fields, t.fields[id])
	}
	return fields
}

// add tells of a part of a line. A line of one part shares what is told of that.
func (s *State) add(o *Origin, places []Place, fields []Field) {
	if o.Places == nil && o.Fields == nil {
		o.Places, o.Fields = slices.Clip(places), slices.Clip(fields)
		return
	}
	o.Places = more(s, o.Places, places, placeSize)
	o.Fields = more(s, o.Fields, fields, 2*wordSize)
}

// more appends what isn't there yet, up to the most that is told.
func more[T comparable](s *State, have, next []T, size int) []T {
	for _, item := range next {
		if len(have) < mostTold && !slices.Contains(have, item) {
			s.spend(size)
			have = append(have, item)
		}
	}
	return have
}
