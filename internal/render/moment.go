package render

import (
	"fmt"
	"strings"
	"time"

	"peerflow/internal/jinja"
)

// instant is Python's datetime with a time zone.
type instant struct{ time.Time }

// moment prints a time; None when there is none.
func moment(t time.Time) jinja.Value {
	if t.IsZero() {
		return jinja.None
	}
	return instant{t.UTC()}
}

func (instant) TypeName() string { return "datetime" }
func (t instant) Key() any       { return t.UnixNano() }
func (t instant) String() string { return strings.Replace(t.iso(), "T", " ", 1) }

// Compare orders times.
func (t instant) Compare(other jinja.Value) (int, bool) {
	o, ok := other.(instant)
	return t.Time.Compare(o.Time), ok
}

func (t instant) iso() string {
	if t.Nanosecond()/1000 == 0 {
		return t.Format("2006-01-02T15:04:05-07:00")
	}
	return t.Format("2006-01-02T15:04:05.000000-07:00")
}

var instantFields = offering(fields[instant]{
	"year":        func(t instant) jinja.Value { return jinja.Int(t.Year()) },
	"month":       func(t instant) jinja.Value { return jinja.Int(t.Month()) },
	"day":         func(t instant) jinja.Value { return jinja.Int(t.Day()) },
	"hour":        func(t instant) jinja.Value { return jinja.Int(t.Hour()) },
	"minute":      func(t instant) jinja.Value { return jinja.Int(t.Minute()) },
	"second":      func(t instant) jinja.Value { return jinja.Int(t.Second()) },
	"microsecond": func(t instant) jinja.Value { return jinja.Int(t.Nanosecond() / 1000) },
	"isoformat": func(t instant) jinja.Value {
		return method("isoformat", func() jinja.Value { return jinja.Str(t.iso()) })
	},
	"timestamp": func(t instant) jinja.Value {
		return method("timestamp", func() jinja.Value { return jinja.Float(float64(t.UnixMicro()) / 1e6) })
	},
	"strftime": func(t instant) jinja.Value {
		return &jinja.Func{Name: "strftime", Fn: func(s *jinja.State, a jinja.Args) (jinja.Value, error) {
			format, err := textArgs(s, a, "strftime", "format")
			if err != nil {
				return nil, err
			}
			text, err := strftime(t.Time, format[0])
			return jinja.Str(text), err
		}}
	},
})

func (t instant) Attr(name string) (jinja.Value, bool) { return instantFields.of(t, name) }

// directives are those of C's strftime, as Go lays times out. The others need a little more.
var directives = map[byte]string{
	'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'y': "06", 'B': "January", 'b': "Jan", 'h': "Jan", 'A': "Monday", 'a': "Mon",
	'p': "PM", 'I': "03", 'j': "002", 'z': "-0700", 'Z': "MST", 'F': "2006-01-02", 'T': "15:04:05", 'D': "01/02/06", 'R': "15:04", 'e': "_2",
	'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05", 'r': "03:04:05 PM",
}

// strftime lays a time out as Python does in the C locale.
func strftime(t time.Time, format string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		text, err := directive(t, format[i])
		if err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

func directive(t time.Time, letter byte) (string, error) {
	if layout, ok := directives[letter]; ok {
		return t.Format(layout), nil
	}
	year, week := t.ISOWeek()
	weekday := int(t.Weekday())
	switch letter {
	case '%':
		return "%", nil
	case 'n':
		return "\n", nil
	case 't':
		return "\t", nil
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000), nil
	case 's':
		return fmt.Sprint(t.Unix()), nil
	case 'C':
		return fmt.Sprintf("%02d", t.Year()/100), nil
	case 'G':
		return fmt.Sprint(year), nil
	case 'V':
		return fmt.Sprintf("%02d", week), nil
	case 'U':
		return fmt.Sprintf("%02d", (t.YearDay()+6-weekday)/7), nil
	case 'W':
		return fmt.Sprintf("%02d", (t.YearDay()+6-(weekday+6)%7)/7), nil
	case 'u':
		return fmt.Sprint((weekday+6)%7 + 1), nil
	case 'w':
		return fmt.Sprint(weekday), nil
	}
	return "", jinja.Errorf(jinja.ValueErr, "strftime knows no %%%c", letter)
}
