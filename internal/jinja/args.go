package jinja

import "strings"

// Args are the arguments of a call, without the value a filter or test is applied to.
type Args struct {
	Pos []Value
	Kw  []Keyword // in the order written
}

// Keyword is one name=value argument.
type Keyword struct {
	Name  string
	Value Value
}

// Bind sorts arguments into parameters, as Python does for "def fn(…)". A parameter that ends with "?" is optional
// and comes back nil when it isn't given. The error is TypeErr.
func (a Args) Bind(fn string, params ...string) (values []Value, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			values, err = nil, asError(fault)
		}
	}()
	return a.bind(fn, params...), nil
}

func (a Args) bind(fn string, params ...string) []Value {
	out := make([]Value, len(params))
	if len(a.Pos) > len(params) {
		throw(TypeErr, "%s() takes at most %d arguments (%d given)", fn, len(params), len(a.Pos))
	}
	copy(out, a.Pos)
	for _, kw := range a.Kw {
		i := indexParam(params, kw.Name)
		if i < 0 {
			throw(TypeErr, "%s() got an unexpected keyword argument '%s'", fn, kw.Name)
		}
		if out[i] != nil {
			throw(TypeErr, "%s() got multiple values for argument '%s'", fn, kw.Name)
		}
		out[i] = kw.Value
	}
	for i, param := range params {
		if out[i] == nil && !strings.HasSuffix(param, "?") {
			throw(TypeErr, "%s() missing 1 required positional argument: '%s'", fn, param)
		}
	}
	return out
}

func indexParam(params []string, name string) int {
	for i, param := range params {
		if strings.TrimSuffix(param, "?") == name {
			return i
		}
	}
	return -1
}

// positional binds arguments of functions that take no keywords.
func (a Args) positional(fn string, least, most int) []Value {
	if len(a.Kw) > 0 {
		throw(TypeErr, "%s() takes no keyword arguments", fn)
	}
	if n := len(a.Pos); n < least || most >= 0 && n > most {
		throw(TypeErr, "%s() takes from %d to %d arguments (%d given)", fn, least, most, n)
	}
	return append(a.Pos, make([]Value, max(most-len(a.Pos), 0))...)
}

// kw gives a keyword argument, and the arguments without it.
func (a Args) take(name string) (Value, Args) {
	for i, kw := range a.Kw {
		if kw.Name == name {
			rest := Args{Pos: a.Pos}
			rest.Kw = append(append(rest.Kw, a.Kw[:i]...), a.Kw[i+1:]...)
			return kw.Value, rest
		}
	}
	return nil, a
}

// kwDict is **kwargs.
func (a Args) kwDict() *Dict {
	d := NewDict(len(a.Kw))
	for _, kw := range a.Kw {
		d.SetStr(kw.Name, kw.Value)
	}
	return d
}
