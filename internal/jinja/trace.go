package jinja

import (
	"context"
	"slices"
	"strings"
)

// Origin is where one line of the output comes from.
type Origin struct {
	Places []Place // template lines that wrote a part of it, in order
	Fields []Field // what was read for it of the objects that have a name: printed, or decided on, in order
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
// for what follows the last newline. It costs some tens of bytes per value printed. Text that a filter changed after
// a macro or block wrote it comes from where it was printed. name gives what an object is called, such as "session 12";
// one that it calls "" isn't told of.
func (t *Template) RenderTraced(ctx context.Context, vars *Dict, name func(Object) string) (string, []Origin, error) {
	return t.traced(ctx, vars, &trace{name: name})
}

func (t *Template) traced(ctx context.Context, vars *Dict, trace *trace) (string, []Origin, error) {
	text, out, err := t.render(ctx, vars, trace)
	if err != nil {
		return "", nil, err
	}
	return text, trace.origins(text, out.pieces), nil
}

// trace is what a traced rendering remembers. A nil one remembers nothing.
type trace struct {
	name    func(Object) string
	missed  func(Miss) // nil: nobody asks
	reads   []read
	claimed int // reads before it belong to pieces already
	last    captured
}

type read struct {
	object Object
	name   string
}

// piece is a part of a text that was written at once.
type piece struct {
	end      int // offset in its buffer, exclusive
	tmpl     string
	line     int32
	literal  bool // the template's own text: its lines follow the template's
	from, to int  // reads that led to it
}

// captured is the text that a macro, block or capture gave last, which is usually printed next.
type captured struct {
	text   string
	pieces []piece
}

// read notes that an attribute or a filter was asked of a value.
func (t *trace) read(v Value, name string) {
	if t == nil {
		return
	}
	if object, ok := v.(Object); ok {
		t.reads = append(t.reads, read{object, name})
	}
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

// wrote notes that text went to out from a place in a template.
func (t *trace) wrote(out *buffer, text, tmpl string, line int32, literal bool) {
	if t == nil || text == "" {
		return
	}
	from, start := t.claimed, out.Len()-len(text)
	if !literal && len(t.last.pieces) > 0 {
		last := t.last
		t.last = captured{}
		if text == last.text {
			for _, p := range last.pieces {
				p.end += start
				out.pieces = append(out.pieces, p)
			}
			return
		}
		from = last.pieces[0].from
	}
	out.pieces = append(out.pieces, piece{out.Len(), tmpl, line, literal, from, len(t.reads)})
	t.claimed = len(t.reads)
}

// captured keeps what out holds for the moment that it is printed.
func (t *trace) captured(text string, out *buffer) {
	if t != nil {
		t.last = captured{text, out.pieces}
	}
}

// origins cuts the pieces at line ends.
func (t *trace) origins(text string, pieces []piece) []Origin {
	lines := make([]Origin, strings.Count(text, "\n")+1)
	n, start := 0, 0
	for _, p := range pieces {
		line := p.line
		for rest := text[start:p.end]; rest != ""; {
			part, after, more := strings.Cut(rest, "\n")
			if part != "" {
				t.add(&lines[n], p, int(line))
			}
			if more {
				n++
				if p.literal {
					line++
				}
			}
			rest = after
		}
		start = p.end
	}
	return lines
}

func (t *trace) add(o *Origin, p piece, line int) {
	if place := (Place{p.tmpl, line}); !slices.Contains(o.Places, place) {
		o.Places = append(o.Places, place)
	}
	for _, r := range t.reads[p.from:p.to] {
		if field := (Field{t.name(r.object), r.name}); field.Object != "" && !slices.Contains(o.Fields, field) {
			o.Fields = append(o.Fields, field)
		}
	}
}
